{{ config(materialized=var('single_use')) }}

with source as (
    select *
    from {{ current_rows(source('azure_devops', 'states')) }} as documents
),

renamed as (
    select
        -- ids
        item_type || ':' || state as state_id,

        -- strings
        item_type,
        state as status_name,
        category as status_category,

        -- timestamps
        _loaded_at as loaded_at
    from source
)

select * from renamed
