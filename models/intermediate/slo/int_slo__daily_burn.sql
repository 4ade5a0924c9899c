{#
    What monitoring measured for each service on each day (UTC): the most urgent burn-rate alert
    that fired, and how much of an error budget was spent in the period that ended with the day. A
    rate alone says little: an hour at twenty times the rate spends 3 % of a month's budget.
#}
{%- set windows = burn_windows() -%}
with burn_rates as (
    select * from {{ ref('int_slo__burn_rates') }}
),

budgets as (
    select * from {{ ref('int_slo__budgets') }}
),

pieces as (
    select * from {{ ref('int_slo__pieces') }}
),

alerts as (
    {%- for long, short, threshold, kind in burn_alerts() %}
        {{ 'union all' if not loop.first }}
        select
            {{ loop.index }} as alert_rank,
            {{ windows[long] }} as long_seconds,
            {{ windows[short] }} as short_seconds,
            {{ threshold }} as threshold
    {%- endfor %}
),

-- A moment for which either window is missing has no row: the long window says that it matters, the
-- short one that it was still going on. The thresholds are those for 30 days, in proportion.
alert_states as (
    select
        long_windows.service_id,
        cast(long_windows.measured_at as date) as measured_on,
        case
            when
                long_windows.burn_rate > alerts.threshold * budgets.window_days / 30.0
                and short_windows.burn_rate > alerts.threshold * budgets.window_days / 30.0
                then alerts.alert_rank
            else 0
        end as burn_alert
    from burn_rates as long_windows
    inner join alerts on long_windows.window_seconds = alerts.long_seconds
    inner join budgets on long_windows.slo_id = budgets.slo_id
    inner join burn_rates as short_windows
        on
            long_windows.slo_id = short_windows.slo_id
            and long_windows.burn_source = short_windows.burn_source
            and long_windows.measured_at = short_windows.measured_at
            and alerts.short_seconds = short_windows.window_seconds
    where long_windows.burn_rate is not null and short_windows.burn_rate is not null
),

days as (
    select
        pieces.slo_id,
        pieces.burn_source,
        pieces.day_number,
        {{ exact_sum('(pieces.ends_epoch - pieces.starts_epoch) * pieces.covered_share') }}
            as covered_seconds,
        {{ exact_sum(
            '(pieces.ends_epoch - pieces.starts_epoch) * pieces.covered_share * pieces.burn_rate'
        ) }} as burnt_seconds
    from pieces
    where pieces.burn_rate is not null
    group by pieces.slo_id, pieces.burn_source, pieces.day_number
),

periods as (
    select
        days.slo_id,
        budgets.service_id,
        days.day_number,
        {{ exact_sum('earlier.covered_seconds') }} as covered_seconds,
        {{ exact_sum('earlier.burnt_seconds') }} / max(budgets.period_seconds) as budget_spent,
        days.burn_source
    from days
    inner join budgets on days.slo_id = budgets.slo_id
    inner join days as earlier
        on
            days.slo_id = earlier.slo_id
            and days.burn_source = earlier.burn_source
            and days.day_number >= earlier.day_number
            and days.day_number - budgets.window_days < earlier.day_number
    group by days.slo_id, budgets.service_id, days.day_number, days.burn_source
),

-- Of two sources the one that measured more of the period counts.
ranked as (
    select
        periods.*,
        row_number() over (
            partition by periods.slo_id, periods.day_number
            order by periods.covered_seconds desc, periods.burn_source desc
        ) as source_rank
    from periods
),

unioned as (
    select
        alert_states.service_id,
        alert_states.measured_on,
        alert_states.burn_alert,
        cast(null as double precision) as budget_spent
    from alert_states
    union all
    select
        ranked.service_id,
        cast(
            {{ time_after("cast('1970-01-01' as timestamp)", 'ranked.day_number', 'day') }} as date
        ) as measured_on,
        cast(null as integer) as burn_alert,
        ranked.budget_spent
    from ranked
    where ranked.source_rank = 1
),

daily as (
    select
        unioned.service_id,
        unioned.measured_on,
        max(unioned.burn_alert) as burn_alert,
        cast(max(unioned.budget_spent) as double precision) as budget_spent
    from unioned
    group by unioned.service_id, unioned.measured_on
)

select * from daily
