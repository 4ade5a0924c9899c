{# Incidents that an epic shows as evidence, and those of postmortems whose decision names it. #}
with epics as (
    select * from {{ ref('int_epics__epics') }}
),

shown as (
    select * from {{ ref('int_epics__shown_incidents') }}
),

decisions as (
    select * from {{ ref('int_epics__postmortems') }}
),

postmortem_incidents as (
    select * from {{ ref('bridge_postmortem_incidents') }}
),

incidents as (
    select * from {{ ref('fct_incidents') }}
),

linked as (
    select
        shown.epic_id,
        shown.incident_id,
        1 as is_shown
    from shown
    union all
    select
        decisions.epic_id,
        postmortem_incidents.incident_id,
        0 as is_shown
    from decisions
    inner join postmortem_incidents
        on decisions.postmortem_id = postmortem_incidents.postmortem_id
),

bridge as (
    select
        -- ids
        cast(linked.epic_id || ' > ' || linked.incident_id as varchar) as epic_incident_id,
        cast(linked.epic_id as varchar) as epic_id,
        linked.incident_id,

        -- booleans
        max(linked.is_shown) = 1 as is_shown
    from linked
    inner join epics on linked.epic_id = epics.epic_id
    inner join incidents on linked.incident_id = incidents.incident_id
    group by linked.epic_id, linked.incident_id
)

select * from bridge
