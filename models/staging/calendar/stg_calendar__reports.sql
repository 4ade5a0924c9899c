{{ config(materialized=var('single_use')) }}

with source as (
    select *
    from {{ current_rows(source('calendar', 'reports')) }} as documents
),

renamed as (
    select
        -- numbers
        min_incidents,

        -- timestamps
        _loaded_at as loaded_at
    from source
)

select * from renamed
