{#
    How much a rank depends on the exact thresholds: the newest day scored again with the thresholds
    of one factor, and of all together, moved up and down by 10 %.
#}
{%- set shift = 0.10 -%}

with factor_values as (
    select factor_rows.*
    from {{ ref('int_scoring__factor_values') }} as factor_rows
    inner join {{ ref('int_scoring__dates') }} as dates
        on
            factor_rows.scoring_date = dates.scoring_date
            and dates.days_back = 0
),

services as (
    select * from {{ ref('dim_services') }}
),

factors as (
    select * from {{ ref('stg_modernization__scoring_factors') }}
),

levels as (
    select * from {{ ref('stg_modernization__scoring_levels') }}
),

bands as (
    select * from {{ ref('stg_modernization__scoring_bands') }}
),

moved as (
    select factors.factor
    from factors
    union all
    select 'every factor' as factor
),

scenarios as (
    select
        moved.factor || ' +10 %' as scenario,
        moved.factor as moved_factor,
        1.0 + {{ shift }} as stretch
    from moved
    union all
    select
        moved.factor || ' -10 %' as scenario,
        moved.factor as moved_factor,
        1.0 - {{ shift }} as stretch
    from moved
    union all
    select
        'as it is' as scenario,
        'none' as moved_factor,
        1.0 as stretch
),

stretched as (
    select
        scenarios.scenario,
        factor_values.scoring_date,
        factor_values.service_id,
        factor_values.factor,
        factor_values.raw_value,
        factor_values.level_raise,
        {{ burn_alert_ordinal('factor_values', 'factors') }} as alert_ordinal,
        factor_values.incident_count,
        factor_values.resolved_count,
        factors.weight,
    {%- for level in ['low', 'medium', 'high'] %}
        factors.{{ level }}_threshold * case
            when scenarios.moved_factor in (factors.factor, 'every factor') then scenarios.stretch
            else 1.0
        end as {{ level }}_threshold
        {{- ',' if not loop.last }}
    {%- endfor %}
    from factor_values
    inner join factors on factor_values.factor = factors.factor
    cross join scenarios
),

{{ scenario_scores() }},

-- By the minimum alone: a band kept by hysteresis depends on the past, which no threshold moves.
ranked as (
    select
        scored.*,
        {{ score_rank('scored', 'scored.scenario') }} as score_rank
    from scored
),

banded as (
    select
        ranked.scenario,
        ranked.scoring_date,
        ranked.service_id,
        ranked.score,
        ranked.score_rank,
        max(bands.band_ordinal) as band_ordinal
    from ranked
    inner join bands
        on bands.min_score is null or ranked.score >= bands.min_score
    group by
        ranked.scenario,
        ranked.scoring_date,
        ranked.service_id,
        ranked.score,
        ranked.score_rank
),

base as (
    select * from banded
    where scenario = 'as it is'
),

-- The scenario that moves nothing always agrees, so it is subtracted.
stability as (
    select
        banded.scoring_date,
        banded.service_id,
        base.score,
        base.score_rank,
        base.band_ordinal,
        count(*) - 1 as scenario_count,
        sum(case when banded.band_ordinal = base.band_ordinal then 1 else 0 end) - 1
            as same_band_count,
        min(banded.score) as lowest_score,
        max(banded.score) as highest_score,
        min(banded.score_rank) as best_rank,
        max(banded.score_rank) as worst_rank
    from banded
    inner join base on banded.service_id = base.service_id
    group by
        banded.scoring_date,
        banded.service_id,
        base.score,
        base.score_rank,
        base.band_ordinal
)

select
    -- ids
    stability.service_id,
    services.team_id,

    -- strings
    services.service_name,
    services.owner,
    bands.band,

    -- numbers
    cast(stability.score_rank as integer) as score_rank,
    cast(stability.score as integer) as score,
    cast(stability.scenario_count as bigint) as scenario_count,
    cast(stability.same_band_count as double precision) / stability.scenario_count
        as same_band_share,
    cast(stability.lowest_score as integer) as lowest_score,
    cast(stability.highest_score as integer) as highest_score,
    cast(stability.best_rank as integer) as best_rank,
    cast(stability.worst_rank as integer) as worst_rank,

    -- timestamps
    stability.scoring_date
from stability
inner join bands on stability.band_ordinal = bands.band_ordinal
left join services on stability.service_id = services.service_id
