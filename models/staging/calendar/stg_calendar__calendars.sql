{{ config(materialized=var('single_use')) }}

with source as (
    select *
    from {{ current_rows(source('calendar', 'calendars')) }} as documents
),

renamed as (
    select
        -- strings
        calendar as calendar_name,
        team as team_name,
        time_zone,

        -- timestamps
        _loaded_at as loaded_at
    from source
)

select * from renamed
