{#
    One row per moment that may have paged somebody: every notification of a responder, and the
    trigger of every real incident, which is a page only where no notification says who was paged.
#}
with notifications as (
    select * from {{ ref('int_calendar__notifications') }}
),

classified as (
    select * from {{ ref('int_incidents__classified') }}
),

counted as (
    select * from {{ ref('int_incidents__counted') }}
),

incident_services as (
    select * from {{ ref('int_incidents__services') }}
),

service_calendars as (
    select * from {{ ref('int_calendar__services') }}
),

calendars as (
    select * from {{ ref('int_calendar__calendars') }}
),

hours as (
    select * from {{ ref('stg_calendar__hours') }}
),

holidays as (
    select * from {{ ref('stg_calendar__holidays') }}
),

-- A merged or duplicate incident paged people all the same; a drill or a deleted one did not.
notified as (
    select
        notifications.*,
        coalesce(classified.counted_as_id, notifications.incident_id) as outage_id
    from notifications
    inner join classified on notifications.incident_id = classified.incident_id
    where
        classified.exclusion_reason is null
        or classified.exclusion_reason in ('merged', 'duplicate', 'alert', 'minor_alert')
),

outages as (
    select distinct notified.outage_id
    from notified
),

moments as (
    select
        notified.page_id,
        notified.incident_id,
        notified.responder_id,
        notified.responder_name,
        notified.responder_time_zone,
        'notification' as page_source,
        true as is_page,
        notified.paged_at
    from notified
    union all
    select
        counted.incident_id || '/trigger' as page_id,
        counted.incident_id,
        cast(null as varchar) as responder_id,
        cast(null as varchar) as responder_name,
        cast(null as varchar) as responder_time_zone,
        'trigger' as page_source,
        outages.outage_id is null as is_page,
        counted.triggered_at as paged_at
    from counted
    left join outages on counted.incident_id = outages.outage_id
),

-- The service that paged is the one that was triggered.
placed as (
    select
        moments.*,
        coalesce(incident_services.triggered_service_id, incident_services.service_id)
            as service_id,
        service_calendars.team_id,
        calendars.calendar_name,
        calendars.hours_calendar_name,
        -- The responder's own clock is no assumption.
        calendars.is_assumed and moments.responder_time_zone is null as is_calendar_assumed,
        coalesce(moments.responder_time_zone, calendars.time_zone) as time_zone
    from moments
    inner join incident_services on moments.incident_id = incident_services.incident_id
    left join service_calendars
        on
            coalesce(incident_services.triggered_service_id, incident_services.service_id)
            = service_calendars.service_id
    inner join calendars
        on coalesce(service_calendars.calendar_name, 'defaults') = calendars.calendar_name
),

clocked as (
    select
        placed.*,
        {{ local_time('placed.paged_at', 'placed.time_zone') }} as local_at
    from placed
),

dated as (
    select
        clocked.*,
        cast(clocked.local_at as date) as local_date,
        cast({{ dbt.dateadd('day', -1, 'cast(clocked.local_at as date)') }} as date)
            as day_before
    from clocked
),

judged as (
    select
        dated.page_id,
        dated.incident_id,
        dated.service_id,
        dated.team_id,
        dated.responder_id,
        dated.responder_name,
        dated.page_source,
        dated.calendar_name,
        dated.time_zone,
        dated.is_calendar_assumed,
        dated.is_page,
        holidays.holiday_name,
        hours.calendar_name is not null as is_working_weekday,
        coalesce(
            holidays.holiday_name is null
            and dated.local_at >= {{ time_after(
                'cast(dated.local_date as timestamp)', 'hours.opens_minute', 'minute'
            ) }}
            and dated.local_at < {{ time_after(
                'cast(dated.local_date as timestamp)', 'hours.closes_minute', 'minute'
            ) }},
            false
        )
        -- Hours that began the previous day may still be running, until those of the day begin.
        or coalesce(
            holidays_before.holiday_name is null
            and dated.local_at < {{ time_after(
                'cast(dated.day_before as timestamp)', 'hours_before.closes_minute', 'minute'
            ) }}
            and (
                hours.calendar_name is null
                or holidays.holiday_name is not null
                or dated.local_at < {{ time_after(
                    'cast(dated.local_date as timestamp)', 'hours.opens_minute', 'minute'
                ) }}
            ),
            false
        ) as is_in_hours,
        dated.local_date,
        cast({{ dbt.dateadd(
            'day', '1 - ' ~ iso_weekday('dated.local_date'), 'dated.local_date'
        ) }} as date) as week_starts_on,
        dated.local_at,
        dated.paged_at
    from dated
    left join hours
        on
            dated.hours_calendar_name = hours.calendar_name
            and {{ iso_weekday('dated.local_date') }} = hours.iso_weekday
    left join holidays
        on
            dated.hours_calendar_name = holidays.calendar_name
            and dated.local_date = holidays.holiday_date
    left join hours as hours_before
        on
            dated.hours_calendar_name = hours_before.calendar_name
            and {{ iso_weekday('dated.day_before') }} = hours_before.iso_weekday
    left join holidays as holidays_before
        on
            dated.hours_calendar_name = holidays_before.calendar_name
            and dated.day_before = holidays_before.holiday_date
),

pages as (
    select
        judged.page_id,
        judged.incident_id,
        judged.service_id,
        judged.team_id,
        judged.responder_id,
        judged.responder_name,
        judged.page_source,
        judged.calendar_name,
        judged.time_zone,
        case
            when judged.is_in_hours then 'working hours'
            when judged.holiday_name is not null then 'holiday'
            when not judged.is_working_weekday then 'weekend'
            else 'night'
        end as page_time,
        judged.is_page,
        judged.is_calendar_assumed,
        not judged.is_in_hours as is_out_of_hours,
        judged.local_date,
        judged.week_starts_on,
        judged.local_at,
        judged.paged_at
    from judged
)

select * from pages
