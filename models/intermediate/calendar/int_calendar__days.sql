{#
    One row per calendar and day on its clock, with the working hours of that day in UTC and the
    working seconds before it, so that the working seconds between two moments are a difference.

    The moment at which a clock shows a time is searched with both offsets in force around it, the
    day before and the day after, by `local_time` alone: engines differ in the other direction. A
    time that the clock skips is read with the earlier offset, and of one that it shows twice the
    first counts: `fold=0` of Python's PEP 495.
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

first_days as (
    select cast({{ time_after('min(counted.triggered_at)', -3, 'day') }} as date) as first_date
    from counted
),

dates as (
    select cast({{ dbt.dateadd('day', '2 - numbers.n', as_of()) }} as date) as local_date
    from {{ numbers(20000) }} as numbers
),

days as (
    select
        calendars.calendar_name,
        calendars.hours_calendar_name,
        calendars.time_zone,
        dates.local_date,
        {{ iso_weekday('dates.local_date') }} as iso_weekday
    from dates
    cross join calendars
    inner join first_days on dates.local_date >= first_days.first_date
),

shifts as (
    select
        days.calendar_name,
        days.time_zone,
        days.local_date,
        days.iso_weekday,
        holidays.holiday_name,
        case when holidays.holiday_name is null then hours.opens_minute end as opens_minute,
        case when holidays.holiday_name is null then hours.closes_minute end as closes_minute
    from days
    left join hours
        on
            days.hours_calendar_name = hours.calendar_name
            and days.iso_weekday = hours.iso_weekday
    left join holidays
        on
            days.hours_calendar_name = holidays.calendar_name
            and days.local_date = holidays.holiday_date
),

edges as (
    select
        shifts.calendar_name,
        shifts.time_zone,
        shifts.local_date,
        'opens' as edge,
        {{ time_after('cast(shifts.local_date as timestamp)', 'shifts.opens_minute', 'minute') }}
            as local_at
    from shifts
    where shifts.opens_minute is not null
    union all
    select
        shifts.calendar_name,
        shifts.time_zone,
        shifts.local_date,
        'closes' as edge,
        {{ time_after('cast(shifts.local_date as timestamp)', 'shifts.closes_minute', 'minute') }}
            as local_at
    from shifts
    where shifts.closes_minute is not null
),

nearby as (
    select
        edges.*,
        {{ time_after('edges.local_at', -1, 'day') }} as day_before_at,
        {{ time_after('edges.local_at', 1, 'day') }} as day_after_at
    from edges
),

shown as (
    select
        nearby.*,
        {{ local_time('nearby.day_before_at', 'nearby.time_zone') }} as shown_before_at,
        {{ local_time('nearby.day_after_at', 'nearby.time_zone') }} as shown_after_at
    from nearby
),

candidates as (
    select
        shown.*,
        {{ time_after(
            'shown.local_at',
            seconds_between('shown.shown_before_at', 'shown.day_before_at'),
            'second'
        ) }} as by_offset_before_at,
        {{ time_after(
            'shown.local_at',
            seconds_between('shown.shown_after_at', 'shown.day_after_at'),
            'second'
        ) }} as by_offset_after_at
    from shown
),

moments as (
    select
        candidates.calendar_name,
        candidates.local_date,
        candidates.edge,
        case
            when
                {{ local_time('candidates.by_offset_before_at', 'candidates.time_zone') }}
                != candidates.local_at
                and {{ local_time('candidates.by_offset_after_at', 'candidates.time_zone') }}
                = candidates.local_at
                then candidates.by_offset_after_at
            else candidates.by_offset_before_at
        end as edge_at
    from candidates
),

opened as (
    select
        shifts.calendar_name,
        shifts.time_zone,
        shifts.local_date,
        shifts.iso_weekday,
        shifts.holiday_name,
        opens.edge_at as opens_at,
        closes.edge_at as stated_closes_at,
        -- Hours that run into the next day's hours end where those begin.
        lead(opens.edge_at) over (
            partition by shifts.calendar_name order by shifts.local_date
        ) as next_opens_at
    from shifts
    left join moments as opens
        on
            shifts.calendar_name = opens.calendar_name
            and shifts.local_date = opens.local_date
            and opens.edge = 'opens'
    left join moments as closes
        on
            shifts.calendar_name = closes.calendar_name
            and shifts.local_date = closes.local_date
            and closes.edge = 'closes'
),

closed as (
    select
        opened.*,
        case
            when opened.next_opens_at < opened.stated_closes_at then opened.next_opens_at
            -- The clock skipped all of the hours.
            when opened.stated_closes_at < opened.opens_at then opened.opens_at
            else opened.stated_closes_at
        end as closes_at
    from opened
),

measured as (
    select
        closed.calendar_name || ' ' || cast(closed.local_date as varchar) as calendar_day_id,
        closed.calendar_name,
        closed.time_zone,
        closed.holiday_name,
        closed.iso_weekday,
        coalesce({{ seconds_between('closed.opens_at', 'closed.closes_at') }}, 0)
            as working_seconds,
        closed.local_date,
        closed.opens_at,
        closed.closes_at
    from closed
),

cumulated as (
    select
        measured.calendar_day_id,
        measured.calendar_name,
        measured.time_zone,
        measured.holiday_name,
        measured.iso_weekday,
        measured.working_seconds,
        coalesce(
            sum(measured.working_seconds) over (
                partition by measured.calendar_name
                order by measured.local_date
                rows between unbounded preceding and 1 preceding
            ),
            0
        ) as seconds_before,
        measured.local_date,
        measured.opens_at,
        measured.closes_at
    from measured
)

select * from cumulated
