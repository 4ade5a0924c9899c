with counted as (
    select * from {{ ref('int_incidents__counted') }}
),

intervals as (
    select * from {{ ref('int_incidents__pagerduty_intervals') }}
),

-- The same seconds as active_seconds: from the timeline where there is one, else all in one piece.
timelines as (
    select
        counted.incident_id || '#' || cast(intervals.interval_number as varchar) as stretch_id,
        counted.incident_id,
        intervals.started_at,
        coalesce(intervals.ended_at, counted.resolved_at) as ended_at
    from counted
    inner join intervals on counted.source_incident_id = intervals.source_incident_id
    where
        counted.source_name = 'pagerduty'
        and counted.resolved_at is not null
        and coalesce(intervals.ended_at, counted.resolved_at) >= intervals.started_at
),

in_one_piece as (
    select
        counted.incident_id || '#0' as stretch_id,
        counted.incident_id,
        counted.triggered_at as started_at,
        counted.resolved_at as ended_at
    from counted
    left join (
        select distinct timelines.incident_id
        from timelines
    ) as told
        on counted.incident_id = told.incident_id
    where
        told.incident_id is null
        and counted.resolved_at is not null
),

stretches as (
    select * from timelines
    union all
    select * from in_one_piece
)

select * from stretches
