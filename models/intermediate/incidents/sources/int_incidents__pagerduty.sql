with incidents as (
    select * from {{ ref('stg_pagerduty__incidents') }}
),

log_entries as (
    select * from {{ ref('stg_pagerduty__log_entries') }}
),

intervals as (
    select * from {{ ref('int_incidents__pagerduty_intervals') }}
),

deleted as (
    select * from {{ ref('int_incidents__pagerduty_deleted') }}
),

services as (
    select * from {{ ref('stg_pagerduty__services') }}
),

priorities as (
    select * from {{ ref('stg_pagerduty__priorities') }}
),

timelines as (
    select
        intervals.source_incident_id,
        min(intervals.acknowledged_at) as acknowledged_at,
        max(intervals.ended_at) as last_resolved_at,
        count(*) - 1 as reopen_count,
        -- Where log entries end before the incident, its last interval comes from the record.
        sum(
            {{ seconds_between(
                'intervals.started_at',
                'coalesce(
                    intervals.ended_at,
                    case
                        when incidents.resolved_at >= intervals.started_at
                            then incidents.resolved_at
                    end
                )'
            ) }}
        ) as active_seconds
    from intervals
    inner join incidents on intervals.source_incident_id = incidents.source_incident_id
    group by intervals.source_incident_id
),

triggers as (
    select
        log_entries.source_incident_id,
        log_entries.source_service_id as triggered_service_id,
        log_entries.label_k8s_name,
        log_entries.label_service_owner,
        row_number() over (
            partition by log_entries.source_incident_id
            order by log_entries.logged_at, log_entries.log_entry_id
        ) as trigger_rank
    from log_entries
    where log_entries.log_entry_type = 'trigger_log_entry'
),

shaped as (
    select
        -- ids
        'pagerduty:' || incidents.source_incident_id as incident_id,
        incidents.source_incident_id,
        cast(null as varchar) as source_sys_id,
        incidents.source_service_id,
        coalesce(triggers.triggered_service_id, incidents.source_service_id)
            as triggered_service_id,
        cast(null as varchar) as correlation_ref,
        case
            when incidents.resolve_reason = 'merge_resolve_reason'
                then incidents.source_merged_into_id
        end as merged_into_ref,

        -- strings
        'pagerduty' as source_name,
        'incident' as record_kind,
        incidents.incident_number,
        incidents.incident_title,
        case
            when incidents.source_status = 'triggered' then 'open'
            else incidents.source_status
        end as incident_status,
        -- Many accounts have no priorities; every incident has an urgency.
        coalesce(incidents.priority, priorities.priority_name, 'urgency ' || incidents.urgency)
            as priority,
        incidents.alert_key,
        cast(null as varchar) as failure_key,
        coalesce(incidents.source_service_name, services.service_name)
            as source_service_name,
        coalesce(incidents.label_k8s_name, triggers.label_k8s_name) as label_k8s_name,
        coalesce(incidents.label_service_owner, triggers.label_service_owner)
            as label_service_owner,
        incidents.incident_url,

        -- numbers
        timelines.reopen_count,
        timelines.active_seconds as timeline_active_seconds,

        -- booleans
        deleted.source_incident_id is not null as is_deleted,

        -- timestamps
        incidents.triggered_at,
        -- Without log entries, a record that was read while the incident was acknowledged says
        -- when.
        -- The report exported from PagerDuty's website says after how many seconds.
        coalesce(
            timelines.acknowledged_at,
            incidents.acknowledged_at,
            {{ dbt.dateadd('second', 'incidents.seconds_to_first_ack', 'incidents.triggered_at') }}
        ) as acknowledged_at,
        -- The resolve entry is the event itself. Records from before 2023, and some exports, state
        -- no end: it is their last change of status. Later edits change none of the three.
        case
            when incidents.source_status = 'resolved'
                then
                    coalesce(
                        incidents.resolved_at,
                        timelines.last_resolved_at,
                        incidents.status_changed_at
                    )
        end as resolved_at,
        incidents.updated_at
    from incidents
    left join timelines on incidents.source_incident_id = timelines.source_incident_id
    left join triggers
        on
            incidents.source_incident_id = triggers.source_incident_id
            and triggers.trigger_rank = 1
    left join deleted on incidents.source_incident_id = deleted.source_incident_id
    left join services on incidents.source_service_id = services.source_service_id
    left join priorities on incidents.source_priority_id = priorities.source_priority_id
)

select * from shaped
