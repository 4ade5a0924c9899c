with source as (
    select *
    from {{
        newest_version(
            source('servicenow', 'incidents'), ['number'], ['updated_at', 'sys_mod_count']
        )
    }} as newest
),

renamed as (
    select
        -- ids
        number as source_incident_id,
        sys_id as source_sys_id,
        service_id as source_service_id,
        correlation_id as correlation_ref,

        -- strings
        short_description as incident_title,
        state_value as source_status_value,
        state as source_status,
        priority,
        urgency,
        service_name as source_service_name,
        assignment_group,
        failure_key,
        label_service_owner,

        -- numbers
        reopen_count,
        reassignment_count,

        -- booleans
        is_active,

        -- timestamps
        opened_at as triggered_at,
        created_at,
        acknowledged_at,
        resolved_at,
        closed_at,
        updated_at,
        _loaded_at as loaded_at
    from source
)

select * from renamed
