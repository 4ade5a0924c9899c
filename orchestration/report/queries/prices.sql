-- One row per service with what its incidents of the last 90 days cost, as far as it is known.
with moment as (select max(scoring_at) as now from fct_service_scores where is_latest)

select
    incidents.service_id,
    count(*) as incidents,
    count(*) filter (where incidents.is_repeat) as repeats,
    round(sum(incidents.active_seconds) / 3600.0, 1) as hours,
    sum(incidents.revenue_impact_usd) as revenue_usd
from fct_incidents as incidents
cross join moment
where incidents.triggered_at > moment.now - interval 90 day
group by incidents.service_id
