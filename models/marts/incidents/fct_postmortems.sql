with postmortems as (
    select * from {{ ref('int_postmortems__enriched') }}
),

links as (
    select * from {{ ref('int_postmortems__incident_links') }}
),

services as (
    select * from {{ ref('dim_services') }}
),

incidents as (
    select * from {{ ref('int_incidents__counted') }}
),

service_calendars as (
    select * from {{ ref('int_calendar__services') }}
),

days as (
    select * from {{ ref('int_calendar__days') }}
),

-- A review is due once the last of its incidents is over; if an end is unknown, the trigger counts.
ended as (
    select
        links.postmortem_id,
        coalesce(incidents.resolved_at, incidents.triggered_at) as ended_at,
        coalesce(service_calendars.calendar_name, 'defaults') as calendar_name,
        row_number() over (
            partition by links.postmortem_id
            order by
                coalesce(incidents.resolved_at, incidents.triggered_at) desc,
                incidents.incident_id
        ) as recency,
        max(case when incidents.incident_status = 'resolved' then 0 else 1 end) over (
            partition by links.postmortem_id
        ) as open_count
    from links
    inner join incidents on links.incident_id = incidents.incident_id
    left join service_calendars on incidents.service_id = service_calendars.service_id
),

reviewed as (
    select
        ended.postmortem_id,
        ended.ended_at,
        count(days.calendar_day_id) as business_days
    from ended
    inner join postmortems on ended.postmortem_id = postmortems.postmortem_id
    left join days
        on
            ended.calendar_name = days.calendar_name
            and ended.ended_at < days.opens_at
            and days.closes_at <= coalesce(postmortems.completed_at, {{ as_of() }})
    where ended.recency = 1 and ended.open_count = 0
    group by ended.postmortem_id, ended.ended_at
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
        postmortems.failure_mode,
        postmortems.required_window,
        coalesce({{ person_or_team('postmortems.owner_name') }}, services.owner) as owner,
        postmortems.decision_action,
        postmortems.target_maturity,
        postmortems.slo_chart_url,
        postmortems.postmortem_url,

        -- numbers
        cast(coalesce(linked.incident_count, 0) as bigint) as incident_count,
        cast(coalesce(linked.linked_incident_count, 0) as bigint) as linked_incident_count,
        case
            when postmortems.completed_at is not null or not postmortems.is_complete
                then cast(reviewed.business_days as bigint)
        end as business_days,
        cast(postmortems.action_item_count as bigint) as action_item_count,
        cast(postmortems.ticketed_action_item_count as bigint) as ticketed_action_item_count,
        cast(postmortems.max_burn_rate as double precision) as max_burn_rate,
        cast(postmortems.users_share as double precision) as users_share,
        cast(postmortems.revenue_usd as double precision) as revenue_impact_usd,
        cast(postmortems.estimate_days as double precision) as estimate_days,

        -- booleans
        postmortems.is_ai_code_without_tests,
        postmortems.is_regulatory,
        postmortems.is_complete,
        -- An incomplete one may still be in time; without a completion date it is unknown.
        case
            when
                postmortems.completed_at is not null
                or (
                    not postmortems.is_complete
                    and reviewed.business_days > {{ var('review_business_days') }}
                )
                then reviewed.business_days <= {{ var('review_business_days') }}
        end as is_on_time,

        -- timestamps
        postmortems.impact_started_at,
        reviewed.ended_at as incidents_ended_at,
        postmortems.review_on,
        postmortems.completed_at
    from postmortems
    left join linked on postmortems.postmortem_id = linked.postmortem_id
    left join reviewed on postmortems.postmortem_id = reviewed.postmortem_id
    left join services on postmortems.causal_service_id = services.service_id
)

select * from facts
