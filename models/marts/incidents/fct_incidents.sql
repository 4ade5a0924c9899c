with counted as (
    select * from {{ ref('int_incidents__counted') }}
),

episodes as (
    select * from {{ ref('int_incidents__episodes') }}
),

repeats as (
    select * from {{ ref('int_incidents__repeats') }}
),

incident_seconds as (
    select * from {{ ref('int_calendar__incident_seconds') }}
),

triggers as (
    select *
    from {{ ref('int_calendar__pages') }}
    where page_source = 'trigger'
),

services as (
    select * from {{ ref('dim_services') }}
),

incidents as (
    select
        -- ids
        counted.incident_id,
        counted.source_incident_id,
        counted.service_id,
        counted.causal_service_id,
        counted.current_service_id,
        counted.triggered_service_id,
        counted.postmortem_id,
        episodes.episode_id,
        repeats.repeat_of_id,
        services.team_id,

        -- strings
        services.service_name,
        services.owner,
        counted.source_name,
        counted.record_kind,
        counted.incident_number,
        counted.incident_title,
        cast(counted.incident_status as varchar) as incident_status,
        counted.alert_key,
        counted.failure_mode,
        repeats.fingerprint,
        counted.matched_by,
        counted.incident_url,

        -- numbers
        cast(counted.severity_level as integer) as severity_level,
        cast(counted.reopen_count as bigint) as reopen_count,
        cast(counted.time_to_detect_seconds as bigint) as time_to_detect_seconds,
        cast(counted.time_to_acknowledge_seconds as bigint) as time_to_acknowledge_seconds,
        cast(counted.elapsed_seconds as bigint) as elapsed_seconds,
        cast(counted.active_seconds as bigint) as active_seconds,
        cast(incident_seconds.business_seconds_to_acknowledge as bigint)
            as business_seconds_to_acknowledge,
        cast(incident_seconds.business_active_seconds as bigint) as business_active_seconds,
        cast(counted.slo_burn_rate as double precision) as slo_burn_rate,
        cast(counted.users_share as double precision) as users_share,
        cast(counted.revenue_impact_usd as double precision) as revenue_impact_usd,

        -- booleans
        counted.incident_status != 'resolved' as is_open,
        episodes.is_flap,
        -- Unknown where nothing says what failed. A flap is no separate occurrence.
        case
            when repeats.is_repeat is not null or episodes.is_flap
                then coalesce(repeats.is_repeat, false)
        end as is_repeat,
        triggers.is_out_of_hours,
        counted.is_ai_code_without_tests,

        -- timestamps
        counted.triggered_at,
        counted.acknowledged_at,
        counted.resolved_at
    from counted
    inner join episodes on counted.incident_id = episodes.incident_id
    left join repeats on counted.incident_id = repeats.incident_id
    left join incident_seconds on counted.incident_id = incident_seconds.incident_id
    left join triggers on counted.incident_id = triggers.incident_id
    left join services on counted.service_id = services.service_id
)

select * from incidents
