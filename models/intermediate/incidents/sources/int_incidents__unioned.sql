with unioned as (
    select * from {{ ref('int_incidents__gathered') }}
),

severity_words as (
    select * from {{ ref('severity_words') }}
),

-- "P3 - fix within 1 week" is p3, whatever follows. Of matching words the longest counts.
ranked_words as (
    select
        priorities.priority,
        severity_words.severity_level,
        row_number() over (
            partition by priorities.priority
            order by length(severity_words.severity_word) desc
        ) as word_rank
    from (
        select
            unioned.priority,
            trim({{ regex_replace('lower(unioned.priority)', '[-[:space:]_:/.,;()|]+', ' ') }})
                as words
        from unioned
        where unioned.priority is not null
        group by unioned.priority
    ) as priorities
    inner join severity_words
        on
            priorities.words = severity_words.severity_word
            or priorities.words like severity_words.severity_word || ' %'
),

-- What happens after `as_of` is not known yet: neither the incident nor its end.
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
        ranked_words.severity_level,
        unioned.reopen_count,
        case
            when unioned.resolved_at <= {{ as_of() }} then unioned.timeline_active_seconds
        end as timeline_active_seconds,
        unioned.is_deleted,
        unioned.triggered_at,
        -- An acknowledgement before the trigger is a wrong clock: its time is unknown.
        case
            when
                unioned.acknowledged_at <= {{ as_of() }}
                and unioned.acknowledged_at >= unioned.triggered_at
                then unioned.acknowledged_at
        end as acknowledged_at,
        case when unioned.resolved_at <= {{ as_of() }} then unioned.resolved_at end
            as resolved_at,
        unioned.updated_at
    from unioned
    left join ranked_words
        on unioned.priority = ranked_words.priority and ranked_words.word_rank = 1
    where unioned.triggered_at <= {{ as_of() }}
)

select * from known
