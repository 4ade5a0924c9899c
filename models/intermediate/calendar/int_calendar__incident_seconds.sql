{#
    Working seconds of each incident on the calendar of its service's team. The working seconds
    between two moments are those before the later one minus those before the earlier one, so each
    end is looked up by its day, and no interval is joined with every day that it spans.
#}
with counted as (
    select * from {{ ref('int_incidents__counted') }}
),

stretches as (
    select * from {{ ref('int_incidents__stretches') }}
),

service_calendars as (
    select * from {{ ref('int_calendar__services') }}
),

calendars as (
    select * from {{ ref('int_calendar__calendars') }}
),

days as (
    select * from {{ ref('int_calendar__days') }}
),

marks as (
    select
        counted.incident_id,
        'acknowledge' as measure,
        -1 as mark_sign,
        counted.triggered_at as marked_at
    from counted
    where counted.acknowledged_at >= counted.triggered_at
    union all
    select
        counted.incident_id,
        'acknowledge' as measure,
        1 as mark_sign,
        counted.acknowledged_at as marked_at
    from counted
    where counted.acknowledged_at >= counted.triggered_at
    union all
    select
        stretches.incident_id,
        'active' as measure,
        -1 as mark_sign,
        stretches.started_at as marked_at
    from stretches
    union all
    select
        stretches.incident_id,
        'active' as measure,
        1 as mark_sign,
        stretches.ended_at as marked_at
    from stretches
),

dated as (
    select
        marks.incident_id,
        marks.measure,
        marks.mark_sign,
        marks.marked_at,
        calendars.calendar_name,
        cast({{ local_time('marks.marked_at', 'calendars.time_zone') }} as date) as local_date
    from marks
    inner join counted on marks.incident_id = counted.incident_id
    left join service_calendars on counted.service_id = service_calendars.service_id
    inner join calendars
        on coalesce(service_calendars.calendar_name, 'defaults') = calendars.calendar_name
),

-- Hours that began the previous day may still be running.
looked_up as (
    select
        dated.incident_id,
        dated.measure,
        dated.mark_sign,
        yesterday.seconds_before,
        yesterday.working_seconds as yesterday_seconds,
        today.working_seconds as today_seconds,
        {{ seconds_between('yesterday.opens_at', 'dated.marked_at') }}
            as since_yesterday,
        {{ seconds_between('today.opens_at', 'dated.marked_at') }}
            as since_today
    from dated
    inner join days as today
        on
            dated.calendar_name = today.calendar_name
            and dated.local_date = today.local_date
    inner join days as yesterday
        on
            dated.calendar_name = yesterday.calendar_name
            and dated.local_date
            = cast({{ dbt.dateadd('day', 1, 'yesterday.local_date') }} as date)
),

worked as (
    select
        looked_up.incident_id,
        looked_up.measure,
        looked_up.mark_sign,
        looked_up.seconds_before
        + case
            when looked_up.since_yesterday >= looked_up.yesterday_seconds
                then looked_up.yesterday_seconds
            when looked_up.since_yesterday > 0 then looked_up.since_yesterday
            else 0
        end
        + case
            when looked_up.since_today >= looked_up.today_seconds then looked_up.today_seconds
            when looked_up.since_today > 0 then looked_up.since_today
            else 0
        end as worked_seconds
    from looked_up
),

summed as (
    select
        worked.incident_id,
        sum(
            case
                when worked.measure = 'acknowledge' then worked.mark_sign * worked.worked_seconds
            end
        ) as business_seconds_to_acknowledge,
        sum(
            case when worked.measure = 'active' then worked.mark_sign * worked.worked_seconds end
        ) as business_active_seconds
    from worked
    group by worked.incident_id
)

select * from summed
