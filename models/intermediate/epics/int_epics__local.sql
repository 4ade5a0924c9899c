{{ config(materialized=var('single_use')) }}

{# The words for a closed epic are the local tracker's. #}
with epics as (
    select * from {{ ref('stg_local__epics') }}
),

judged as (
    select
        epics.*,
        coalesce(
            lower(trim(epics.status_name)) in (
                'done', 'closed', 'resolved', 'cancelled', 'canceled', 'deleted'
            ),
            false
        ) as is_closed
    from epics
),

items as (
    select
        -- ids
        'local:' || judged.source_item_id as item_id,
        judged.source_item_id,
        judged.source_item_id as item_ref,
        judged.epic_key,
        judged.story_of_key,
        cast(null as varchar) as parent_item_id,
        cast(null as varchar) as parent_item_ref,

        -- strings
        'local' as tracker_name,
        judged.item_title,
        judged.service_name,
        coalesce(lower(trim(judged.status_name)), 'open') as status_name,
        judged.assignee_name,
        judged.owner_name,
        judged.item_url,

        -- numbers
        judged.slo_burn,
        judged.score,
        cast(null as double precision) as story_points,
        judged.estimate_days,
        judged.budget_usd,
        cast(null as double precision) as logged_days,

        -- booleans
        not judged.is_closed as is_open,
        false as is_deleted,
        false as is_hidden,

        -- timestamps
        judged.due_date,
        judged.opened_at,
        case when judged.is_closed then coalesce(judged.closed_at, judged.updated_at) end
            as closed_at,
        cast(null as timestamp) as deleted_at,
        judged.updated_at
    from judged
)

select * from items
