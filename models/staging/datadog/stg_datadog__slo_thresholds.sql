{{ config(materialized=var('single_use')) }}

with source as (
    select *
    from {{ current_rows(source('datadog', 'slo_thresholds')) }} as documents
),

renamed as (
    select
        -- ids
        slo_id as source_slo_id,

        -- strings
        timeframe,

        -- numbers
        target as target_percent,

        -- timestamps
        _loaded_at as loaded_at
    from source
)

select * from renamed
