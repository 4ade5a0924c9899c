{{ config(materialized=var('single_use')) }}

with source as (
    select *
    from {{ current_rows(source('pagerduty', 'incident_ids')) }} as documents
),

renamed as (
    select
        -- ids
        id as source_incident_id,

        -- timestamps
        since_at,
        until_at,
        _loaded_at as loaded_at
    from source
)

select * from renamed
