{{ config(materialized=var('single_use')) }}

with source as (
    select *
    from {{ newest_version(source('prometheus', 'series'), ['series_id'], ['asked_at']) }} as newest
),

renamed as (
    select
        -- ids
        series_id,

        -- strings
        query as query_name,
        kind as series_kind,
        service as stated_service_name,
        slo as slo_name,

        -- numbers
        window_seconds,

        -- timestamps
        asked_at,
        _loaded_at as loaded_at
    from source
)

select * from renamed
