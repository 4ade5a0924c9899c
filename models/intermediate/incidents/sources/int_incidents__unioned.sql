with unioned as (
    select * from {{ ref('int_incidents__gathered') }}
),

-- What a later day brings is not known yet at `as_of`: neither the incident nor its end.
known as (
    select
        unioned.incident_id,
        unioned.source_incident_id,
        unioned.source_sys_id,
        unioned.source_service_id,
        unioned.triggered_service_id,
        unioned.correlation_ref,
        unioned.merged_into_ref,
        unioned.source_name,
        unioned.record_kind,
        unioned.incident_number,
        unioned.incident_title,
        case
            when unioned.resolved_at > {{ as_of() }} and unioned.acknowledged_at <= {{ as_of() }}
                then 'acknowledged'
            when unioned.resolved_at > {{ as_of() }} then 'open'
            when
                unioned.incident_status = 'acknowledged'
                and unioned.acknowledged_at > {{ as_of() }}
                then 'open'
            else unioned.incident_status
        end as incident_status,
        unioned.priority,
        unioned.alert_key,
        unioned.failure_key,
        unioned.source_service_name,
        unioned.label_k8s_name,
        unioned.label_service_owner,
        unioned.incident_url,
        {{ severity_level('unioned.priority') }} as severity_level,
        unioned.reopen_count,
        case
            when unioned.resolved_at <= {{ as_of() }} then unioned.timeline_active_seconds
        end as timeline_active_seconds,
        unioned.is_deleted,
        unioned.triggered_at,
        case
            when unioned.acknowledged_at <= {{ as_of() }} then unioned.acknowledged_at
        end as acknowledged_at,
        case when unioned.resolved_at <= {{ as_of() }} then unioned.resolved_at end
            as resolved_at,
        unioned.updated_at
    from unioned
    where unioned.triggered_at <= {{ as_of() }}
)

select * from known
