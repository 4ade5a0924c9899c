with source as (
    select *
    from {{ current_rows(source('calendar', 'holidays')) }} as documents
),

renamed as (
    select
        -- strings
        calendar as calendar_name,
        holiday_name,

        -- timestamps
        holiday_date,
        _loaded_at as loaded_at
    from source
)

select * from renamed
