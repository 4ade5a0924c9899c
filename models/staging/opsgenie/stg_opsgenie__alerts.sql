with source as (
    select *
    from {{ newest_version(source('opsgenie', 'alerts'), ['id'], ['updated_at']) }} as newest
),

renamed as (
    select
        -- ids
        id as source_incident_id,
        service_id as source_service_id,
        linked_incident_id as source_linked_incident_id,

        -- strings
        tiny_id as incident_number,
        message as incident_title,
        status as source_status,
        priority,
        alias as alert_key,
        tagged_service as source_service_name,
        incident_alert_type,
        label_k8s_name,
        label_service_owner,

        -- numbers
        cast(round(ack_time_ms / 1000.0) as bigint) as time_to_acknowledge_seconds,
        cast(round(close_time_ms / 1000.0) as bigint) as time_to_close_seconds,

        -- booleans
        is_acknowledged,

        -- timestamps
        created_at as triggered_at,
        updated_at,
        _loaded_at as loaded_at
    from source
)

select * from renamed
