{{ config(materialized=var('single_use')) }}

{#
    What services with an epic (the hot paths) cost a month to run, and what teams lost to toil a week,
    before the start and since. Only complete months and weeks count, in the half in which their
    middle lies, and only for services and teams with two or more in each half: to stop reporting is
    no improvement. The 95 % interval is that of a ratio by the delta method with Student's t, as if
    all had moved together, as a common cause would make them: at least as wide as it should be.
#}
{%- set halves = {'baseline': 0, 'now': 1} -%}

with periods as (
    select * from {{ ref('int_outcomes__target_periods') }}
),

amounts as (
    select *
    from {{ ref('int_finance__amounts') }}
    where is_known
),

epics as (
    select * from {{ ref('int_outcomes__epics') }}
),

counted as (
    select
        amounts.amount_kind,
        amounts.unit_id,
        amounts.amount,
        case
            when
                {{ time_after(
                    'cast(amounts.period_starts_on as timestamp)',
                    "case amounts.amount_kind when 'toil' then 84 else 360 end",
                    'hour'
                ) }} >= periods.period_from
                then 1
            else 0
        end as is_now
    from amounts
    inner join periods
        on
            cast(amounts.period_ends_on as timestamp) <= periods.known_until
            and {{ time_after(
                'cast(amounts.period_starts_on as timestamp)',
                "case amounts.amount_kind when 'toil' then 84 else 360 end",
                'hour'
            ) }} >= periods.baseline_from
    where
        amounts.amount_kind = 'toil'
        or amounts.unit_id in (select epics.service_id from epics)
),

units as (
    select
        counted.amount_kind,
        counted.unit_id,
    {%- for half, is_now in halves.items() %}
        {%- set amount = 'case when counted.is_now = ' ~ is_now ~ ' then counted.amount end' %}
        count({{ amount }}) as {{ half }}_count,
        {{ exact_sum(amount) }} / nullif(count({{ amount }}), 0) as {{ half }}_mean,
        {{ exact_variance(amount) }} as {{ half }}_variance
        {{- ',' if not loop.last }}
    {%- endfor %}
    from counted
    group by counted.amount_kind, counted.unit_id
),

totals as (
    select
        units.amount_kind,
        max(case when units.baseline_count >= 2 and units.now_count >= 2 then 1 else 0 end)
            as comparable,
    {%- for half in halves %}
        {%- set comparable = 'case when units.baseline_count >= 2 and units.now_count >= 2 then ' %}
        coalesce(max({{ comparable }}units.{{ half }}_count end), max(units.{{ half }}_count))
            as {{ half }}_count,
        coalesce(
            {{ exact_sum(comparable ~ 'units.' ~ half ~ '_mean end') }},
            {{ exact_sum('units.' ~ half ~ '_mean') }}
        ) as {{ half }}_value,
            {{ exact_sum(
                comparable ~ 'sqrt(units.' ~ half ~ '_variance / units.' ~ half ~ '_count) end'
            ) }} as {{ half }}_error
        {{- ',' if not loop.last }}
    {%- endfor %}
    from units
    group by units.amount_kind
),

compared as (
    select
        totals.*,
        totals.now_value / nullif(totals.baseline_value, 0) as ratio,
        {{ student_quantile(
            'cast(totals.baseline_count + totals.now_count - 2 as double precision)'
        ) }}
        * sqrt(
            totals.now_error * totals.now_error
            + totals.now_value / nullif(totals.baseline_value, 0) * totals.baseline_error
            * totals.now_value / nullif(totals.baseline_value, 0) * totals.baseline_error
        ) / nullif(totals.baseline_value, 0) as margin
    from totals
    where totals.comparable = 1 and totals.baseline_value > 0
),

changes as (
    select
        case totals.amount_kind when 'toil' then 'toil_hours' else 'infrastructure_cost' end
            as target_name,
        totals.baseline_count,
        totals.now_count,
        totals.baseline_value,
        totals.now_value,
        compared.ratio - 1 as change_share,
        -- Nothing falls by more than 100 %.
        case
            when compared.ratio > compared.margin then compared.ratio - compared.margin - 1
            when compared.margin is not null then -1
        end as change_low,
        compared.ratio + compared.margin - 1 as change_high,
        totals.comparable = 1 as has_baseline,
        cast(null as double precision) as share_low,
        cast(null as double precision) as share_high
    from totals
    left join compared on totals.amount_kind = compared.amount_kind
)

select * from changes
