{{ config(materialized=var('single_use')) }}

with source as (
    select *
    from {{ current_rows(source('postmortems', 'postmortem_action_items')) }} as documents
),

renamed as (
    select
        -- ids
        postmortem_id,
        ticket_ref,

        -- strings
        title as action_item_title,
        owner as owner_name,
        declined_reason,

        -- timestamps
        due_date as due_on,
        declined_on,
        _loaded_at as loaded_at
    from source
)

select * from renamed
