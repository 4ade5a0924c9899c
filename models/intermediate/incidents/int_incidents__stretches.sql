with counted as (
    select * from {{ ref('int_incidents__counted') }}
),

intervals as (
    {{ incident_intervals() }}
),

-- The same seconds as active_seconds: from the timeline if one exists, else as one interval.
-- What was merged into it began before its own timeline does.
timelines as (
    select
        counted.incident_id || '#' || cast(intervals.interval_number as varchar) as stretch_id,
        counted.incident_id,
        case
            when intervals.interval_number = 0 and counted.triggered_at < intervals.started_at
                then counted.triggered_at
            else intervals.started_at
        end as started_at,
        case
            when intervals.ended_at < counted.resolved_at then intervals.ended_at
            else counted.resolved_at
        end as ended_at
    from counted
    inner join intervals on counted.incident_id = intervals.incident_id
    where
        counted.resolved_at is not null
        and counted.resolved_at >= intervals.started_at
        and coalesce(intervals.ended_at, counted.resolved_at) >= intervals.started_at
),

without_timeline as (
    select
        counted.incident_id || '#0' as stretch_id,
        counted.incident_id,
        counted.triggered_at as started_at,
        counted.resolved_at as ended_at
    from counted
    left join (
        select distinct timelines.incident_id
        from timelines
    ) as with_timeline
        on counted.incident_id = with_timeline.incident_id
    where
        with_timeline.incident_id is null
        and counted.resolved_at is not null
),

stretches as (
    select * from timelines
    union all
    select * from without_timeline
)

select * from stretches
