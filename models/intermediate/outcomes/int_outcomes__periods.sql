{{ config(materialized=var('single_use')) }}

{#
    The pairs of periods, before and after, over which services are compared: those of the epics,
    each once, and one a month back from as_of for the placebo, as if an epic had been opened and
    delivered at that moment.
#}
with epics as (
    select * from {{ ref('int_outcomes__epics') }}
),

incidents as (
    select * from {{ ref('fct_incidents') }}
),

history as (
    select min(incidents.triggered_at) as history_starts_at
    from incidents
),

months as (
    select
        months.n + 1 as month_number,
        {{ time_after(
            as_of(), '-(' ~ var('payback_washout_days') ~ ' + 30 * (months.n + 1))', 'day'
        ) }} as before_until,
        {{ time_after(as_of(), '-30 * (months.n + 1)', 'day') }} as after_from
    from {{ numbers(12) }} as months
),

placebos as (
    select
        'placebo ' || cast(months.month_number as varchar) as period_id,
        {{ time_after(
            'months.before_until', '-' ~ var('payback_baseline_days'), 'day'
        ) }} as before_from,
        months.before_until,
        months.after_from,
        {{ time_after('months.after_from', var('payback_after_days'), 'day') }}
            as after_until
    from months
),

unioned as (
    select distinct
        epics.period_id,
        false as is_placebo,
        epics.before_from,
        epics.before_until,
        epics.after_from,
        epics.after_until
    from epics
    where epics.before_from < epics.before_until
    union all
    select
        placebos.period_id,
        true as is_placebo,
        case
            when placebos.before_from < history.history_starts_at
                then history.history_starts_at
            else placebos.before_from
        end as before_from,
        placebos.before_until,
        placebos.after_from,
        case
            when placebos.after_until < {{ as_of() }} then placebos.after_until else {{ as_of() }}
        end
            as after_until
    from placebos
    cross join history
    where placebos.before_until > history.history_starts_at
),

measured as (
    select
        unioned.*,
        cast(
            {{ seconds_between('unioned.before_from', 'unioned.before_until') }}
            as double precision
        ) / 86400 as before_days,
        cast(
            {{ seconds_between('unioned.after_from', 'unioned.after_until') }}
            as double precision
        ) / 86400 as after_days
    from unioned
)

select * from measured
