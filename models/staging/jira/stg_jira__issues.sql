{{ config(materialized=var('single_use')) }}

with source as (
    select *
    from {{ newest_version(source('jira', 'issues'), ['id'], ['updated_at']) }} as newest
),

renamed as (
    select
        -- ids
        id as source_item_id,
        key as item_ref,
        epic_key,
        story_of_key,
        parent_id as parent_item_id,
        parent_key as parent_item_ref,

        -- strings
        title as item_title,
        issue_type as item_type,
        status as status_name,
        status_category,
        resolution as resolution_name,
        {{ person('assignee') }} as assignee_name,
        team as owner_name,
        url as item_url,

        -- numbers
        slo_burn,
        score,
        story_points,
        estimate_days,
        original_estimate_seconds,
        time_spent_seconds,
        budget_usd,

        -- timestamps
        due_date,
        created_at,
        resolved_at,
        status_category_changed_at,
        archived_at,
        updated_at,
        _loaded_at as loaded_at
    from source
)

select * from renamed
