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
        {{ level_ordinal(
            'factor_values.raw_value',
            'factor_values.level_raise',
            ['factors.low_threshold', 'factors.medium_threshold', 'factors.high_threshold'],
        ) }} as level_ordinal
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
        levelled.level_ordinal is not null as has_data,
        levelled.incident_count,
        levelled.newest_incident_at,
        levelled.day_checksum
    from levelled
    left join levels on levelled.level_ordinal = levels.level_ordinal
)

select * from pointed
