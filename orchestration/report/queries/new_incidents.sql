-- One row per incident of the last seven days, worst first.
with moment as (select max(scoring_at) as now from fct_service_scores where is_latest)

select
    incidents.incident_id,
    incidents.service_id,
    services.service_name,
    incidents.incident_title,
    incidents.incident_url,
    incidents.severity_level,
    incidents.is_repeat,
    incidents.is_open,
    incidents.is_out_of_hours,
    incidents.active_seconds / 60.0 as minutes,
    incidents.triggered_at,
    incidents.postmortem_id
from fct_incidents as incidents
left join dim_services as services on incidents.service_id = services.service_id
cross join moment
where incidents.triggered_at > moment.now - interval 7 day
order by incidents.severity_level nulls last, incidents.triggered_at desc
