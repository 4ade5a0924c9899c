with source as (
    select *
    from {{ newest_version(source('pagerduty', 'log_entries'), ['id'], ['created_at']) }} as newest
),

renamed as (
    select
        -- ids
        id as log_entry_id,
        incident_id as source_incident_id,
        service_id as source_service_id,
        agent_id,
        user_id,

        -- strings
        type as log_entry_type,
        {{ person('user_name') }} as user_name,
        label_k8s_name,
        label_service_owner,

        -- timestamps
        created_at as logged_at,
        _loaded_at as loaded_at
    from source
)

select * from renamed
