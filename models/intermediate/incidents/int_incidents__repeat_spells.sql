{#
    One row per incident, earlier incident of the same fingerprint within the rubric's days, and
    stretch of time in which that was known: for as long the incident is a repeat.
#}
with fingerprints as (
    select * from {{ ref('int_incidents__fingerprint_spells') }}
),

settings as (
    select * from {{ ref('stg_modernization__scoring') }}
),

pairs as (
    select
        later.incident_id,
        later.fingerprint,
        later.fingerprint_rank,
        earlier.incident_id as repeat_of_id,
        earlier.triggered_at as repeat_of_triggered_at,
        -- An open beginning is before, an open end after every other.
        case
            when later.known_from is null or earlier.known_from > later.known_from
                then earlier.known_from
            else later.known_from
        end as known_from,
        case
            when later.known_until is null or earlier.known_until < later.known_until
                then earlier.known_until
            else later.known_until
        end as known_until
    from fingerprints as later
    inner join fingerprints as earlier
        on
            later.fingerprint = earlier.fingerprint
            and later.incident_id != earlier.incident_id
            and later.triggered_at >= earlier.triggered_at
    cross join settings
    where
        (
            earlier.triggered_at < later.triggered_at
            or earlier.incident_id < later.incident_id
        )
        and {{ seconds_between('earlier.triggered_at', 'later.triggered_at') }}
        <= 86400 * settings.repeat_window_days
)

select pairs.*
from pairs
where
    pairs.known_from is null
    or pairs.known_until is null
    or pairs.known_from < pairs.known_until
