with incidents as (
    select * from {{ ref('stg_servicenow__incidents') }}
),

deleted as (
    select * from {{ ref('int_incidents__servicenow_deleted') }}
),

states as (
    select * from {{ ref('servicenow_states') }}
),

intervals as (
    select * from {{ ref('int_incidents__servicenow_intervals') }}
),

-- Seconds of a reopened ticket's intervals except the last, which ends when the ticket does.
reopened as (
    select
        intervals.source_incident_id,
        coalesce(sum({{ seconds_between('intervals.started_at', 'intervals.ended_at') }}), 0)
            as earlier_seconds,
        max(case when intervals.ended_at is null then intervals.started_at end) as last_started_at,
        count(*) - 1 as reopen_count
    from intervals
    group by intervals.source_incident_id
),

-- A value means the same in every language, a name only in its own. Without a known state, the
-- record's own fields decide.
judged as (
    select
        incidents.source_incident_id,
        coalesce(
            by_value.incident_status,
            by_name.incident_status,
            case
                when incidents.is_active then 'open'
                when
                    not incidents.is_active
                    or incidents.resolved_at is not null
                    or incidents.closed_at is not null
                    then 'resolved'
                else 'open'
            end
        ) as incident_status
    from incidents
    left join states as by_value
        on lower(trim(incidents.source_status_value)) = by_value.state_word
    left join states as by_name on lower(trim(incidents.source_status)) = by_name.state_word
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
        case
            when judged.incident_status = 'open' and incidents.acknowledged_at is not null
                then 'acknowledged'
            else judged.incident_status
        end as incident_status,
        incidents.priority,
        cast(null as varchar) as alert_key,
        incidents.failure_key,
        incidents.source_service_name,
        cast(null as varchar) as label_k8s_name,
        incidents.label_service_owner,
        cast(null as varchar) as incident_url,

        -- numbers
        {{ greater_known('incidents.reopen_count', 'reopened.reopen_count') }} as reopen_count,
        case
            when judged.incident_status = 'resolved'
                then
                    cast(
                        reopened.earlier_seconds
                        -- A ticket may be closed again without a new resolution time.
                        + case
                            when incidents.resolved_at <= reopened.last_started_at then 0
                            else {{
                                seconds_between('reopened.last_started_at', 'incidents.resolved_at')
                            }}
                        end
                        as bigint
                    )
        end as timeline_active_seconds,

        -- booleans
        deleted.source_incident_id is not null as is_deleted,

        -- timestamps
        incidents.triggered_at,
        incidents.acknowledged_at,
        case when judged.incident_status = 'resolved' then incidents.resolved_at end
            as resolved_at,
        incidents.updated_at
    from incidents
    inner join judged on incidents.source_incident_id = judged.source_incident_id
    left join reopened on incidents.source_incident_id = reopened.source_incident_id
    left join deleted on incidents.source_incident_id = deleted.source_incident_id
)

select * from shaped
