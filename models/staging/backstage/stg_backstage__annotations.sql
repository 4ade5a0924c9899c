{{ config(materialized=var('single_use')) }}

with source as (
    select *
    from {{ current_rows(source('backstage', 'annotations')) }} as documents
    where annotation_value is not null
),

renamed as (
    select
        -- ids
        {{ entity_ref() }} as entity_ref,

        -- strings
        annotation,
        annotation_value,
        _source_file as file_name,

        -- timestamps
        annotation_date,
        _loaded_at as loaded_at
    from source
)

select * from renamed
