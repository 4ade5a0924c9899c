with services as (
    select * from {{ ref('int_services__catalogued') }}
),

calendars as (
    select * from {{ ref('int_calendar__calendars') }}
),

-- A service without an owner, or whose team states no hours, has the defaults.
service_calendars as (
    select
        services.service_id,
        services.team_id,
        coalesce(calendars.calendar_name, 'defaults') as calendar_name
    from services
    left join calendars
        on lower({{ dbt.split_part('services.team_id', "'/'", 2) }}) = calendars.team_key
)

select * from service_calendars
