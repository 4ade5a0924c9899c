{#
    Whether an epic paid back, by an empirical Bayes before-and-after study of its service's episodes
    (docs/guides/payback.md). Repeats, severe episodes and those out of hours are reported beside it
    and decide nothing.
#}
{%- set secondary = ['repeats', 'severe', 'out_of_hours'] -%}

with epics as (
    select * from {{ ref('fct_epics') }}
),

periods as (
    select * from {{ ref('int_outcomes__epics') }}
),

verdicts as (
    select *
    from {{ ref('int_outcomes__verdicts') }}
    where not is_placebo
),

quiet_days as (
    select * from {{ ref('int_outcomes__quiet_days') }}
),

mttr as (
    select * from {{ ref('int_outcomes__mttr') }}
),

placebo as (
    select *
    from {{ ref('rpt_payback_placebo') }}
    where period_name = 'all'
),

-- The median of those with a known cost. Three say little, one says nothing.
losses as (
    select
        incidents.service_id,
        {{ percentile('incidents.cost_usd', 0.5) }} as incident_cost_usd
    from {{ ref('fct_incident_costs') }} as incidents
    where incidents.cost_usd is not null and incidents.triggered_at <= {{ as_of() }}
    group by incidents.service_id
    having count(*) >= 3
),

joined as (
    select
        epics.epic_id,
        epics.service_id,
        epics.team_id,
        epics.epic_title,
        epics.service_name,
        epics.owner,
        epics.budget_usd,
        losses.incident_cost_usd,
        placebo.improved_share as false_alarm_share,
        placebo.study_count as placebo_count,
        periods.is_dropped,
        periods.opened_at,
        periods.delivered_at,
        periods.before_from,
        periods.before_until,
        periods.after_from,
        periods.after_until,
        mttr.before_count as mttr_before_count,
        mttr.after_count as mttr_after_count,
        mttr.before_seconds as mttr_before_seconds,
        mttr.after_seconds as mttr_after_seconds,
        mttr.ratio as mttr_ratio,
        mttr.ratio_low as mttr_ratio_low,
        mttr.ratio_high as mttr_ratio_high,
        coalesce(mttr.verdict, case when periods.after_from is not null then 'too few' end)
            as mttr_verdict,
        deciding.before_days,
        deciding.after_days,
        deciding.before_count,
        deciding.after_count,
        deciding.trend,
        deciding.expected_count,
        deciding.expected_low,
        deciding.expected_high,
        deciding.p_low,
        deciding.p_high,
        deciding.significance_level,
        deciding.prior_service_count,
        deciding.registered_count,
        deciding.provable_count,
        deciding_days.quiet_days,
        case
            when periods.is_dropped then 'not delivered'
            when deciding.verdict is null then 'no comparison'
            else deciding.verdict
        end as verdict,
        {%- for metric in secondary %}
            {{ metric }}.before_count as {{ metric }}_before_count,
            {{ metric }}.after_count as {{ metric }}_after_count,
            {{ metric }}.expected_count as {{ metric }}_expected_count,
            {{ metric }}.p_low as {{ metric }}_p_low,
            {{ metric }}.verdict as {{ metric }}_verdict,
        {%- endfor %}
        repeats_days.quiet_days as repeats_quiet_days
    from epics
    inner join periods on epics.epic_id = periods.epic_id
    left join losses on epics.service_id = losses.service_id
    left join placebo on true
    left join mttr on epics.epic_id = mttr.epic_id
    left join verdicts as deciding
        on epics.epic_id = deciding.epic_id and deciding.metric = 'episodes'
    left join quiet_days as deciding_days
        on deciding.study_metric_id = deciding_days.study_metric_id
    {%- for metric in secondary %}
        left join verdicts as {{ metric }}
            on epics.epic_id = {{ metric }}.epic_id and {{ metric }}.metric = '{{ metric }}'
    {%- endfor %}
    left join quiet_days as repeats_days
        on repeats.study_metric_id = repeats_days.study_metric_id
),

payback as (
    select
        -- ids
        joined.epic_id,
        joined.service_id,
        joined.team_id,

        -- strings
        cast(joined.epic_title as varchar) as epic_title,
        cast(joined.service_name as varchar) as service_name,
        cast(joined.owner as varchar) as owner,
        cast(joined.verdict as varchar) as verdict,

        -- numbers
        cast(joined.before_days as double precision) as before_days,
        cast(joined.after_days as double precision) as after_days,
        cast(joined.before_count as bigint) as before_count,
        cast(joined.after_count as bigint) as after_count,
        cast(joined.expected_count as double precision) as expected_count,
        cast(joined.expected_low as bigint) as expected_low,
        cast(joined.expected_high as bigint) as expected_high,
        cast(joined.p_low as double precision) as p_low,
        cast(joined.p_high as double precision) as p_high,
        cast(joined.significance_level as double precision) as significance_level,
        cast(joined.trend as double precision) as trend,
        cast(joined.prior_service_count as bigint) as prior_service_count,
        cast(joined.registered_count as double precision) as registered_count,
        cast(joined.provable_count as bigint) as provable_count,
        cast(1 - joined.provable_count / joined.registered_count as double precision)
            as smallest_effect_share,
        cast(joined.quiet_days as bigint) as quiet_days,
        cast(joined.expected_count - joined.after_count as double precision) as avoided_count,
        cast(joined.expected_low - joined.after_count as bigint) as avoided_low,
        cast(joined.expected_high - joined.after_count as bigint) as avoided_high,
        cast(joined.incident_cost_usd as double precision) as incident_cost_usd,
        cast(
            (joined.expected_count - joined.after_count) * joined.incident_cost_usd
            as double precision
        ) as saved_usd,
        cast(
            (joined.expected_low - joined.after_count) * joined.incident_cost_usd
            as double precision
        ) as saved_low_usd,
        cast(
            (joined.expected_high - joined.after_count) * joined.incident_cost_usd
            as double precision
        ) as saved_high_usd,
        cast(joined.budget_usd as double precision) as budget_usd,
        {%- for metric in secondary %}
            cast(joined.{{ metric }}_before_count as bigint) as {{ metric }}_before_count,
            cast(joined.{{ metric }}_after_count as bigint) as {{ metric }}_after_count,
            cast(joined.{{ metric }}_expected_count as double precision)
                as {{ metric }}_expected_count,
            cast(joined.{{ metric }}_p_low as double precision) as {{ metric }}_p_low,
            cast(joined.{{ metric }}_verdict as varchar) as {{ metric }}_verdict,
        {%- endfor %}
        cast(joined.repeats_quiet_days as bigint) as repeats_quiet_days,
        cast(joined.mttr_before_count as bigint) as mttr_before_count,
        cast(joined.mttr_after_count as bigint) as mttr_after_count,
        cast(joined.mttr_before_seconds as double precision) as mttr_before_seconds,
        cast(joined.mttr_after_seconds as double precision) as mttr_after_seconds,
        cast(joined.mttr_ratio as double precision) as mttr_ratio,
        cast(joined.mttr_ratio_low as double precision) as mttr_ratio_low,
        cast(joined.mttr_ratio_high as double precision) as mttr_ratio_high,
        cast(joined.mttr_verdict as varchar) as mttr_verdict,
        cast(joined.false_alarm_share as double precision) as false_alarm_share,
        cast(joined.placebo_count as bigint) as placebo_count,

        -- booleans
        coalesce(joined.after_days >= {{ var('payback_after_days') }}, false) as is_final,

        -- timestamps
        joined.opened_at,
        joined.delivered_at,
        joined.before_from,
        joined.before_until,
        joined.after_from,
        joined.after_until
    from joined
)

select * from payback
