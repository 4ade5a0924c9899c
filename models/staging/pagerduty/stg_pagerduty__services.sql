{{ config(materialized=var('single_use')) }}

with source as (
    select *
    from {{ newest_version(current_rows(source('pagerduty', 'services')), ['id'], []) }} as newest
),

renamed as (
    select
        -- ids
        id as source_service_id,
        team_id as source_team_id,

        -- strings
        name as service_name,
        description as service_description,
        status as service_status,
        html_url as service_url,

        -- timestamps
        created_at,
        _loaded_at as loaded_at
    from source
)

select * from renamed
