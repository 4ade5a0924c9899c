{{ config(materialized=var('single_use')) }}

with source as (
    select *
    from {{ current_rows(source('local', 'epics')) }} as documents
),

renamed as (
    select
        -- ids
        file as source_item_id,
        key as epic_key,
        story_of_key,

        -- strings
        title as item_title,
        service as service_name,
        status as status_name,
        owner as owner_name,
        {{ person('assignee') }} as assignee_name,
        url as item_url,

        -- numbers
        score,
        slo_burn,
        estimate_days,
        budget_usd,

        -- timestamps
        due_date,
        opened_at,
        -- A date alone means the end of the day, so that an incident of that day opens no other
        -- epic.
        case
            when closed_on is not null
                then {{ time_after('cast(closed_on as timestamp)', '86399', 'second') }}
            else closed_at
        end as closed_at,
        changed_at as updated_at,
        _loaded_at as loaded_at
    from source
)

select * from renamed
