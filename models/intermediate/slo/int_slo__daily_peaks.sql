{#
    The highest burn rate of each service and day (UTC) that both windows of a pair exceeded: the
    long one that it matters, the short one that it was still going on.
#}
with burn_rates as (
    select * from {{ ref('int_slo__burn_rates') }}
),

-- One hour and five minutes, six hours and thirty minutes, one day and two hours, three days and
-- six hours.
pairs as (
    select
        3600 as long_seconds,
        300 as short_seconds
    union all
    select
        21600 as long_seconds,
        1800 as short_seconds
    union all
    select
        86400 as long_seconds,
        7200 as short_seconds
    union all
    select
        259200 as long_seconds,
        21600 as short_seconds
),

-- A moment that either window is missing of is not there.
paired as (
    select
        long_windows.service_id,
        long_windows.measured_at,
        least(short_windows.burn_rate, long_windows.burn_rate) as exceeded_burn_rate
    from burn_rates as long_windows
    inner join pairs on long_windows.window_seconds = pairs.long_seconds
    inner join burn_rates as short_windows
        on
            long_windows.slo_id = short_windows.slo_id
            and long_windows.burn_source = short_windows.burn_source
            and long_windows.measured_at = short_windows.measured_at
            and pairs.short_seconds = short_windows.window_seconds
    where long_windows.burn_rate is not null and short_windows.burn_rate is not null
),

peaks as (
    select
        paired.service_id,
        cast(paired.measured_at as date) as measured_on,
        max(paired.exceeded_burn_rate) as peak_burn_rate
    from paired
    group by paired.service_id, cast(paired.measured_at as date)
)

select * from peaks
