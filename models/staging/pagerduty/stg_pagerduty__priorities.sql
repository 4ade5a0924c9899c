{{ config(materialized=var('single_use')) }}

with source as (
    select *
    from {{ newest_version(current_rows(source('pagerduty', 'priorities')), ['id'], []) }} as newest
),

renamed as (
    select
        -- ids
        id as source_priority_id,

        -- strings
        name as priority_name,
        description as priority_description,

        -- timestamps
        _loaded_at as loaded_at
    from source
)

select * from renamed
