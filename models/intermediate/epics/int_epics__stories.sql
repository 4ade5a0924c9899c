{{ config(materialized=var('single_use')) }}

{#
    The stories below an epic. The parent outweighs the label that a story was opened with: people
    move stories. Deleted stories belong to no epic.
#}
with items as (
    select *
    from {{ ref('int_epics__items') }}
    where not is_deleted
),

epics as (
    select *
    from {{ ref('int_epics__epics') }}
    where item_id is not null
),

by_parent as (
    select
        items.item_id,
        epics.epic_id
    from items
    inner join epics
        on
            items.tracker_name = epics.tracker_name
            and items.item_id != epics.item_id
            and (
                items.parent_item_id = epics.source_item_id
                or (items.parent_item_id is null and items.parent_item_ref = epics.item_ref)
            )
),

by_label as (
    select
        items.item_id,
        epics.epic_id
    from items
    inner join epics
        on
            items.tracker_name = epics.tracker_name
            and items.item_id != epics.item_id
            and items.story_of_key = epics.epic_key
    where items.parent_item_id is null and items.parent_item_ref is null
),

placed as (
    select * from by_parent
    union all
    select * from by_label
),

stories as (
    select
        -- ids
        items.item_id as story_id,
        placed.epic_id,

        -- strings
        items.tracker_name,
        items.item_title as story_title,
        items.status_name,

        -- numbers
        items.logged_days,

        -- booleans
        items.is_open,

        -- timestamps
        items.opened_at,
        items.closed_at
    from placed
    inner join items on placed.item_id = items.item_id
)

select * from stories
