{{ config(materialized=var('single_use')) }}

{#
    Each project names its own states; their category says what they mean. A work item whose type
    the project no longer has is judged by its closing date.
#}
with work_items as (
    select * from {{ ref('stg_azure_devops__work_items') }}
),

states as (
    select * from {{ ref('stg_azure_devops__states') }}
),

sweeps as (
    select * from {{ ref('stg_azure_devops__sweeps') }}
),

seen as (
    select * from {{ ref('stg_azure_devops__sweep_items') }}
),

last_sweep as (
    select max(sweeps.swept_at) as swept_at
    from sweeps
),

judged as (
    select
        work_items.*,
        coalesce(seen.is_hidden, false) as is_hidden,
        seen.source_item_id is null and work_items.updated_at < last_sweep.swept_at
            as is_gone,
        case
            when states.state_id is null then work_items.closed_at is not null
            else coalesce(states.status_category in ('Completed', 'Removed'), false)
        end as is_closed,
        coalesce(states.status_category = 'Removed', false) as is_removed,
        last_sweep.swept_at
    from work_items
    cross join last_sweep
    left join states
        on
            work_items.item_type = states.item_type
            and work_items.status_name = states.status_name
    left join seen on work_items.source_item_id = seen.source_item_id
),

items as (
    select
        -- ids
        'azure_devops:' || judged.source_item_id as item_id,
        judged.source_item_id,
        judged.source_item_id as item_ref,
        judged.epic_key,
        judged.story_of_key,
        judged.parent_item_id,
        cast(null as varchar) as parent_item_ref,

        -- strings
        'azure_devops' as tracker_name,
        judged.item_title,
        cast(null as varchar) as service_name,
        case
            when coalesce(judged.is_gone, false) then 'deleted'
            -- By its category, whatever the process calls the state.
            when judged.is_removed then 'removed'
            else judged.status_name
        end as status_name,
        judged.assignee_name,
        cast(null as varchar) as owner_name,
        judged.item_url,

        -- numbers
        judged.slo_burn,
        judged.score,
        judged.story_points,
        judged.estimate_days,
        judged.budget_usd,
        judged.completed_hours / 8.0 as logged_days,

        -- booleans
        not judged.is_closed and not coalesce(judged.is_gone, false) as is_open,
        coalesce(judged.is_gone, false) as is_deleted,
        judged.is_hidden,

        -- timestamps
        judged.due_date,
        judged.created_at as opened_at,
        case
            when judged.is_closed
                then coalesce(judged.closed_at, judged.state_changed_at, judged.updated_at)
        end as closed_at,
        case when judged.is_gone then judged.swept_at end as deleted_at,
        judged.updated_at
    from judged
)

select * from items
