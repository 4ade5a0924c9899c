with source as (
    select *
    from {{ current_rows(source('opsgenie', 'users')) }} as documents
),

renamed as (
    select
        -- ids
        id as source_user_id,

        -- strings
        username as user_name,
        time_zone,

        -- booleans
        is_blocked,

        -- timestamps
        _loaded_at as loaded_at
    from source
)

select * from renamed
