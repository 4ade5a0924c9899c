with source as (
    select *
    from {{ newest_version(source('opsgenie', 'incidents'), ['id'], ['updated_at']) }} as newest
),

renamed as (
    select
        -- ids
        id as source_incident_id,
        service_id as source_service_id,
        correlation_id as correlation_ref,

        -- strings
        tiny_id as incident_number,
        message as incident_title,
        status as source_status,
        priority,
        owner_team,
        tagged_service as source_service_name,
        alias as alert_key,
        coalesce(label_k8s_name, tagged_k8s_name) as label_k8s_name,
        coalesce(label_service_owner, tagged_service_owner) as label_service_owner,

        -- timestamps
        created_at as triggered_at,
        impact_end_at as resolved_at,
        updated_at,
        _loaded_at as loaded_at
    from source
)

select * from renamed
