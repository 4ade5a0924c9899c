with counted as (
    select * from {{ ref('int_incidents__counted') }}
),

gaps as (
    select
        counted.incident_id,
        counted.service_id,
        counted.alert_key,
        counted.triggered_at,
        -- The latest end, as incidents of one alert may overlap. Of an open one, or one whose end
        -- is unknown, only the trigger is certain: stuck open it would make flaps of all later
        -- ones.
        max(coalesce(counted.resolved_at, counted.triggered_at)) over (
            partition by counted.source_name, counted.service_id, counted.alert_key
            order by counted.triggered_at, counted.incident_id
            rows between unbounded preceding and 1 preceding
        ) as previous_ended_at
    from counted
    where counted.alert_key is not null
),

flaps as (
    select
        gaps.incident_id,
        {{ seconds_between('gaps.previous_ended_at', 'gaps.triggered_at') }}
        <= 60 * {{ var('flap_gap_minutes') }} as is_flap
    from gaps
    where gaps.previous_ended_at is not null
),

marked as (
    select
        counted.incident_id,
        counted.source_name,
        counted.service_id,
        counted.alert_key,
        counted.triggered_at,
        coalesce(flaps.is_flap, false) as is_flap
    from counted
    left join flaps on counted.incident_id = flaps.incident_id
),

numbered as (
    select
        marked.*,
        sum(case when marked.is_flap then 0 else 1 end) over (
            partition by marked.source_name, marked.service_id, marked.alert_key
            order by marked.triggered_at, marked.incident_id
            rows between unbounded preceding and current row
        ) as episode_number
    from marked
),

episodes as (
    select
        numbered.incident_id,
        numbered.is_flap,
        case
            -- Without an alert key nothing shows that two incidents are the same.
            when numbered.alert_key is null then numbered.incident_id
            else
                first_value(numbered.incident_id) over (
                    partition by
                        numbered.source_name,
                        numbered.service_id,
                        numbered.alert_key,
                        numbered.episode_number
                    order by numbered.triggered_at, numbered.incident_id
                    rows between unbounded preceding and current row
                )
        end as episode_id
    from numbered
)

select * from episodes
