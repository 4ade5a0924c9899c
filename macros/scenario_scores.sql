{#
    The common table expressions `levelled`, `judged` and `scored` over `stretched`, which has a row
    for each scenario, day, service and factor, with the weight and thresholds of its scenario:
    `scored` has a row for each scenario, day and service, with the values that break ties.
#}
{% macro scenario_scores() -%}
levelled as (
    select
        stretched.*,
        {{ level_ordinal(
            'stretched.raw_value',
            'stretched.level_raise',
            [
                'stretched.low_threshold', 'stretched.medium_threshold',
                'stretched.high_threshold',
            ],
            'stretched.alert_ordinal',
        ) }} as level_ordinal
    from stretched
),

judged as (
    select
        levelled.*,
        {{ judged_ordinal('levelled') }} as judged_ordinal
    from levelled
),

scored as (
    select
        judged.scenario,
        judged.scoring_date,
        judged.service_id,
        {%- for factor in score_tie_breakers() %}
            max(case when judged.factor = '{{ factor }}' then judged.raw_value end)
                as raw_{{ factor }},
        {%- endfor %}
        coalesce(sum({{ round_half_away('judged.weight * levels.share') }}), 0) as score,
        coalesce({{ exact_sum('judged.weight * levels.share') }}, 0) as exact_score
    from judged
    left join levels on judged.judged_ordinal = levels.level_ordinal
    group by judged.scenario, judged.scoring_date, judged.service_id
)
{%- endmacro %}
