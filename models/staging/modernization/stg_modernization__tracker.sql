{{ config(materialized=var('single_use')) }}

with source as (
    select *
    from {{ current_rows(source('modernization', 'tracker')) }} as documents
),

renamed as (
    select
        -- strings
        open_when,
        case when kind = 'jira' then jira_project end as jira_project_key,

        -- timestamps
        _loaded_at as loaded_at
    from source
)

select * from renamed
