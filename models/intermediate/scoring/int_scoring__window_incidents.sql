{#
    One row per scored day and incident in its window, with what was known on that day: an end, a
    postmortem, the service it names or a repeat of what it names that came later is not.
#}
with dates as (
    select * from {{ ref('int_scoring__dates') }}
),

counted as (
    select * from {{ ref('int_incidents__counted') }}
),

reviews as (
    select * from {{ ref('int_incidents__reviews') }}
),

spells as (
    select * from {{ ref('int_incidents__repeat_spells') }}
),

windowed as (
    select
        dates.scoring_date,
        dates.scoring_at,
        counted.incident_id,
        counted.triggered_at,
        case when counted.resolved_at <= dates.scoring_at then counted.active_seconds end
            as active_seconds
    from dates
    inner join counted
        on
            dates.window_starts_at < counted.triggered_at
            and dates.scoring_at >= counted.triggered_at
),

repeated as (
    select distinct
        windowed.scoring_date,
        windowed.incident_id
    from windowed
    inner join spells on windowed.incident_id = spells.incident_id
    where
        (spells.known_from is null or windowed.scoring_at >= spells.known_from)
        and (spells.known_until is null or windowed.scoring_at < spells.known_until)
),

known as (
    select
        windowed.scoring_date,
        reviews.service_id,
        windowed.incident_id,
        windowed.triggered_at,
        repeated.incident_id is not null as is_repeat,
        windowed.active_seconds,
        reviews.postmortem_id,
        reviews.failure_mode,
        reviews.slo_burn_rate,
        reviews.revenue_impact_usd,
        reviews.users_share,
        reviews.estimate_days,
        reviews.regulations is not null as is_regulatory,
        reviews.is_ai_code_without_tests
    from windowed
    inner join reviews
        on
            windowed.incident_id = reviews.incident_id
            and (reviews.known_from is null or windowed.scoring_at >= reviews.known_from)
            and (reviews.known_until is null or windowed.scoring_at < reviews.known_until)
    left join repeated
        on
            windowed.scoring_date = repeated.scoring_date
            and windowed.incident_id = repeated.incident_id
)

select * from known
