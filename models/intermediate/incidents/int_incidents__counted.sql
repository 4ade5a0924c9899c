with incidents as (
    select * from {{ ref('int_incidents__unioned') }}
),

classified as (
    select * from {{ ref('int_incidents__classified') }}
),

services as (
    select * from {{ ref('int_incidents__services') }}
),

links as (
    select * from {{ ref('int_postmortems__incident_links') }}
),

postmortems as (
    select * from {{ ref('int_postmortems__enriched') }}
),

-- A postmortem may name one incident in two ways, by its number in each of two tools.
linked as (
    select
        links.postmortem_id,
        links.incident_id,
        max(case when links.is_primary then 1 else 0 end) = 1 as is_primary
    from links
    where links.is_linked
    group by links.postmortem_id, links.incident_id
),

-- An incident with several postmortems is told by the one completed last.
reviewed as (
    select
        linked.incident_id,
        linked.is_primary,
        postmortems.*,
        row_number() over (
            partition by linked.incident_id
            order by
                case when postmortems.completed_at is null then 1 else 0 end,
                postmortems.completed_at desc,
                postmortems.postmortem_id
        ) as review_rank
    from linked
    inner join postmortems on linked.postmortem_id = postmortems.postmortem_id
),

counted as (
    select
        incidents.incident_id,
        incidents.source_incident_id,
        -- The service that caused it where the postmortem says so, else the one it is on now.
        coalesce(reviewed.causal_service_id, services.service_id) as service_id,
        reviewed.causal_service_id,
        services.service_id as current_service_id,
        services.triggered_service_id,
        reviewed.postmortem_id,
        incidents.source_name,
        incidents.record_kind,
        incidents.incident_number,
        incidents.incident_title,
        incidents.incident_status,
        incidents.alert_key,
        incidents.failure_key,
        incidents.incident_url,
        services.matched_by,
        services.stated_name,
        services.stated_title,
        reviewed.failure_mode,
        reviewed.regulations,
        incidents.severity_level,
        incidents.reopen_count,
        case when reviewed.is_primary then reviewed.max_burn_rate end as slo_burn_rate,
        case when reviewed.is_primary then reviewed.revenue_usd end as revenue_impact_usd,
        reviewed.users_share,
        reviewed.is_ai_code_without_tests,
        {{ seconds_between('incidents.triggered_at', 'incidents.acknowledged_at') }}
            as time_to_acknowledge_seconds,
        {{ seconds_between('incidents.triggered_at', 'incidents.resolved_at') }}
            as elapsed_seconds,
        coalesce(
            incidents.timeline_active_seconds,
            {{ seconds_between('incidents.triggered_at', 'incidents.resolved_at') }}
        ) as active_seconds,
        incidents.triggered_at,
        incidents.acknowledged_at,
        incidents.resolved_at,
        reviewed.completed_at as reviewed_at
    from incidents
    inner join classified on incidents.incident_id = classified.incident_id
    inner join services on incidents.incident_id = services.incident_id
    left join reviewed
        on
            incidents.incident_id = reviewed.incident_id
            and reviewed.review_rank = 1
    where classified.exclusion_reason is null
)

select * from counted
