{{ config(materialized=var('single_use')) }}

{# The fix classes of an epic, by its postmortems; `unknown` without one. #}
with epics as (
    select * from {{ ref('int_outcomes__epics') }}
),

links as (
    select * from {{ ref('bridge_epic_postmortems') }}
),

stated as (
    select * from {{ ref('bridge_postmortem_fix_classes') }}
),

named as (
    select distinct
        links.epic_id,
        stated.fix_class
    from links
    inner join stated on links.postmortem_id = stated.postmortem_id
),

fix_classes as (
    select
        epics.epic_id,
        coalesce(named.fix_class, 'unknown') as fix_class
    from epics
    left join named on epics.epic_id = named.epic_id
)

select * from fix_classes
