with pages as (
    select *
    from {{ ref('int_calendar__pages') }}
    where is_page
),

services as (
    select * from {{ ref('dim_services') }}
),

facts as (
    select
        -- ids
        cast(pages.page_id as varchar) as page_id,
        cast(pages.incident_id as varchar) as incident_id,
        cast(pages.service_id as varchar) as service_id,
        cast(pages.team_id as varchar) as team_id,
        cast(pages.responder_id as varchar) as responder_id,

        -- strings
        cast(services.service_name as varchar) as service_name,
        cast(services.owner as varchar) as owner,
        cast(pages.responder_name as varchar) as responder_name,
        cast(pages.page_source as varchar) as page_source,
        cast(pages.page_time as varchar) as page_time,
        cast(pages.time_zone as varchar) as time_zone,

        -- booleans
        pages.is_out_of_hours,
        pages.is_calendar_assumed,

        -- timestamps
        pages.local_date,
        pages.week_starts_on,
        pages.local_at,
        pages.paged_at
    from pages
    left join services on pages.service_id = services.service_id
)

select * from facts
