-- One row per postmortem completed in the last seven days, newest first.
with moment as (select max(scoring_at) as now from fct_service_scores where is_latest),

factors as (
    select postmortem_id, string_agg(contributing_factor, ', ' order by contributing_factor) as listed
    from bridge_postmortem_factors
    group by postmortem_id
)

select
    postmortems.postmortem_id,
    postmortems.postmortem_title,
    postmortems.postmortem_url,
    postmortems.causal_service_name as service_name,
    postmortems.owner,
    postmortems.decision_action,
    factors.listed as contributing_factors,
    postmortems.action_item_count,
    postmortems.ticketed_action_item_count,
    postmortems.revenue_impact_usd,
    postmortems.completed_at::date as completed_on
from fct_postmortems as postmortems
left join factors on postmortems.postmortem_id = factors.postmortem_id
cross join moment
where postmortems.completed_at > moment.now - interval 7 day
order by postmortems.completed_at desc, postmortems.postmortem_id
