with stated as (
    select * from {{ ref('stg_calendar__calendars') }}
),

time_zones as (
    select * from {{ ref('time_zones') }}
),

-- A team may be written in other letters than in the catalog; of two spellings the first holds.
calendars as (
    select
        stated.calendar_name,
        lower(stated.team_name) as team_key,
        coalesce(time_zones.zone_name, stated.time_zone) as time_zone,
        row_number() over (
            partition by lower(stated.team_name) order by stated.calendar_name
        ) as spelling_rank
    from stated
    left join time_zones on stated.time_zone = time_zones.time_zone
)

select
    calendars.calendar_name,
    calendars.team_key,
    calendars.time_zone
from calendars
where calendars.spelling_rank = 1
