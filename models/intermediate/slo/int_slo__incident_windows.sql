{#
    When incidents were active, as in int_incidents__stretches, and open ones up to as_of, because
    the budget burnt so far is known. The service was down for the share of users that a postmortem
    states; without one, for all of them if the severity is that of an outage, else it is unknown: a
    disk that is almost full burns no budget.
#}
with counted as (
    select * from {{ ref('int_incidents__counted') }}
),

stretches as (
    select * from {{ ref('int_incidents__stretches') }}
),

intervals as (
    {{ incident_intervals() }}
),

still_open as (
    select *
    from counted
    where incident_status != 'resolved' and resolved_at is null
),

timelines as (
    select
        still_open.incident_id,
        intervals.started_at,
        coalesce(intervals.ended_at, {{ as_of() }}) as ended_at
    from still_open
    inner join intervals on still_open.incident_id = intervals.incident_id
),

without_timeline as (
    select
        still_open.incident_id,
        still_open.triggered_at as started_at,
        {{ as_of() }} as ended_at
    from still_open
    left join (
        select distinct timelines.incident_id
        from timelines
    ) as with_timeline
        on still_open.incident_id = with_timeline.incident_id
    where with_timeline.incident_id is null
),

unioned as (
    select
        stretches.incident_id,
        stretches.started_at,
        stretches.ended_at
    from stretches
    union all
    select * from timelines
    union all
    select * from without_timeline
),

windows as (
    select
        unioned.incident_id,
        counted.service_id,
        {{ seconds_between("cast('1970-01-01' as timestamp)", 'unioned.started_at') }}
            as starts_epoch,
        {{ seconds_between(
            "cast('1970-01-01' as timestamp)", 'least(unioned.ended_at, ' ~ as_of() ~ ')'
        ) }} as ends_epoch,
        case
            when counted.users_share is not null then counted.users_share
            when counted.severity_level <= {{ var('review_severity') }} then 1
        end as down_share
    from unioned
    inner join counted on unioned.incident_id = counted.incident_id
    where unioned.started_at <= {{ as_of() }}
)

select *
from windows
where ends_epoch >= starts_epoch
