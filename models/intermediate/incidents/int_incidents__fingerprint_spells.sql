{#
    One row per incident, kind of fingerprint, and interval in which that was known: by the
    postmortem's failure mode, by the alert's key, by the ticket's own field for it or, as tools
    give most alerts a key of their own, by the words of the title.
#}
with reviews as (
    select * from {{ ref('int_incidents__reviews') }}
),

counted as (
    select * from {{ ref('int_incidents__counted') }}
),

episodes as (
    select * from {{ ref('int_incidents__episodes') }}
),

-- A flap belongs to its episode; it is no occurrence of its own.
known as (
    select
        reviews.incident_id,
        reviews.service_id,
        reviews.failure_mode,
        counted.alert_key,
        counted.failure_key,
        counted.title_key,
        counted.triggered_at,
        reviews.known_from,
        reviews.known_until
    from reviews
    inner join counted on reviews.incident_id = counted.incident_id
    inner join episodes on reviews.incident_id = episodes.incident_id
    where not episodes.is_flap
),

fingerprints as (
    select
        known.incident_id,
        known.service_id,
        known.service_id || ' / ' || known.failure_mode as fingerprint,
        1 as fingerprint_rank,
        known.triggered_at,
        known.known_from,
        known.known_until
    from known
    where
        known.failure_mode is not null
        and known.failure_mode != 'unknown'
    union all
    select
        known.incident_id,
        known.service_id,
        known.service_id || ' / alert ' || known.alert_key as fingerprint,
        2 as fingerprint_rank,
        known.triggered_at,
        known.known_from,
        known.known_until
    from known
    where known.alert_key is not null
    union all
    select
        known.incident_id,
        known.service_id,
        known.service_id || ' / ' || lower(known.failure_key) as fingerprint,
        3 as fingerprint_rank,
        known.triggered_at,
        known.known_from,
        known.known_until
    from known
    where known.failure_key is not null
    union all
    select
        known.incident_id,
        known.service_id,
        known.service_id || ' / title ' || known.title_key as fingerprint,
        4 as fingerprint_rank,
        known.triggered_at,
        known.known_from,
        known.known_until
    from known
    where known.title_key is not null
)

select * from fingerprints
