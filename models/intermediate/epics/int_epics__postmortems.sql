{{ config(materialized=var('single_use')) }}

{#
    Postmortems whose decision names an epic, in any spelling: MOD-123, AB#4711, #4711, the key, the
    file's name or the address.
#}
with epics as (
    select * from {{ ref('int_epics__epics') }}
),

decisions as (
    select
        postmortems.postmortem_id,
        lower(trim(postmortems.decision_epic_ref)) as named_ref
    from {{ ref('stg_postmortems__postmortems') }} as postmortems
    where postmortems.decision_epic_ref is not null
),

links as (
    select distinct
        epics.epic_id || ' > ' || decisions.postmortem_id as link_id,
        epics.epic_id,
        decisions.postmortem_id
    from decisions
    inner join epics
        on
            decisions.named_ref in (
                lower(epics.item_ref), lower(epics.epic_key), lower(epics.epic_url)
            )
            or (
                epics.tracker_name = 'azure_devops'
                and decisions.named_ref in (
                    'ab#' || epics.source_item_id, '#' || epics.source_item_id
                )
            )
)

select * from links
