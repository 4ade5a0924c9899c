with source as (
    select *
    from {{ current_rows(source('opsgenie', 'teams')) }} as documents
),

renamed as (
    select
        -- ids
        id as source_team_id,

        -- strings
        name as team_name,

        -- timestamps
        _loaded_at as loaded_at
    from source
)

select * from renamed
