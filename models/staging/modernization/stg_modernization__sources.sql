{{ config(materialized=var('single_use')) }}

{# Not called source, as elsewhere: BigQuery would read that column as the entire row. #}
with landed as (
    select *
    from {{ current_rows(source('modernization', 'sources')) }} as documents
),

renamed as (
    select
        -- strings
        source as source_name,
        owner as owner_name,

        -- numbers
        fresh_within_hours,

        -- timestamps
        _loaded_at as loaded_at
    from landed
)

select * from renamed
