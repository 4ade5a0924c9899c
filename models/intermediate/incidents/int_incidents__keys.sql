with incidents as (
    select * from {{ ref('int_incidents__unioned') }}
),

-- Every way in which another tool or a person may name the incident.
stated as (
    select
        incidents.incident_id,
        incidents.incident_id as incident_key
    from incidents
    union all
    select
        incidents.incident_id,
        incidents.source_incident_id as incident_key
    from incidents
    union all
    select
        incidents.incident_id,
        incidents.source_sys_id as incident_key
    from incidents
    union all
    select
        incidents.incident_id,
        incidents.incident_number as incident_key
    from incidents
    union all
    select
        incidents.incident_id,
        incidents.source_name || ':' || incidents.incident_number as incident_key
    from incidents
),

normalised as (
    select
        stated.incident_id,
        lower(trim(stated.incident_key)) as incident_key
    from stated
    where trim(stated.incident_key) != ''
),

-- A bare number that two tools use names neither.
unambiguous as (
    select
        normalised.incident_key,
        min(normalised.incident_id) as incident_id
    from normalised
    group by normalised.incident_key
    having min(normalised.incident_id) = max(normalised.incident_id)
)

select * from unambiguous
