with source as (
    select *
    from {{ current_rows(source('calendar', 'hours')) }} as documents
),

renamed as (
    select
        -- strings
        calendar as calendar_name,

        -- numbers
        weekday as iso_weekday,
        opens_minute,
        closes_minute,

        -- timestamps
        _loaded_at as loaded_at
    from source
)

select * from renamed
