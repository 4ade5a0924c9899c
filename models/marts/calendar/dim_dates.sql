{#
    Days by calendar, from the year of the first incident to the end of the second year after as_of.
    Business days between two days of one calendar are the difference of their numbers.
#}
with calendars as (
    select * from {{ ref('int_calendar__calendars') }}
),

hours as (
    select * from {{ ref('stg_calendar__hours') }}
),

holidays as (
    select * from {{ ref('stg_calendar__holidays') }}
),

counted as (
    select * from {{ ref('int_incidents__counted') }}
),

bounds as (
    select
        {{ dbt.date_trunc('year', 'coalesce(min(counted.triggered_at), ' ~ as_of() ~ ')') }}
            as first_at,
        {{ dbt.date_trunc('year', time_after(as_of(), 1096, 'day')) }} as end_at
    from counted
),

-- At most twenty years back.
days as (
    select cast({{ dbt.dateadd('day', '1096 - numbers.n', as_of()) }} as date) as date_day
    from {{ numbers(8402) }} as numbers
),

dated as (
    select
        calendars.calendar_name,
        calendars.time_zone,
        days.date_day,
        {{ iso_weekday('days.date_day') }} as iso_weekday,
        hours.calendar_name is not null as is_working_weekday,
        holidays.holiday_name
    from days
    inner join bounds
        on
            days.date_day >= cast(bounds.first_at as date)
            and days.date_day < cast(bounds.end_at as date)
    cross join calendars
    left join hours
        on
            calendars.hours_calendar_name = hours.calendar_name
            and {{ iso_weekday('days.date_day') }} = hours.iso_weekday
    left join holidays
        on
            calendars.hours_calendar_name = holidays.calendar_name
            and days.date_day = holidays.holiday_date
),

dates as (
    select
        -- ids
        cast(dated.calendar_name || ' ' || cast(dated.date_day as varchar) as varchar)
            as calendar_date_id,

        -- strings
        cast(dated.calendar_name as varchar) as calendar_name,
        cast(dated.time_zone as varchar) as time_zone,
        cast(dated.holiday_name as varchar) as holiday_name,

        -- numbers
        cast(dated.iso_weekday as bigint) as iso_weekday,
        cast(
            sum(
                case when dated.is_working_weekday and dated.holiday_name is null then 1 else 0 end
            ) over (
                partition by dated.calendar_name
                order by dated.date_day
                rows between unbounded preceding and current row
            ) as bigint
        ) as business_day_number,

        -- booleans
        dated.is_working_weekday and dated.holiday_name is null as is_business_day,
        dated.date_day <= cast({{ as_of() }} as date) as is_past,

        -- timestamps
        dated.date_day,
        cast({{ dbt.dateadd('day', '1 - dated.iso_weekday', 'dated.date_day') }} as date)
            as week_starts_on,
        cast({{ dbt.date_trunc('month', 'dated.date_day') }} as date) as month_starts_on,
        cast({{ dbt.date_trunc('quarter', 'dated.date_day') }} as date) as quarter_starts_on,
        cast({{ dbt.date_trunc('year', 'dated.date_day') }} as date) as year_starts_on
    from dated
)

select * from dates
