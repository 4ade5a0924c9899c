{{ config(materialized=var('single_use')) }}

{#
    How often each action item's due date was moved, over all versions of its postmortem that were
    ever loaded. Items of one postmortem with the same title count together, minus their differences
    within one version.
#}
with source as (
    select * from {{ source('postmortems', 'postmortem_action_items') }}
),

versions as (
    select
        postmortem_id,
        title,
        _load_id,
        count(distinct due_date) as date_count
    from source
    group by postmortem_id, title, _load_id
),

side_by_side as (
    select
        versions.postmortem_id,
        versions.title,
        max(versions.date_count) as date_count
    from versions
    group by versions.postmortem_id, versions.title
),

ever as (
    select
        postmortem_id,
        title,
        count(distinct due_date) as date_count
    from source
    group by postmortem_id, title
)

select
    ever.postmortem_id,
    ever.title as action_item_title,
    ever.date_count - greatest(side_by_side.date_count, least(ever.date_count, 1))
        as redated_count
from ever
inner join side_by_side
    on ever.postmortem_id = side_by_side.postmortem_id and ever.title = side_by_side.title
