with incidents as (
    select * from {{ ref('int_incidents__unioned') }}
),

classified as (
    select * from {{ ref('int_incidents__classified') }}
),

services as (
    select * from {{ ref('int_incidents__services') }}
),

reviews as (
    select *
    from {{ ref('int_incidents__reviews') }}
    where is_last
),

-- The failure of merged records began with the first.
merged_starts as (
    select
        classified.counted_as_id as incident_id,
        min(incidents.triggered_at) as started_at
    from classified
    inner join incidents on classified.incident_id = incidents.incident_id
    where classified.exclusion_reason in ('merged', 'duplicate')
    group by classified.counted_as_id
),

begun as (
    select
        incidents.*,
        case
            when merged_starts.started_at < incidents.triggered_at then merged_starts.started_at
            else incidents.triggered_at
        end as started_at
    from incidents
    left join merged_starts on incidents.incident_id = merged_starts.incident_id
),

counted as (
    select
        incidents.incident_id,
        incidents.source_incident_id,
        -- The service that caused it where the postmortem says so, else the one it is on now.
        reviews.service_id,
        reviews.causal_service_id,
        services.service_id as current_service_id,
        services.triggered_service_id,
        reviews.postmortem_id,
        incidents.source_name,
        incidents.record_kind,
        incidents.incident_number,
        incidents.incident_title,
        incidents.incident_status,
        incidents.alert_key,
        incidents.failure_key,
        {{ normalised_title('incidents.incident_title') }} as title_key,
        incidents.incident_url,
        services.matched_by,
        services.stated_name,
        services.stated_title,
        reviews.failure_mode,
        reviews.regulations,
        incidents.severity_level,
        incidents.reopen_count,
        reviews.slo_burn_rate,
        reviews.revenue_impact_usd,
        reviews.users_share,
        reviews.is_ai_code_without_tests,
        -- An impact that began after the alert is a typing error.
        case
            when reviews.impact_started_at <= incidents.started_at
                then {{ seconds_between('reviews.impact_started_at', 'incidents.started_at') }}
        end as time_to_detect_seconds,
        {{ seconds_between('incidents.started_at', 'incidents.acknowledged_at') }}
            as time_to_acknowledge_seconds,
        {{ seconds_between('incidents.started_at', 'incidents.resolved_at') }}
            as elapsed_seconds,
        -- The timeline of the record that counts, and what preceded it. It can't be longer than the
        -- incident: a timeline whose intervals overlap, or end after it, is wrong.
        case
            when
                incidents.timeline_active_seconds
                <= {{ seconds_between('incidents.triggered_at', 'incidents.resolved_at') }}
                then
                    incidents.timeline_active_seconds
                    + {{ seconds_between('incidents.started_at', 'incidents.triggered_at') }}
            else {{ seconds_between('incidents.started_at', 'incidents.resolved_at') }}
        end as active_seconds,
        incidents.started_at as triggered_at,
        incidents.acknowledged_at,
        incidents.resolved_at,
        reviews.known_from as reviewed_at
    from begun as incidents
    inner join classified on incidents.incident_id = classified.incident_id
    inner join services on incidents.incident_id = services.incident_id
    inner join reviews on incidents.incident_id = reviews.incident_id
    where classified.exclusion_reason is null
)

select * from counted
