{{ config(materialized=var('single_use')) }}

with source as (
    select *
    from {{ current_rows(source('azure_devops', 'sweep_items')) }} as documents
),

renamed as (
    select
        -- ids
        id as source_item_id,

        -- booleans
        is_hidden,

        -- timestamps
        _loaded_at as loaded_at
    from source
)

select * from renamed
