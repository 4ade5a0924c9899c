{{ config(materialized=var('single_use')) }}

with fingerprints as (
    select * from {{ ref('int_incidents__fingerprints') }}
),

-- An incident with several fingerprints is represented by one that repeats.
ranked as (
    select
        fingerprints.incident_id,
        fingerprints.fingerprint,
        fingerprints.is_repeat,
        case when fingerprints.is_repeat then fingerprints.previous_incident_id end
            as repeat_of_id,
        row_number() over (
            partition by fingerprints.incident_id
            order by
                case when fingerprints.is_repeat then 0 else 1 end,
                fingerprints.fingerprint_rank
        ) as judgement_rank
    from fingerprints
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
