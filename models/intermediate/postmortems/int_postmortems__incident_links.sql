with stated as (
    select * from {{ ref('stg_postmortems__postmortem_incidents') }}
),

incident_keys as (
    select * from {{ ref('int_incidents__keys') }}
),

classified as (
    select * from {{ ref('int_incidents__classified') }}
),

incidents as (
    select * from {{ ref('int_incidents__unioned') }}
),

-- A postmortem of a merged or duplicated record, or of an alert, is one of the incident that is
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
),

-- What a postmortem says was lost is counted once, at the first of its incidents that are facts.
ranked as (
    select
        linked.postmortem_id || ' > ' || linked.incident_ref as postmortem_incident_id,
        linked.postmortem_id,
        linked.incident_ref,
        linked.incident_id,
        linked.incident_id is not null as is_linked,
        row_number() over (
            partition by linked.postmortem_id
            order by
                case when linked.incident_id is null then 1 else 0 end,
                case when classified.exclusion_reason is null then 0 else 1 end,
                incidents.triggered_at,
                linked.incident_id,
                linked.incident_ref
        ) = 1 and linked.incident_id is not null as is_primary
    from linked
    left join incidents on linked.incident_id = incidents.incident_id
    left join classified on linked.incident_id = classified.incident_id
)

select * from ranked
