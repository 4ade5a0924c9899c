{{ config(materialized=var('single_use')) }}

with source as (
    select *
    from {{ newest_version(source('prometheus', 'settings'), ['series_id'], ['sampled_at']) }}
        as newest
),

renamed as (
    select
        -- ids
        series_id,

        -- numbers
        value as setting_value,

        -- timestamps
        sampled_at,
        _loaded_at as loaded_at
    from source
)

select * from renamed
