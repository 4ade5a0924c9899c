with source as (
    select *
    from {{ newest_version(source('pagerduty', 'incidents'), ['id'], ['updated_at']) }} as newest
),

renamed as (
    select
        -- ids
        id as source_incident_id,
        service_id as source_service_id,
        priority_id as source_priority_id,
        merged_into_id as source_merged_into_id,

        -- strings
        cast(incident_number as varchar) as incident_number,
        title as incident_title,
        -- The report from PagerDuty's website states no status; what has an end there is resolved.
        coalesce(
            lower(trim(status)),
            case when resolved_at is not null then 'resolved' else 'triggered' end
        ) as source_status,
        urgency,
        priority,
        incident_key as alert_key,
        service_name as source_service_name,
        resolve_reason,
        label_k8s_name,
        label_service_owner,
        html_url as incident_url,

        -- numbers
        seconds_to_first_ack,

        -- timestamps
        created_at as triggered_at,
        acknowledged_at,
        resolved_at,
        last_status_change_at as status_changed_at,
        updated_at,
        _loaded_at as loaded_at
    from source
)

select * from renamed
