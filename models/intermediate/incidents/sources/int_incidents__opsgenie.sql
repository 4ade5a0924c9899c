with incidents as (
    select * from {{ ref('stg_opsgenie__incidents') }}
),

alerts as (
    select * from {{ ref('stg_opsgenie__alerts') }}
),

services as (
    select * from {{ ref('stg_opsgenie__services') }}
),

deleted as (
    select * from {{ ref('int_incidents__opsgenie_deleted') }}
),

-- The alert that pages the owners of an incident records when somebody acknowledged it.
owner_alerts as (
    select
        alerts.source_linked_incident_id,
        min(
            {{ time_after('alerts.triggered_at', 'alerts.time_to_acknowledge_seconds', 'second') }}
        ) as acknowledged_at
    from alerts
    where
        alerts.source_linked_incident_id is not null
        and lower(alerts.incident_alert_type) = 'owner'
    group by alerts.source_linked_incident_id
),

shaped_incidents as (
    select
        -- ids
        'opsgenie:' || incidents.source_incident_id as incident_id,
        incidents.source_incident_id,
        cast(null as varchar) as source_sys_id,
        incidents.source_service_id,
        incidents.source_service_id as triggered_service_id,
        incidents.correlation_ref,
        cast(null as varchar) as merged_into_ref,

        -- strings
        'opsgenie' as source_name,
        'incident' as record_kind,
        incidents.incident_number,
        incidents.incident_title,
        case
            when lower(incidents.source_status) in ('resolved', 'closed') then 'resolved'
            when owner_alerts.acknowledged_at is not null then 'acknowledged'
            else 'open'
        end as incident_status,
        incidents.priority,
        incidents.alert_key,
        cast(null as varchar) as failure_key,
        coalesce(incidents.source_service_name, services.source_service_name)
            as source_service_name,
        incidents.label_k8s_name,
        incidents.label_service_owner,
        cast(null as varchar) as incident_url,

        -- numbers
        cast(null as bigint) as reopen_count,
        cast(null as bigint) as timeline_active_seconds,

        -- booleans
        deleted.incident_id is not null as is_deleted,

        -- timestamps
        incidents.triggered_at,
        owner_alerts.acknowledged_at,
        case
            when lower(incidents.source_status) in ('resolved', 'closed')
                then incidents.resolved_at
        end as resolved_at,
        incidents.updated_at
    from incidents
    left join owner_alerts
        on incidents.source_incident_id = owner_alerts.source_linked_incident_id
    left join services on incidents.source_service_id = services.source_service_id
    left join deleted on 'opsgenie:' || incidents.source_incident_id = deleted.incident_id
),

shaped_alerts as (
    select
        -- ids
        'opsgenie:' || alerts.source_incident_id as incident_id,
        alerts.source_incident_id,
        cast(null as varchar) as source_sys_id,
        alerts.source_service_id,
        alerts.source_service_id as triggered_service_id,
        alerts.source_linked_incident_id as correlation_ref,
        cast(null as varchar) as merged_into_ref,

        -- strings
        'opsgenie' as source_name,
        'alert' as record_kind,
        alerts.incident_number,
        alerts.incident_title,
        case
            when lower(alerts.source_status) = 'closed' then 'resolved'
            when alerts.is_acknowledged then 'acknowledged'
            else 'open'
        end as incident_status,
        alerts.priority,
        alerts.alert_key,
        cast(null as varchar) as failure_key,
        coalesce(alerts.source_service_name, services.source_service_name)
            as source_service_name,
        alerts.label_k8s_name,
        alerts.label_service_owner,
        cast(null as varchar) as incident_url,

        -- numbers
        cast(null as bigint) as reopen_count,
        cast(null as bigint) as timeline_active_seconds,

        -- booleans
        deleted.incident_id is not null as is_deleted,

        -- timestamps
        alerts.triggered_at,
        {{ time_after('alerts.triggered_at', 'alerts.time_to_acknowledge_seconds', 'second') }}
            as acknowledged_at,
        case
            when lower(alerts.source_status) = 'closed'
                then
                    {{ time_after(
                        'alerts.triggered_at', 'alerts.time_to_close_seconds', 'second'
                    ) }}
        end as resolved_at,
        alerts.updated_at
    from alerts
    left join services on alerts.source_service_id = services.source_service_id
    left join deleted on 'opsgenie:' || alerts.source_incident_id = deleted.incident_id
)

select * from shaped_incidents
union all
select * from shaped_alerts
