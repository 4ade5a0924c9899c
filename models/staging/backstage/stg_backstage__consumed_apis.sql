{{ config(materialized=var('single_use')) }}

with source as (
    select *
    from {{ current_rows(source('backstage', 'consumed_apis')) }} as documents
),

renamed as (
    select
        -- ids
        entity_ref,
        api_ref,

        -- timestamps
        _loaded_at as loaded_at
    from source
)

select * from renamed
