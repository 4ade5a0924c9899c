with counted as (
    select * from {{ ref('int_incidents__counted') }}
),

episodes as (
    select * from {{ ref('int_incidents__episodes') }}
),

settings as (
    select * from {{ ref('stg_modernization__scoring') }}
),

-- What failed is told by the postmortem's failure mode, by the alert's key or by the ticket's own
-- field for it; any of them will do.
fingerprints as (
    select
        counted.incident_id,
        counted.service_id || ' / ' || counted.failure_mode as fingerprint,
        1 as fingerprint_rank,
        counted.triggered_at
    from counted
    inner join episodes on counted.incident_id = episodes.incident_id
    where
        not episodes.is_flap
        and counted.failure_mode is not null
        and counted.failure_mode != 'unknown'
    union all
    select
        counted.incident_id,
        counted.service_id || ' / alert ' || counted.alert_key as fingerprint,
        2 as fingerprint_rank,
        counted.triggered_at
    from counted
    inner join episodes on counted.incident_id = episodes.incident_id
    where
        not episodes.is_flap
        and counted.alert_key is not null
    union all
    select
        counted.incident_id,
        counted.service_id || ' / ' || lower(counted.failure_key) as fingerprint,
        3 as fingerprint_rank,
        counted.triggered_at
    from counted
    inner join episodes on counted.incident_id = episodes.incident_id
    where
        not episodes.is_flap
        and counted.failure_key is not null
),

previous as (
    select
        fingerprints.*,
        lag(fingerprints.incident_id) over (
            partition by fingerprints.fingerprint
            order by fingerprints.triggered_at, fingerprints.incident_id
        ) as previous_incident_id,
        lag(fingerprints.triggered_at) over (
            partition by fingerprints.fingerprint
            order by fingerprints.triggered_at, fingerprints.incident_id
        ) as previous_triggered_at
    from fingerprints
),

judged as (
    select
        previous.incident_id,
        previous.fingerprint,
        previous.fingerprint_rank,
        previous.previous_incident_id,
        previous.previous_triggered_at is not null
        and {{ seconds_between('previous.previous_triggered_at', 'previous.triggered_at') }}
        <= 86400 * settings.repeat_window_days as is_repeat
    from previous
    cross join settings
),

ranked as (
    select
        judged.incident_id,
        judged.fingerprint,
        judged.is_repeat,
        case when judged.is_repeat then judged.previous_incident_id end as repeat_of_id,
        row_number() over (
            partition by judged.incident_id
            order by case when judged.is_repeat then 0 else 1 end, judged.fingerprint_rank
        ) as judgement_rank
    from judged
),

repeats as (
    select
        ranked.incident_id,
        ranked.fingerprint,
        ranked.is_repeat,
        ranked.repeat_of_id
    from ranked
    where ranked.judgement_rank = 1
)

select * from repeats
