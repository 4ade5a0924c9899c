with log_entries as (
    select * from {{ ref('stg_pagerduty__log_entries') }}
),

incidents as (
    select * from {{ ref('stg_pagerduty__incidents') }}
),

-- An incident is active from a trigger to the next resolve, and again from a reopening to the
-- resolve after it; the number of resolves before an entry identifies its interval.
placed as (
    select
        log_entries.source_incident_id,
        log_entries.log_entry_type,
        log_entries.logged_at,
        sum(case when log_entries.log_entry_type = 'resolve_log_entry' then 1 else 0 end)
            over (
                partition by log_entries.source_incident_id
                order by log_entries.logged_at, log_entries.log_entry_id
                rows between unbounded preceding and current row
            )
        - case when log_entries.log_entry_type = 'resolve_log_entry' then 1 else 0 end
            as interval_number
    from log_entries
    where
        log_entries.log_entry_type in (
            'trigger_log_entry', 'acknowledge_log_entry', 'unacknowledge_log_entry',
            'resolve_log_entry'
        )
),

intervals as (
    select
        placed.source_incident_id || '#' || cast(placed.interval_number as varchar)
            as interval_id,
        placed.source_incident_id,
        placed.interval_number,
        min(case when placed.log_entry_type != 'resolve_log_entry' then placed.logged_at end)
            as started_at,
        min(case when placed.log_entry_type = 'acknowledge_log_entry' then placed.logged_at end)
            as acknowledged_at,
        max(case when placed.log_entry_type = 'resolve_log_entry' then placed.logged_at end)
            as ended_at
    from placed
    group by placed.source_incident_id, placed.interval_number
),

-- Log entries may begin after the incident did; its first interval began when it was triggered.
begun as (
    select
        intervals.interval_id,
        intervals.source_incident_id,
        intervals.interval_number,
        case
            when
                intervals.interval_number = 0
                and (
                    intervals.started_at is null
                    or intervals.started_at > incidents.triggered_at
                )
                then coalesce(incidents.triggered_at, intervals.started_at)
            else intervals.started_at
        end as started_at,
        intervals.acknowledged_at,
        intervals.ended_at
    from intervals
    left join incidents on intervals.source_incident_id = incidents.source_incident_id
)

-- A resolve with nothing before it closes nothing.
select * from begun
where started_at is not null
