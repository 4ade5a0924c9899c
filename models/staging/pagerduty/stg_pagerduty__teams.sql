with source as (
    select *
    from {{ newest_version(current_rows(source('pagerduty', 'teams')), ['id'], []) }} as newest
),

renamed as (
    select
        -- ids
        id as source_team_id,

        -- strings
        name as team_name,
        description as team_description,

        -- timestamps
        _loaded_at as loaded_at
    from source
)

select * from renamed
