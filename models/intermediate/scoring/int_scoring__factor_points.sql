with factors as (
    select * from {{ ref('stg_modernization__scoring_factors') }}
),

factor_values as (
    select
        factor_rows.*,
        {{ burn_alert_ordinal('factor_rows', 'factors') }} as alert_ordinal
    from {{ ref('int_scoring__factor_values') }} as factor_rows
    left join factors on factor_rows.factor = factors.factor
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
            'factor_values.alert_ordinal',
        ) }} as level_ordinal
    from factor_values
    inner join factors on factor_values.factor = factors.factor
),

judged as (
    select
        levelled.*,
        levelled.level_ordinal is not null as has_data,
        {{ judged_ordinal('levelled') }} as judged_ordinal
    from levelled
),

-- The most that a factor can give, if its value turns out to be the highest possible.
highest as (
    select max(levels.share) as highest_share
    from levels
),

pointed as (
    select
        judged.scoring_date,
        judged.service_id,
        judged.rubric_hash,
        judged.factor,
        levels.level as factor_level,
        case
            when not judged.has_data and levels.level is not null
                then 'no estimate, taken as ' || levels.level
            when judged.judged_ordinal < judged.level_ordinal
                then judged.evidence || ': too few for more than ' || levels.level
            else judged.evidence
        end as evidence,
        judged.weight,
        judged.raw_value,
        judged.weight * levels.share as exact_points,
        {{ round_half_away('judged.weight * levels.share') }} as points,
        {{ round_half_away('judged.weight * highest.highest_share') }} as highest_points,
        judged.level_raise as level_raised_by,
        judged.alert_ordinal as level_at_least,
        {{ most_ordinal('judged') }} as level_at_most,
        judged.has_data,
        judged.incident_count,
        judged.newest_incident_at,
        judged.day_checksum
    from judged
    cross join highest
    left join levels on judged.judged_ordinal = levels.level_ordinal
)

select * from pointed
