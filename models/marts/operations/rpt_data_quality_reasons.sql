with outcomes as (
    select * from {{ ref('int_quality__incident_outcomes') }}
),

quarantine as (
    select * from {{ ref('int_quality__quarantine') }}
),

raw_loads as (
    select * from {{ ref('int_quality__raw_loads') }}
),

exclusions as (
    select
        outcomes.stream_id,
        'excluded' as outcome,
        outcomes.exclusion_reason as reason,
        count(*) as reason_count
    from outcomes
    where outcomes.exclusion_reason is not null
    group by outcomes.stream_id, outcomes.exclusion_reason
    union all
    select
        outcomes.stream_id,
        'later' as outcome,
        'triggered after as_of' as reason,
        count(*) as reason_count
    from outcomes
    where outcomes.is_later
    group by outcomes.stream_id
    union all
    select
        quarantine.stream_id,
        'quarantined' as outcome,
        quarantine.quarantine_reason as reason,
        count(*) as reason_count
    from quarantine
    where quarantine.is_open
    group by quarantine.stream_id, quarantine.quarantine_reason
    union all
    select
        raw_loads.stream_id,
        'duplicate' as outcome,
        'older version of a record' as reason,
        sum(raw_loads.raw_rows - raw_loads.newest_rows) as reason_count
    from raw_loads
    group by raw_loads.stream_id
),

reasons as (
    select
        -- ids
        exclusions.stream_id || ' ' || exclusions.outcome || ': ' || exclusions.reason as reason_id,
        exclusions.stream_id,

        -- strings
        exclusions.outcome,
        cast(exclusions.reason as varchar) as reason,

        -- numbers
        cast(exclusions.reason_count as bigint) as reason_count
    from exclusions
    where exclusions.reason_count > 0
)

select * from reasons
