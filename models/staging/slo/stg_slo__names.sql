{{ config(materialized=var('single_use')) }}

with source as (
    select *
    from {{ current_rows(source('slo', 'names')) }} as documents
),

renamed as (
    select
        -- strings
        service as stated_service_name,
        slo as slo_name,
        slo_alias,

        -- timestamps
        _loaded_at as loaded_at
    from source
)

select * from renamed
