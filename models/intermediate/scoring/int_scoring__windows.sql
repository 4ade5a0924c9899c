{{ config(materialized='view') }}
{#
    One row per scored day and incident in its window, with what was known on that day: not an end,
    a postmortem, the service that it names or a repeat of what it names that came later. A million
    incidents make fifty million rows, so it is a view: readers name days or aggregate.
#}
with dates as (
    select * from {{ ref('int_scoring__dates') }}
),

known as (
    select * from {{ ref('int_scoring__known_incidents') }}
),

windowed as (
    select
        dates.scoring_date,
        dates.days_back,
        known.service_id,
        known.incident_id,
        known.triggered_at,
        known.is_repeat,
        case when known.resolved_at <= dates.scoring_at then known.active_seconds end
            as active_seconds,
        case when known.episode_resolved_at <= dates.scoring_at then known.episode_seconds end
            as episode_seconds,
        known.postmortem_id,
        known.failure_mode,
        known.slo_burn_rate,
        known.revenue_impact_usd,
        known.users_share,
        known.estimate_days,
        known.is_regulatory,
        known.is_ai_code_without_tests
    from dates
    inner join known
        on
            dates.window_starts_at < known.triggered_at
            and dates.scoring_at >= known.known_from
            and dates.scoring_at < known.known_until
)

select * from windowed
