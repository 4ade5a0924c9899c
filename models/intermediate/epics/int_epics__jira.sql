{{ config(materialized=var('single_use')) }}

{#
    A resolution date may survive a reopening, and Data Center has no other: so it counts only in a
    closed status. An issue that the sweep did not find, although created before it, is gone.
#}
with issues as (
    select * from {{ ref('stg_jira__issues') }}
),

sweeps as (
    select * from {{ ref('stg_jira__sweeps') }}
),

seen as (
    select * from {{ ref('stg_jira__sweep_items') }}
),

not_delivered as (
    select * from {{ ref('not_delivered_statuses') }}
),

last_sweep as (
    select max(sweeps.swept_at) as swept_at
    from sweeps
),

judged as (
    select
        issues.*,
        coalesce(seen.is_hidden, false) as is_hidden,
        seen.source_item_id is null and issues.updated_at < last_sweep.swept_at as is_gone,
        issues.status_category = 'done' or issues.archived_at is not null as is_closed,
        last_sweep.swept_at
    from issues
    cross join last_sweep
    left join seen on issues.source_item_id = seen.source_item_id
),

items as (
    select
        -- ids
        'jira:' || judged.source_item_id as item_id,
        judged.source_item_id,
        judged.item_ref,
        judged.epic_key,
        judged.story_of_key,
        judged.parent_item_id,
        judged.parent_item_ref,

        -- strings
        'jira' as tracker_name,
        judged.item_title,
        cast(null as varchar) as service_name,
        case
            when coalesce(judged.is_gone, false) then 'deleted'
            when judged.archived_at is not null then 'archived'
            -- The status says done, the resolution says it was not.
            when judged.is_closed and not_delivered.status_word is not null
                then trim(judged.resolution_name)
            else judged.status_name
        end as status_name,
        judged.assignee_name,
        judged.owner_name,
        judged.item_url,

        -- numbers
        judged.slo_burn,
        judged.score,
        judged.story_points,
        -- Jira's working day has eight hours.
        coalesce(
            judged.estimate_days,
            cast(judged.original_estimate_seconds as double precision) / 28800
        ) as estimate_days,
        judged.budget_usd,
        cast(judged.time_spent_seconds as double precision) / 28800 as logged_days,

        -- booleans
        not coalesce(judged.is_closed, false) and not coalesce(judged.is_gone, false)
            as is_open,
        coalesce(judged.is_gone, false) as is_deleted,
        judged.is_hidden,

        -- timestamps
        judged.due_date,
        judged.created_at as opened_at,
        case
            when judged.archived_at is not null then judged.archived_at
            when judged.is_closed then coalesce(
                judged.status_category_changed_at, judged.resolved_at, judged.updated_at
            )
        end as closed_at,
        case when judged.is_gone then judged.swept_at end as deleted_at,
        judged.updated_at
    from judged
    left join not_delivered on lower(trim(judged.resolution_name)) = not_delivered.status_word
)

select * from items
