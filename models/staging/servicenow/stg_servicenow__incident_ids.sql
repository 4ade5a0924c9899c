{{ config(materialized=var('single_use')) }}

with source as (
    select *
    from {{ current_rows(source('servicenow', 'incident_ids')) }} as documents
),

renamed as (
    select
        -- ids
        sys_id as source_sys_id,

        -- timestamps
        _loaded_at as loaded_at
    from source
)

select * from renamed
