{{ config(materialized=var('single_use')) }}

{#
    One row per day that is scored, with a checksum of everything that its scores are computed from:
    a day is scored again only if its checksum changed. The checksum is a sum: each row is added on
    the first day on which it counts and subtracted when it no longer does, so it costs one pass
    over the rows, not one for each day.
#}
with dates as (
    select * from {{ ref('int_scoring__dates') }}
),

settings as (
    select * from {{ ref('stg_modernization__scoring') }}
),

known as (
    select
        known_incidents.*,
        {{ time_after('known_incidents.triggered_at', 'settings.window_days', 'day') }}
            as leaves_window_at
    from {{ ref('int_scoring__known_incidents') }} as known_incidents
    cross join settings
),

daily_burn as (
    select * from {{ ref('int_slo__daily_burn') }}
),

counting as (
    select
        known.known_from as counts_from,
        case
            when known.known_until < known.leaves_window_at then known.known_until
            else known.leaves_window_at
        end as counts_until,
        {{ row_hash([
            'known.incident_id', 'known.service_id', 'known.triggered_at', 'known.is_repeat',
            'known.postmortem_id', 'known.failure_mode', 'known.slo_burn_rate',
            'known.revenue_impact_usd', 'known.users_share', 'known.estimate_days',
            'known.is_regulatory', 'known.is_ai_code_without_tests',
        ]) }} as row_sum
    from known
    union all
    -- Its duration counts from the resolve on.
    select
        case
            when known.resolved_at > known.known_from then known.resolved_at
            else known.known_from
        end as counts_from,
        case
            when known.known_until < known.leaves_window_at then known.known_until
            else known.leaves_window_at
        end as counts_until,
        {{ row_hash(['known.incident_id', 'known.service_id', 'known.active_seconds']) }}
            as row_sum
    from known
    where known.resolved_at is not null
    union all
    select
        case
            when known.episode_resolved_at > known.known_from then known.episode_resolved_at
            else known.known_from
        end as counts_from,
        case
            when known.known_until < known.leaves_window_at then known.known_until
            else known.leaves_window_at
        end as counts_until,
        {{ row_hash(['known.incident_id', 'known.service_id', 'known.episode_seconds']) }}
            as row_sum
    from known
    where known.episode_resolved_at is not null
    union all
    -- Measurements of a day that is partly in the window count: one day longer for the newest.
    select
        {{ time_after('cast(daily_burn.measured_on as timestamp)', 1, 'second') }}
            as counts_from,
        {{ time_after(
            'cast(daily_burn.measured_on as timestamp)', '(settings.window_days + 2)', 'day'
        ) }} as counts_until,
        {{ row_hash([
            'daily_burn.service_id', 'daily_burn.measured_on', 'daily_burn.budget_spent',
            'daily_burn.burn_alert',
        ]) }} as row_sum
    from daily_burn
    cross join settings
),

changes as (
    select
        {{ scoring_day_of('counting.counts_from') }} as changed_on,
        sum(counting.row_sum) as change_sum
    from counting
    where counting.counts_from < counting.counts_until
    group by {{ scoring_day_of('counting.counts_from') }}
    union all
    select
        {{ scoring_day_of('counting.counts_until') }} as changed_on,
        -sum(counting.row_sum) as change_sum
    from counting
    where counting.counts_from < counting.counts_until
    group by {{ scoring_day_of('counting.counts_until') }}
),

-- Services and the catalog have no history: every day uses today's.
services as (
    select
        sum({{ row_hash([
            'services.service_id', 'services.is_scored', 'centrality.dependency_centrality',
            'centrality.transitive_dependents',
        ]) }}) as service_sum
    from {{ ref('int_scoring__services') }} as services
    left join {{ ref('int_services__centrality') }} as centrality
        on services.service_id = centrality.service_id
),

summed as (
    select
        dates.scoring_date,
        dates.scoring_at,
        dates.window_starts_at,
        sum(changes.change_sum) as change_sum
    from dates
    left join changes on dates.scoring_date >= changes.changed_on
    group by dates.scoring_date, dates.scoring_at, dates.window_starts_at
)

select
    summed.scoring_date,
    summed.scoring_at,
    summed.window_starts_at,
    -- The version of what factors mean: another number scores every day again.
    '4 ' || cast(coalesce(summed.change_sum, 0) as varchar)
    || ' ' || coalesce(cast(services.service_sum as varchar), '')
    || ' ' || cast(summed.scoring_at as varchar)
    || ' ' || cast(summed.window_starts_at as varchar) as day_checksum
from summed
cross join services
