{# Postmortems whose decision names an epic, and those of the incidents that it shows. #}
with epics as (
    select * from {{ ref('int_epics__epics') }}
),

decisions as (
    select * from {{ ref('int_epics__postmortems') }}
),

shown as (
    select * from {{ ref('int_epics__shown_incidents') }}
),

postmortem_incidents as (
    select * from {{ ref('bridge_postmortem_incidents') }}
),

postmortems as (
    select * from {{ ref('fct_postmortems') }}
),

linked as (
    select
        decisions.epic_id,
        decisions.postmortem_id,
        1 as is_decision
    from decisions
    union all
    select
        shown.epic_id,
        postmortem_incidents.postmortem_id,
        0 as is_decision
    from shown
    inner join postmortem_incidents on shown.incident_id = postmortem_incidents.incident_id
),

bridge as (
    select
        -- ids
        cast(linked.epic_id || ' > ' || linked.postmortem_id as varchar) as epic_postmortem_id,
        cast(linked.epic_id as varchar) as epic_id,
        linked.postmortem_id,

        -- booleans
        max(linked.is_decision) = 1 as is_decision
    from linked
    inner join epics on linked.epic_id = epics.epic_id
    inner join postmortems on linked.postmortem_id = postmortems.postmortem_id
    group by linked.epic_id, linked.postmortem_id
)

select * from bridge
