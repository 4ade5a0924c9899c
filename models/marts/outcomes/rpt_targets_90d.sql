{#
    Each target of modernization/targets.yaml: its value before and now, and whether that is
    conclusive yet. It is not where the interval of the change holds both the target and no change
    at all, nor with fewer than ten counted events, or two months or weeks of billed or logged
    amounts.
#}
with stated as (
    select * from {{ ref('int_outcomes__target_periods') }}
),

target_values as (
    select * from {{ ref('int_outcomes__target_values') }}
    union all
    select * from {{ ref('int_outcomes__amount_changes') }}
),

goals as (
    {%- for target, kind, column in [
        ('postmortems_complete', 'share at least', 'postmortems_complete_share'),
        ('action_items_promoted', 'share at least', 'action_items_promoted_share'),
        ('days_to_epic', 'days below', 'median_days_to_epic'),
        ('repeat_rate', 'change at most', 'repeat_rate_change'),
        ('mttr', 'change at most', 'mttr_change'),
        ('slo_burn', 'change at most', 'slo_burn_change'),
        ('pages_outside_business_hours', 'change at most', 'pages_outside_business_hours_change'),
        ('capacity_share', 'share between', 'least_capacity_share'),
        ('services_to_silver', 'count at least', 'services_to_silver'),
        ('infrastructure_cost', 'change at most', 'infrastructure_cost_change'),
        ('toil_hours', 'change at most', 'toil_hours_change'),
    ] %}
        {%- if not loop.first %}
            union all
        {%- endif %}
        select
            '{{ target }}' as target_name,
            {{ loop.index }} as target_number,
            '{{ kind }}' as target_kind,
            stated.{{ column }} as target_value,
            {{ 2 if column in ('infrastructure_cost_change', 'toil_hours_change') else 10 }}
                as least_count,
            {% if target == 'capacity_share' -%}
                stated.most_capacity_share as target_max
            {%- else -%}
                cast(null as double precision) as target_max
            {%- endif %}
        from stated
    {%- endfor %}
),

joined as (
    select
        goals.*,
        target_values.baseline_count,
        target_values.now_count,
        target_values.baseline_value,
        target_values.now_value,
        target_values.change_share,
        coalesce(target_values.has_baseline, false) as has_baseline,
        coalesce(target_values.share_low, target_values.change_low) as interval_low,
        coalesce(target_values.share_high, target_values.change_high) as interval_high,
        stated.elapsed_share,
        stated.baseline_from,
        stated.period_from,
        stated.period_until
    from goals
    left join target_values on goals.target_name = target_values.target_name
    cross join stated
),

judged as (
    select
        joined.*,
        case
            when joined.elapsed_share < 0 then 'too early'
            when joined.target_kind = 'share between'
                then
                    case
                        when joined.now_value is null then 'no data'
                        when joined.now_value between joined.target_value and joined.target_max
                            then 'met'
                        else 'off track'
                    end
            when joined.target_kind = 'count at least'
                then
                    case
                        when joined.now_value >= joined.target_value then 'met'
                        when joined.elapsed_share < 1 or not joined.has_baseline then 'too early'
                        else 'off track'
                    end
            when joined.now_value is null and joined.baseline_value is null then 'no data'
            when
                coalesce(joined.now_count, 0) < joined.least_count
                and joined.target_kind != 'change at most'
                then 'too early'
            when joined.target_kind = 'share at least'
                then
                    case
                        when joined.now_value >= joined.target_value then 'met'
                        when joined.interval_high >= joined.target_value then 'on track'
                        else 'off track'
                    end
            when joined.target_kind = 'days below'
                then
                    case
                        when joined.now_value < joined.target_value then 'met'
                        else 'off track'
                    end
            when joined.change_share is null
                then case when joined.has_baseline then 'no data' else 'too early' end
            when
                joined.baseline_count < joined.least_count
                or joined.elapsed_share < 0.3
                or not joined.has_baseline
                then 'too early'
            when joined.interval_low <= joined.target_value and joined.interval_high >= 0
                then 'too early'
            when joined.change_share <= joined.target_value then 'met'
            -- On track, if it continues at this pace.
            when
                joined.elapsed_share < 1
                and joined.change_share <= joined.target_value * joined.elapsed_share
                then 'on track'
            else 'off track'
        end as verdict
    from joined
),

report as (
    select
        -- ids
        cast(judged.target_name as varchar) as target_name,

        -- strings
        cast(judged.target_kind as varchar) as target_kind,
        cast(judged.verdict as varchar) as verdict,

        -- numbers
        cast(judged.target_number as bigint) as target_number,
        cast(judged.target_value as double precision) as target_value,
        cast(judged.target_max as double precision) as target_max,
        cast(judged.baseline_count as bigint) as baseline_count,
        cast(judged.now_count as bigint) as now_count,
        cast(judged.baseline_value as double precision) as baseline_value,
        cast(judged.now_value as double precision) as now_value,
        cast(judged.change_share as double precision) as change_share,
        cast(judged.interval_low as double precision) as interval_low,
        cast(judged.interval_high as double precision) as interval_high,
        cast(judged.elapsed_share as double precision) as elapsed_share,

        -- booleans
        judged.has_baseline,

        -- timestamps
        judged.baseline_from,
        judged.period_from,
        judged.period_until
    from judged
)

select * from report
