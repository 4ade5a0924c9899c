with source as (
    select *
    from {{ current_rows(source('calendar', 'calendars')) }} as documents
),

weekdays as (
    {%- for weekday in [
        'monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday', 'sunday'
    ] %}
        {%- if not loop.first %}
            union all
        {%- endif %}
        select
            {{ loop.index }} as iso_weekday,
            '{{ weekday }}' as weekday_name
    {%- endfor %}
),

timed as (
    select
        source.calendar as calendar_name,
        weekdays.iso_weekday,
        60 * cast(substring(source.working_hours, 1, 2) as integer)
        + cast(substring(source.working_hours, 4, 2) as integer) as opens_minute,
        60 * cast(substring(source.working_hours, 7, 2) as integer)
        + cast(substring(source.working_hours, 10, 2) as integer) as closes_minute,
        source._loaded_at as loaded_at
    from source
    inner join weekdays
        on source.working_days like '%"' || weekdays.weekday_name || '"%'
),

renamed as (
    select
        -- strings
        calendar_name,

        -- numbers
        cast(iso_weekday as bigint) as iso_weekday,
        cast(opens_minute as bigint) as opens_minute,
        -- Work that ends before it begins ends on the next day.
        cast(
            case when closes_minute > opens_minute then closes_minute else closes_minute + 1440 end
            as bigint
        ) as closes_minute,

        -- timestamps
        loaded_at
    from timed
)

select * from renamed
