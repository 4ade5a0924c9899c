{#
    One row per scored day and incident in its window, with what was known on that day: an end or
    a postmortem that came later is not.
#}
with dates as (
    select * from {{ ref('int_scoring__dates') }}
),

counted as (
    select * from {{ ref('int_incidents__counted') }}
),

repeats as (
    select * from {{ ref('int_incidents__repeats') }}
),

postmortems as (
    select * from {{ ref('int_postmortems__enriched') }}
),

windowed as (
    select
        dates.scoring_date,
        counted.service_id,
        counted.incident_id,
        counted.triggered_at,
        coalesce(repeats.is_repeat, false) as is_repeat,
        case when counted.resolved_at <= dates.scoring_at then counted.active_seconds end
            as active_seconds,
        counted.reviewed_at is null or counted.reviewed_at <= dates.scoring_at as is_reviewed,
        counted.postmortem_id
    from dates
    inner join counted
        on
            dates.window_starts_at < counted.triggered_at
            and dates.scoring_at >= counted.triggered_at
    left join repeats on counted.incident_id = repeats.incident_id
),

known as (
    select
        windowed.scoring_date,
        windowed.service_id,
        windowed.incident_id,
        windowed.triggered_at,
        windowed.is_repeat,
        windowed.active_seconds,
        postmortems.postmortem_id,
        postmortems.failure_mode,
        counted.slo_burn_rate,
        counted.revenue_impact_usd,
        postmortems.users_share,
        postmortems.estimate_days,
        postmortems.is_regulatory,
        postmortems.is_ai_code_without_tests,
        postmortems.completed_at
    from windowed
    left join postmortems
        on
            windowed.postmortem_id = postmortems.postmortem_id
            and windowed.is_reviewed
    left join counted
        on
            windowed.incident_id = counted.incident_id
            and windowed.is_reviewed
)

select * from known
