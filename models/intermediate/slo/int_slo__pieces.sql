{#
    Burn as pieces of time that neither overlap nor cross midnight (UTC), so that the burn of any
    interval is a sum, and complete days can be added up in advance. A piece is what a measurement
    adds to the previous one: the time since that one, and at most its own window.
#}
with burn_rates as (
    select * from {{ ref('int_slo__burn_rates') }}
),

recorded_windows as (
    select
        burn_rates.slo_id,
        min(burn_rates.window_seconds) as window_seconds
    from burn_rates
    where burn_rates.burn_source = 'prometheus'
    group by burn_rates.slo_id
),

-- Where the shortest recorded window has no data, a longer one only covers the time before.
recorded as (
    select burn_rates.*
    from burn_rates
    inner join recorded_windows
        on
            burn_rates.slo_id = recorded_windows.slo_id
            and burn_rates.window_seconds = recorded_windows.window_seconds
    where burn_rates.burn_source = 'prometheus'
),

-- Datadog's pieces get longer with age; each window holds at least one complete piece.
counted_windows as (
    select
        burn_rates.slo_id,
        burn_rates.measured_at,
        min(burn_rates.window_seconds) as window_seconds
    from burn_rates
    where burn_rates.burn_source = 'datadog'
    group by burn_rates.slo_id, burn_rates.measured_at
),

counted as (
    select burn_rates.*
    from burn_rates
    inner join counted_windows
        on
            burn_rates.slo_id = counted_windows.slo_id
            and burn_rates.measured_at = counted_windows.measured_at
            and burn_rates.window_seconds = counted_windows.window_seconds
    where burn_rates.burn_source = 'datadog'
),

unioned as (
    select * from recorded
    union all
    select * from counted
),

timed as (
    select
        unioned.slo_id,
        unioned.burn_source,
        unioned.window_seconds,
        unioned.error_ratio,
        unioned.burn_rate,
        coalesce(unioned.covered_share, 1) as covered_share,
        {{ seconds_between("cast('1970-01-01' as timestamp)", 'unioned.measured_at') }}
            as ends_epoch
    from unioned
),

followed as (
    select
        timed.*,
        lag(timed.ends_epoch) over (
            partition by timed.slo_id, timed.burn_source
            order by timed.ends_epoch
        ) as previous_epoch
    from timed
),

begun as (
    select
        followed.*,
        greatest(
            followed.ends_epoch - followed.window_seconds,
            coalesce(followed.previous_epoch, followed.ends_epoch - followed.window_seconds)
        ) as starts_epoch
    from followed
),

dated as (
    select
        begun.*,
        cast(floor(begun.starts_epoch / 86400.0) as bigint) as first_day,
        cast(floor((begun.ends_epoch - 1) / 86400.0) as bigint) as last_day
    from begun
    where begun.ends_epoch > begun.starts_epoch
),

-- No window is longer than three days, so no piece spans more than four dates.
pieces as (
    select
        -- ids
        dated.slo_id,

        -- strings
        dated.burn_source,

        -- numbers
        dated.first_day + later.n as day_number,
        dated.window_seconds,
        greatest(dated.starts_epoch, (dated.first_day + later.n) * 86400) as starts_epoch,
        least(dated.ends_epoch, (dated.first_day + later.n + 1) * 86400) as ends_epoch,
        dated.error_ratio,
        dated.burn_rate,
        dated.covered_share
    from dated
    inner join {{ numbers(4) }} as later on dated.first_day + later.n <= dated.last_day
)

select * from pieces
