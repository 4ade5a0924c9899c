{{ config(materialized=var('single_use')) }}

with incidents as (
    select * from {{ ref('stg_pagerduty__incidents') }}
),

swept as (
    select * from {{ ref('stg_pagerduty__incident_ids') }}
),

-- PagerDuty doesn't mark deleted records: they are those created within a window that was searched,
-- and not found in it.
deleted as (
    select distinct incidents.source_incident_id
    from incidents
    inner join swept as sweeps
        on
            sweeps.source_incident_id is null
            and incidents.triggered_at >= sweeps.since_at
            and incidents.triggered_at < sweeps.until_at
    left join swept as known
        on incidents.source_incident_id = known.source_incident_id
    where known.source_incident_id is null
)

select * from deleted
