with stated as (
    select * from {{ ref('stg_postmortems__postmortem_incidents') }}
),

incident_keys as (
    select * from {{ ref('int_incidents__keys') }}
),

classified as (
    select * from {{ ref('int_incidents__classified') }}
),

-- A postmortem of a merged or duplicate record, or of an alert, belongs to the incident that is
-- counted.
linked as (
    select distinct
        stated.postmortem_id,
        stated.incident_ref,
        case
            when
                classified.exclusion_reason
                in ('merged', 'duplicate', 'alert', 'deleted_at_source')
                then coalesce(classified.counted_as_id, incident_keys.incident_id)
            else incident_keys.incident_id
        end as incident_id
    from stated
    left join incident_keys on lower(trim(stated.incident_ref)) = incident_keys.incident_key
    left join classified on incident_keys.incident_id = classified.incident_id
)

select
    linked.postmortem_id || ' > ' || linked.incident_ref as postmortem_incident_id,
    linked.postmortem_id,
    linked.incident_ref,
    linked.incident_id,
    linked.incident_id is not null as is_linked
from linked
