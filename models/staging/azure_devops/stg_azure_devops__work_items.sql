{{ config(materialized=var('single_use')) }}

with source as (
    select *
    from {{ newest_version(source('azure_devops', 'work_items'), ['id'], ['rev']) }} as newest
),

renamed as (
    select
        -- ids
        id as source_item_id,
        epic_key,
        story_of_key,
        parent_id as parent_item_id,

        -- strings
        title as item_title,
        item_type,
        state as status_name,
        {{ person('assignee') }} as assignee_name,
        url as item_url,

        -- numbers
        slo_burn,
        score,
        story_points,
        estimate_days,
        completed_hours,
        budget_usd,

        -- timestamps
        due_date,
        created_at,
        closed_at,
        state_changed_at,
        updated_at,
        _loaded_at as loaded_at
    from source
)

select * from renamed
