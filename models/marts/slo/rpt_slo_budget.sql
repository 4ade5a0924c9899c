{#
    The error budget of every objective over the period that ends at as_of, and how fast it burns.

    Thresholds are those of the SRE workbook for 30 days (2 % of the budget in an hour, 5 % in six,
    10 % in one day and in three), in proportion for other periods.
#}
{%- set pairs = burn_alerts() | reverse | list -%}
{%- set windows = burn_windows() -%}
with budgets as (
    select * from {{ ref('int_slo__budgets') }}
),

services as (
    select * from {{ ref('dim_services') }}
),

pieces as (
    select * from {{ ref('int_slo__pieces') }}
),

burn_rates as (
    select * from {{ ref('int_slo__burn_rates') }}
),

incident_windows as (
    select * from {{ ref('int_slo__incident_windows') }}
),

clocked as (
    select
        budgets.*,
        {{ as_of() }} as ends_at
    from budgets
),

ended as (
    select
        clocked.*,
        {{ seconds_between("cast('1970-01-01' as timestamp)", 'clocked.ends_at') }}
            as ends_epoch
    from clocked
),

periods as (
    select
        ended.*,
        ended.ends_epoch - cast(ended.period_seconds as bigint) as starts_epoch
    from ended
),

overlapping as (
    select
        pieces.slo_id,
        pieces.burn_source,
        {{ covered_seconds('periods', 'pieces') }} as covered_seconds,
        pieces.error_ratio,
        pieces.burn_rate
    from pieces
    inner join periods on pieces.slo_id = periods.slo_id
    where
        pieces.ends_epoch > periods.starts_epoch
        and pieces.starts_epoch < periods.ends_epoch
),

measured as (
    select
        overlapping.slo_id,
        overlapping.burn_source,
        {{ burn_sums('overlapping') }}
    from overlapping
    group by overlapping.slo_id, overlapping.burn_source
),

-- Of two sources the one that measured more of the period counts.
ranked as (
    select
        measured.*,
        row_number() over (
            partition by measured.slo_id
            order by measured.covered_seconds desc, measured.burn_source desc
        ) as source_rank
    from measured
    where measured.covered_seconds > 0
),

clipped as (
    select
        periods.slo_id,
        greatest(incident_windows.starts_epoch, periods.starts_epoch) as starts_epoch,
        incident_windows.ends_epoch,
        incident_windows.down_share
    from incident_windows
    inner join periods
        on
            incident_windows.service_id = periods.service_id
            and incident_windows.ends_epoch > periods.starts_epoch
    where periods.indicator_kind = 'availability' and incident_windows.down_share is not null
),

moments as (
    select
        clipped.slo_id,
        clipped.starts_epoch as moment_epoch
    from clipped
    union distinct
    select
        clipped.slo_id,
        clipped.ends_epoch as moment_epoch
    from clipped
),

spans as (
    select
        moments.slo_id,
        moments.moment_epoch as starts_epoch,
        lead(moments.moment_epoch) over (
            partition by moments.slo_id order by moments.moment_epoch
        ) as ends_epoch
    from moments
),

-- Simultaneous incidents are one downtime, for the users hit by the worse one.
outages as (
    select
        spans.slo_id,
        spans.starts_epoch,
        spans.ends_epoch - spans.starts_epoch as span_seconds,
        max(clipped.down_share) as down_share
    from spans
    inner join clipped
        on
            spans.slo_id = clipped.slo_id
            and spans.starts_epoch >= clipped.starts_epoch
            and spans.ends_epoch <= clipped.ends_epoch
    group by spans.slo_id, spans.starts_epoch, spans.ends_epoch
),

downtimes as (
    select
        down.slo_id,
        coalesce({{ exact_sum('outages.down_share * outages.span_seconds') }}, 0) as down_seconds
    from (select distinct clipped.slo_id from clipped) as down
    left join outages on down.slo_id = outages.slo_id
    group by down.slo_id
),

-- A measurement more than an hour old says nothing about now.
newest as (
    select
        burn_rates.slo_id,
        burn_rates.burn_source,
        max(burn_rates.measured_at) as measured_at
    from burn_rates
    where
        burn_rates.measured_at <= {{ as_of() }}
        and burn_rates.measured_at >= {{ time_after(as_of(), -1, 'hour') }}
    group by burn_rates.slo_id, burn_rates.burn_source
),

current_rates as (
    select
        newest.slo_id,
        newest.burn_source,
        newest.measured_at,
        {%- for name, seconds in windows.items() %}
            max(case when burn_rates.window_seconds = {{ seconds }} then burn_rates.burn_rate end)
                as burn_rate_{{ name }}
            {%- if not loop.last %},{% endif %}
        {%- endfor %}
    from newest
    inner join burn_rates
        on
            newest.slo_id = burn_rates.slo_id
            and newest.burn_source = burn_rates.burn_source
            and newest.measured_at = burn_rates.measured_at
    group by newest.slo_id, newest.burn_source, newest.measured_at
),

joined as (
    select
        periods.*,
        ranked.burn_source,
        ranked.covered_seconds,
        ranked.bad_seconds,
        ranked.burnt_seconds,
        ranked.burn_source is null
        and downtimes.down_seconds is not null
        and periods.budget_seconds is not null as is_estimated,
        downtimes.down_seconds,
        current_rates.measured_at,
        {%- for name in windows %}
            current_rates.burn_rate_{{ name }},
        {%- endfor %}
        {%- for long, short, threshold, kind in pairs %}
            case
                when
                    current_rates.burn_rate_{{ long }} is null
                    or current_rates.burn_rate_{{ short }} is null then null
                when
                    current_rates.burn_rate_{{ long }} > {{ threshold }} * periods.window_days / 30
                    and current_rates.burn_rate_{{ short }}
                    > {{ threshold }} * periods.window_days / 30
                    then {{ threshold }} * periods.window_days / 30
                else 0
            end as exceeded_{{ long }}
            {%- if not loop.last %},{% endif %}
        {%- endfor %}
    from periods
    left join ranked
        on
            periods.slo_id = ranked.slo_id
            and ranked.source_rank = 1
    left join downtimes on periods.slo_id = downtimes.slo_id
    left join current_rates
        on
            ranked.slo_id = current_rates.slo_id
            and ranked.burn_source = current_rates.burn_source
),

spent as (
    select
        joined.*,
        case
            when joined.is_estimated then joined.down_seconds / joined.budget_seconds
            else joined.burnt_seconds / joined.period_seconds
        end as budget_spent,
        case
            when joined.exceeded_1h > 0 then joined.exceeded_1h
            when joined.exceeded_6h > 0 then joined.exceeded_6h
            when joined.exceeded_1d > 0 then joined.exceeded_1d
            when joined.exceeded_3d > 0 then joined.exceeded_3d
        end as alert_threshold
    from joined
),

reported as (
    select
        -- ids
        spent.slo_id,
        spent.service_id,
        services.team_id,

        -- strings
        services.service_name,
        services.owner,
        spent.slo_name,
        spent.indicator_kind,
        spent.objective_source,
        case
            when spent.is_estimated then 'estimated' else spent.burn_source
        end as burn_source,
        case
            when spent.exceeded_1h > 0 or spent.exceeded_6h > 0 then 'page'
            when spent.exceeded_1d > 0 or spent.exceeded_3d > 0 then 'ticket'
            when
                coalesce(
                    spent.exceeded_1h, spent.exceeded_6h, spent.exceeded_1d, spent.exceeded_3d
                ) is not null then 'none'
        end as alert_level,

        -- numbers
        cast(spent.objective as double precision) as objective,
        cast(spent.window_days as double precision) as window_days,
        cast(
            case
                when spent.is_estimated then spent.down_seconds / spent.period_seconds
                else spent.bad_seconds / spent.covered_seconds
            end as double precision
        ) as error_ratio,
        cast(spent.budget_spent as double precision) as budget_spent,
        cast(1 - spent.budget_spent as double precision) as budget_remaining,
        -- A budget spent to the last second is spent, despite rounding in binary fractions.
        cast(floor(cast(spent.budget_spent as numeric(28, 6))) as bigint) as exhausted_count,
        cast(spent.covered_seconds / spent.period_seconds as double precision)
            as covered_share,
        {%- for name in windows %}
            cast(spent.burn_rate_{{ name }} as double precision) as burn_rate_{{ name }},
        {%- endfor %}
        cast(spent.alert_threshold as double precision) as alert_threshold,

        -- booleans
        spent.is_estimated,

        -- timestamps
        {{ time_after("cast('1970-01-01' as timestamp)", 'spent.starts_epoch', 'second') }}
            as period_starts_at,
        spent.ends_at as period_ends_at,
        spent.measured_at as burn_measured_at
    from spent
    left join services on spent.service_id = services.service_id
)

select * from reported
