with services as (
    select * from {{ ref('int_incidents__services') }}
),

incidents as (
    select * from {{ ref('int_incidents__unioned') }}
),

unmatched as (
    select
        -- ids
        incidents.source_name || ':' || coalesce(services.stated_name, 'unnamed')
            as unmatched_id,

        -- strings
        incidents.source_name,
        services.stated_name,

        -- numbers
        count(*) as incident_count,

        -- timestamps
        max(incidents.triggered_at) as newest_incident_at
    from services
    inner join incidents on services.incident_id = incidents.incident_id
    where not services.is_catalogued
    group by incidents.source_name, services.stated_name
)

select * from unmatched
