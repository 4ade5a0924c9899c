{{ config(materialized=var('single_use')) }}

{#
    The services scored 90 days ago, ranked by other rubrics from what was known on that day: the
    weights as they are, each removed and doubled, the thresholds of each halved and doubled; and
    two rankings that need no rubric, by the count of incidents and by burn alone.
#}

with dates as (
    select *
    from {{ ref('int_scoring__dates') }}
    where days_back = 90
),

factor_values as (
    select
        factor_rows.*,
        dates.scoring_at
    from {{ ref('int_scoring__factor_values') }} as factor_rows
    inner join dates on factor_rows.scoring_date = dates.scoring_date
),

services as (
    select *
    from {{ ref('dim_services') }}
    where is_scored
),

factors as (
    select * from {{ ref('stg_modernization__scoring_factors') }}
),

levels as (
    select * from {{ ref('stg_modernization__scoring_levels') }}
),

scenarios as (
    select
        'as it is' as scenario,
        'nothing' as changed,
        cast(null as varchar) as changed_factor,
        1.0 as weight_stretch,
        1.0 as threshold_stretch
    union all
    {%- for label, weight, threshold in [
        ('without ', 0.0, 1.0), ('twice the weight of ', 2.0, 1.0),
        ('half the thresholds of ', 1.0, 0.5), ('twice the thresholds of ', 1.0, 2.0),
    ] %}
        select
            '{{ label }}' || factors.factor as scenario,
            '{{ 'weight' if threshold == 1.0 else 'thresholds' }}' as changed,
            factors.factor as changed_factor,
            {{ weight }} as weight_stretch,
            {{ threshold }} as threshold_stretch
        from factors
        {{- '\n        union all' if not loop.last }}
    {%- endfor %}
),

stretched as (
    select
        scenarios.scenario,
        factor_values.scoring_date,
        factor_values.service_id,
        factor_values.factor,
        factor_values.raw_value,
        factor_values.level_raise,
        factor_values.incident_count,
        factor_values.resolved_count,
        {{ burn_alert_ordinal('factor_values', 'factors') }} as alert_ordinal,
        factors.weight * case
            when factors.factor = scenarios.changed_factor then scenarios.weight_stretch else 1.0
        end as weight,
    {%- for level in ['low', 'medium', 'high'] %}
        factors.{{ level }}_threshold * case
            when factors.factor = scenarios.changed_factor then scenarios.threshold_stretch
            else 1.0
        end as {{ level }}_threshold
        {{- ',' if not loop.last }}
    {%- endfor %}
    from factor_values
    inner join services on factor_values.service_id = services.service_id
    inner join factors on factor_values.factor = factors.factor
    cross join scenarios
),

{{ scenario_scores() }},

counted as (
    select
        factor_values.service_id,
        max(factor_values.incident_count) as incident_count,
        max(case when factor_values.factor = 'slo_burn' then factor_values.raw_value end) as burn
    from factor_values
    inner join services on factor_values.service_id = services.service_id
    group by factor_values.service_id
),

placed as (
    select
        scored.scenario,
        scored.service_id,
        {{ score_rank('scored', 'scored.scenario') }} as place
    from scored
    union all
    select
        'incidents counted' as scenario,
        counted.service_id,
        rank() over (order by coalesce(counted.incident_count, 0) desc) as place
    from counted
    union all
    select
        'burn alone' as scenario,
        counted.service_id,
        rank() over (order by coalesce(counted.burn, -1) desc) as place
    from counted
)

select
    placed.scenario,
    scenarios.changed,
    scenarios.changed_factor,
    placed.service_id,
    placed.place,
    dates.scoring_date,
    dates.scoring_at
from placed
cross join dates
left join scenarios on placed.scenario = scenarios.scenario
