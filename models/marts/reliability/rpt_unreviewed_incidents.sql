{#
    Incidents that deserve a review and have none: how late it is, who owns it, and how much it
    could add to the service's score at most, by the factors that only a postmortem supplies.
#}
with incidents as (
    select *
    from {{ ref('fct_incidents') }}
    where
        postmortem_id is null
        and severity_level <= {{ var('review_severity') }}
        and not is_flap
),

services as (
    select * from {{ ref('dim_services') }}
),

service_calendars as (
    select * from {{ ref('int_calendar__services') }}
),

days as (
    select * from {{ ref('int_calendar__days') }}
),

scores as (
    select *
    from {{ ref('fct_service_scores') }}
    where is_latest
),

factors as (
    select * from {{ ref('fct_service_score_factors') }}
),

possible as (
    select
        factors.service_id,
        sum(factors.highest_points - coalesce(factors.points, 0)) as possible_points
    from factors
    inner join scores on factors.score_id = scores.score_id
    where
        factors.factor in ('slo_burn', 'blast_radius', 'revenue_impact', 'ai_risk')
        and factors.weight > 0
    group by factors.service_id
),

-- A review is due once the incident is over. If the end is unknown, the trigger counts.
ended as (
    select
        incidents.*,
        case
            when incidents.is_open then null
            else coalesce(incidents.resolved_at, incidents.triggered_at)
        end as ended_at
    from incidents
),

counted as (
    select
        ended.incident_id,
        count(*) as business_days
    from ended
    left join service_calendars on ended.service_id = service_calendars.service_id
    inner join days
        on
            coalesce(service_calendars.calendar_name, 'defaults') = days.calendar_name
            and ended.ended_at < days.opens_at
            and days.closes_at <= {{ as_of() }}
    group by ended.incident_id
),

unreviewed as (
    select
        -- ids
        cast(ended.incident_id as varchar) as incident_id,
        cast(ended.service_id as varchar) as service_id,
        cast(services.team_id as varchar) as team_id,

        -- strings
        cast(coalesce(services.service_name, ended.service_id) as varchar) as service_name,
        cast(services.owner as varchar) as owner,
        cast(ended.incident_title as varchar) as incident_title,
        cast(ended.incident_url as varchar) as incident_url,

        -- numbers
        cast(ended.severity_level as bigint) as severity_level,
        cast(coalesce(counted.business_days, 0) as bigint) as business_days,
        cast(coalesce(counted.business_days, 0) - {{ var('review_business_days') }} as bigint)
            as days_over,
        cast(coalesce(possible.possible_points, 0) as bigint) as possible_points,

        -- booleans
        ended.is_open,
        coalesce(counted.business_days, 0) > {{ var('review_business_days') }} as is_overdue,

        -- timestamps
        ended.triggered_at,
        ended.ended_at
    from ended
    left join services on ended.service_id = services.service_id
    left join counted on ended.incident_id = counted.incident_id
    left join possible on ended.service_id = possible.service_id
)

select * from unreviewed
