{{ config(materialized=var('single_use')) }}

with source as (
    select *
    from {{ current_rows(source('opsgenie', 'record_ids')) }} as documents
),

renamed as (
    select
        -- ids
        id as source_incident_id,

        -- strings
        kind as record_kind,

        -- timestamps
        created_at as triggered_at,
        _loaded_at as loaded_at
    from source
)

select * from renamed
