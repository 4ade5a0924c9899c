{{ config(materialized=var('single_use')) }}

{#
    The days over which targets are judged and as many before them, with the targets. Without a
    start date the days end at as_of.
#}
with targets as (
    select * from {{ ref('stg_modernization__target_values') }}
),

started as (
    select
        targets.*,
        case
            when targets.starts_on is not null then cast(targets.starts_on as timestamp)
            else {{ time_after(as_of(), '-targets.target_days', 'day') }}
        end as period_from
    from targets
),

ended as (
    select
        started.*,
        {{ time_after('started.period_from', '-started.target_days', 'day') }} as baseline_from,
        {{ time_after('started.period_from', 'started.target_days', 'day') }} as period_until
    from started
),

periods as (
    select
        ended.*,
        case when ended.period_until < {{ as_of() }} then ended.period_until else {{ as_of() }} end
            as known_until,
        {{ seconds_between('ended.period_from', as_of()) }}
        / cast(86400.0 * ended.target_days as double precision) as elapsed_share
    from ended
)

select
    periods.*,
    -- A baseline of another length is scaled.
    case when periods.elapsed_share < 1 then greatest(periods.elapsed_share, 0) else 1 end
        as period_share
from periods
