{{ config(materialized=var('single_use')) }}

with source as (
    select *
    from {{ current_rows(source('backstage', 'dependencies')) }} as documents
),

renamed as (
    select
        -- ids
        entity_ref,
        depends_on_ref,

        -- timestamps
        _loaded_at as loaded_at
    from source
)

select * from renamed
