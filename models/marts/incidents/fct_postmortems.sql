with postmortems as (
    select * from {{ ref('int_postmortems__enriched') }}
),

links as (
    select * from {{ ref('int_postmortems__incident_links') }}
),

services as (
    select * from {{ ref('dim_services') }}
),

linked as (
    select
        links.postmortem_id,
        count(*) as incident_count,
        sum(case when links.is_linked then 1 else 0 end) as linked_incident_count
    from links
    group by links.postmortem_id
),

facts as (
    select
        -- ids
        postmortems.postmortem_id,
        postmortems.causal_service_id,
        services.team_id,
        postmortems.decision_epic_ref,

        -- strings
        postmortems.template_name,
        postmortems.postmortem_title,
        postmortems.causal_service_name,
        services.service_name,
        postmortems.service_names,
        postmortems.failure_mode,
        postmortems.fix_classes,
        postmortems.contributing_factors,
        postmortems.regulations,
        postmortems.risk_ids,
        postmortems.required_window,
        coalesce(postmortems.owner_name, services.owner) as owner,
        postmortems.decision_action,
        postmortems.target_maturity,
        postmortems.slo_chart_url,

        -- numbers
        cast(coalesce(linked.incident_count, 0) as bigint) as incident_count,
        cast(coalesce(linked.linked_incident_count, 0) as bigint) as linked_incident_count,
        cast(postmortems.action_item_count as bigint) as action_item_count,
        cast(postmortems.ticketed_action_item_count as bigint) as ticketed_action_item_count,
        cast(postmortems.max_burn_rate as double precision) as max_burn_rate,
        cast(postmortems.users_share as double precision) as users_share,
        cast(postmortems.revenue_usd as double precision) as revenue_impact_usd,
        cast(postmortems.estimate_days as double precision) as estimate_days,

        -- booleans
        postmortems.is_ai_code_without_tests,
        postmortems.is_regulatory,

        -- timestamps
        postmortems.impact_started_at,
        postmortems.review_on,
        postmortems.completed_at
    from postmortems
    left join linked on postmortems.postmortem_id = linked.postmortem_id
    left join services on postmortems.causal_service_id = services.service_id
)

select * from facts
