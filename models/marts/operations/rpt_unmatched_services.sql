with services as (
    select * from {{ ref('int_incidents__services') }}
),

incidents as (
    select * from {{ ref('int_incidents__unioned') }}
),

claims as (
    select * from {{ ref('int_services__claims') }}
),

unmatched as (
    select
        -- ids
        incidents.source_name || ':' || coalesce(services.stated_name, 'unnamed')
            as unmatched_id,

        -- strings
        incidents.source_name,
        services.stated_name,
        min(coalesce(by_id.claimed_by, by_name.claimed_by)) as claimed_by,

        -- numbers
        count(*) as incident_count,

        -- timestamps
        max(incidents.triggered_at) as newest_incident_at
    from services
    inner join incidents on services.incident_id = incidents.incident_id
    left join claims as by_id
        on
            incidents.source_name = by_id.alias_kind
            and lower(trim(incidents.source_service_id)) = by_id.alias_value
    left join claims as by_name
        on
            by_name.alias_kind = 'name'
            and services.stated_name = by_name.alias_value
    where not services.is_catalogued
    group by incidents.source_name, services.stated_name
)

select * from unmatched
