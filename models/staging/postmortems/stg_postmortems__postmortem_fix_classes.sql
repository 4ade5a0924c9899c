{{ config(materialized=var('single_use')) }}

with source as (
    select *
    from {{ current_rows(source('postmortems', 'postmortem_fix_classes')) }} as documents
),

renamed as (
    select
        -- ids
        postmortem_id,

        -- strings
        fix_class,

        -- timestamps
        _loaded_at as loaded_at
    from source
)

select * from renamed
