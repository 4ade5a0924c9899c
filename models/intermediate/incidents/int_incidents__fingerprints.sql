with spells as (
    select *
    from {{ ref('int_incidents__fingerprint_spells') }}
    where known_until is null
),

settings as (
    select * from {{ ref('stg_modernization__scoring') }}
),

-- A ticket's field may say the same as the postmortem.
distinct_fingerprints as (
    select
        spells.incident_id,
        spells.service_id,
        spells.fingerprint,
        min(spells.fingerprint_rank) as fingerprint_rank,
        spells.triggered_at
    from spells
    group by
        spells.incident_id,
        spells.service_id,
        spells.fingerprint,
        spells.triggered_at
),

previous as (
    select
        distinct_fingerprints.*,
        lag(distinct_fingerprints.incident_id) over (
            partition by distinct_fingerprints.fingerprint
            order by distinct_fingerprints.triggered_at, distinct_fingerprints.incident_id
        ) as previous_incident_id,
        lag(distinct_fingerprints.triggered_at) over (
            partition by distinct_fingerprints.fingerprint
            order by distinct_fingerprints.triggered_at, distinct_fingerprints.incident_id
        ) as previous_triggered_at
    from distinct_fingerprints
),

judged as (
    select
        previous.incident_id || ' ' || cast(previous.fingerprint_rank as varchar)
            as incident_fingerprint_id,
        previous.incident_id,
        previous.previous_incident_id,
        previous.service_id,
        previous.fingerprint,
        previous.fingerprint_rank,
        previous.previous_triggered_at is not null
        and {{ in_window(
            'previous.previous_triggered_at', 'settings.repeat_window_days', 'previous.triggered_at'
        ) }} as is_repeat,
        previous.triggered_at
    from previous
    cross join settings
)

select * from judged
