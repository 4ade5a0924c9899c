{{ config(materialized=var('single_use')) }}

with source as (
    select *
    from {{ current_rows(source('backstage', 'tags')) }} as documents
),

renamed as (
    select
        -- ids
        {{ entity_ref() }} as entity_ref,

        -- strings
        tag,
        _source_file as file_name,

        -- timestamps
        _loaded_at as loaded_at
    from source
)

select * from renamed
