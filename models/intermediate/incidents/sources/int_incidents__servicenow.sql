with incidents as (
    select * from {{ ref('stg_servicenow__incidents') }}
),

deleted as (
    select * from {{ ref('int_incidents__servicenow_deleted') }}
),

shaped as (
    select
        -- ids
        'servicenow:' || incidents.source_incident_id as incident_id,
        incidents.source_incident_id,
        incidents.source_sys_id,
        incidents.source_service_id,
        incidents.source_service_id as triggered_service_id,
        incidents.correlation_ref,
        cast(null as varchar) as merged_into_ref,

        -- strings
        'servicenow' as source_name,
        'incident' as record_kind,
        incidents.source_incident_id as incident_number,
        incidents.incident_title,
        -- States 6 and 7 are Resolved and Closed in every ServiceNow that kept the defaults.
        case
            when lower(incidents.source_status) in ('resolved', 'closed', '6', '7')
                then 'resolved'
            when incidents.acknowledged_at is not null then 'acknowledged'
            else 'open'
        end as incident_status,
        incidents.priority,
        cast(null as varchar) as alert_key,
        incidents.failure_key,
        incidents.source_service_name,
        cast(null as varchar) as label_k8s_name,
        incidents.label_service_owner,
        cast(null as varchar) as incident_url,

        -- numbers
        incidents.reopen_count,
        cast(null as bigint) as timeline_active_seconds,

        -- booleans
        deleted.source_incident_id is not null as is_deleted,

        -- timestamps
        incidents.triggered_at,
        incidents.acknowledged_at,
        case
            when lower(incidents.source_status) in ('resolved', 'closed', '6', '7')
                then incidents.resolved_at
        end as resolved_at,
        incidents.updated_at
    from incidents
    left join deleted on incidents.source_incident_id = deleted.source_incident_id
)

select * from shaped
