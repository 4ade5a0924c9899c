{{ config(
    materialized='incremental',
    incremental_strategy='delete+insert',
    unique_key='scoring_date',
    on_schema_change='sync_all_columns',
    pre_hook="{{ add_text_column('day_checksum') }}",
) }}

with factor_points as (
    select * from {{ ref('int_scoring__factor_points') }}
),

dates as (
    select * from {{ ref('int_scoring__dates') }}
),

published as (
    select
        -- ids
        factor_points.service_id || ' @ ' || cast(factor_points.scoring_date as varchar)
        || ' / ' || factor_points.factor as score_factor_id,
        factor_points.service_id || ' @ ' || cast(factor_points.scoring_date as varchar)
            as score_id,
        factor_points.service_id,

        -- strings
        factor_points.rubric_hash,
        factor_points.factor,
        factor_points.factor_level,
        cast(factor_points.evidence as varchar) as evidence,

        -- numbers
        cast(factor_points.weight as double precision) as weight,
        cast(factor_points.raw_value as double precision) as raw_value,
        factor_points.points,
        cast(factor_points.highest_points as integer) as highest_points,
        cast(factor_points.level_raised_by as integer) as level_raised_by,
        cast(factor_points.level_at_least as integer) as level_at_least,
        cast(factor_points.level_at_most as integer) as level_at_most,

        -- booleans
        factor_points.has_data,

        -- checksum of what the day was scored from
        factor_points.day_checksum,

        -- timestamps
        factor_points.scoring_date
    from factor_points
    inner join dates on factor_points.scoring_date = dates.scoring_date
    where
        dates.is_published
        and {{ is_not_stored('factor_points', ['scoring_date', 'day_checksum', 'rubric_hash']) }}
)

select * from published
