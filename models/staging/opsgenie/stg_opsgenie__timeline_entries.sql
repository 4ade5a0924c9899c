with source as (
    select *
    from
        {{ newest_version(
            source('opsgenie', 'timeline_entries'), ['incident_id', 'id'], ['edited_at']
        ) }} as newest
),

renamed as (
    select
        -- ids
        incident_id || '#' || id as timeline_entry_id,
        incident_id as source_incident_id,

        -- strings
        type as entry_type,
        entry_group,
        content as entry_text,
        actor_name,

        -- booleans
        is_hidden,

        -- timestamps
        event_at as logged_at,
        edited_at,
        _loaded_at as loaded_at
    from source
)

select * from renamed
