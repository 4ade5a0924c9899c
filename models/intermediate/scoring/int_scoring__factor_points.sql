with factor_values as (
    select * from {{ ref('int_scoring__factor_values') }}
),

factors as (
    select * from {{ ref('stg_modernization__scoring_factors') }}
),

levels as (
    select * from {{ ref('stg_modernization__scoring_levels') }}
),

-- A threshold that the rubric leaves out is never reached. Exposure to a regulation raises the
-- level by one.
levelled as (
    select
        factor_values.*,
        factors.rubric_hash,
        factors.weight,
        case
            when factor_values.raw_value is null then null
            when factor_values.raw_value >= factors.high_threshold then 3
            when factor_values.raw_value >= factors.medium_threshold
                then 2 + factor_values.level_raise
            when factor_values.raw_value >= factors.low_threshold
                then 1 + factor_values.level_raise
            else factor_values.level_raise
        end as level_ordinal
    from factor_values
    inner join factors on factor_values.factor = factors.factor
),

pointed as (
    select
        levelled.scoring_date,
        levelled.service_id,
        levelled.rubric_hash,
        levelled.factor,
        levels.level as factor_level,
        levelled.evidence,
        levelled.weight,
        levelled.raw_value,
        levelled.weight * levels.share as exact_points,
        {{ round_half_away('levelled.weight * levels.share') }} as points,
        levelled.raw_value is not null as has_data
    from levelled
    left join levels on levelled.level_ordinal = levels.level_ordinal
)

select * from pointed
