{#
    How much of a rank hangs on where exactly the thresholds lie: the newest day scored again with
    the thresholds of one factor, and of all at once, moved by 10 % up and down.
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
        factor_values.raw_value,
        factor_values.level_raise,
        factors.weight,
        case
            when scenarios.moved_factor in (factors.factor, 'every factor')
                then scenarios.stretch
            else 1.0
        end as stretch,
        factors.low_threshold,
        factors.medium_threshold,
        factors.high_threshold
    from factor_values
    inner join factors on factor_values.factor = factors.factor
    cross join scenarios
),

levelled as (
    select
        stretched.scenario,
        stretched.scoring_date,
        stretched.service_id,
        stretched.weight,
        {{ level_ordinal(
            'stretched.raw_value',
            'stretched.level_raise',
            [
                'stretched.low_threshold * stretched.stretch',
                'stretched.medium_threshold * stretched.stretch',
                'stretched.high_threshold * stretched.stretch',
            ],
        ) }} as level_ordinal
    from stretched
),

scored as (
    select
        levelled.scenario,
        levelled.scoring_date,
        levelled.service_id,
        coalesce(sum({{ round_half_away('levelled.weight * levels.share') }}), 0) as score,
        coalesce({{ exact_sum('levelled.weight * levels.share') }}, 0) as exact_score
    from levelled
    left join levels on levelled.level_ordinal = levels.level_ordinal
    group by levelled.scenario, levelled.scoring_date, levelled.service_id
),

-- By the minimum alone: a band that is held is held by its past, which no threshold moves.
banded as (
    select
        scored.scenario,
        scored.scoring_date,
        scored.service_id,
        scored.score,
        row_number() over (
            partition by scored.scenario
            order by scored.score desc, scored.exact_score desc, scored.service_id
        ) as score_rank,
        max(bands.band_ordinal) as band_ordinal
    from scored
    inner join bands
        on bands.min_score is null or scored.score >= bands.min_score
    group by
        scored.scenario,
        scored.scoring_date,
        scored.service_id,
        scored.score,
        scored.exact_score
),

base as (
    select * from banded
    where scenario = 'as it is'
),

-- The one scenario that moves nothing always has its own band, so it is taken off again.
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

    -- strings
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
