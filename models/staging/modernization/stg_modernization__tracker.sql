{{ config(materialized=var('single_use')) }}

with source as (
    select *
    from {{ current_rows(source('modernization', 'tracker')) }} as documents
),

renamed as (
    select
        -- strings
        open_when,

        -- timestamps
        _loaded_at as loaded_at
    from source
)

select * from renamed
