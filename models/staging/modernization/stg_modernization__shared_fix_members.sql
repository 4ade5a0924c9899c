{{ config(materialized=var('single_use')) }}

with source as (
    select *
    from {{ current_rows(source('modernization', 'shared_fix_members')) }} as documents
),

renamed as (
    select
        -- ids
        fix_id,

        -- strings
        service as service_name,

        -- numbers
        ordinal as fix_ordinal,

        -- timestamps
        _loaded_at as loaded_at
    from source
)

select * from renamed
