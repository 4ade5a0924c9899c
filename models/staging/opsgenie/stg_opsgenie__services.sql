{{ config(materialized=var('single_use')) }}

with source as (
    select *
    from {{ current_rows(source('opsgenie', 'services')) }} as documents
),

renamed as (
    select
        -- ids
        id as source_service_id,
        team_id as source_team_id,

        -- strings
        name as source_service_name,

        -- timestamps
        _loaded_at as loaded_at
    from source
)

select * from renamed
