{{ config(materialized=var('single_use')) }}

with source as (
    select *
    from {{ current_rows(source('modernization', 'shared_fixes')) }} as documents
),

renamed as (
    select
        -- ids
        fix_id,

        -- strings
        title as fix_title,
        owner as owner_name,
        fix_class,

        -- numbers
        ordinal + 1 as fix_ordinal,
        estimate_days,

        -- timestamps
        _loaded_at as loaded_at
    from source
)

select * from renamed
