{{ config(materialized=var('single_use')) }}

{#
    The incidents behind each candidate's score, each once, even if two services of a shared fix
    share it.
#}
with members as (
    select * from {{ ref('int_promotion__members') }}
),

windowed as (
    select * from {{ ref('int_scoring__window_incidents') }}
),

found as (
    select
        members.candidate_id || ' > ' || windowed.incident_id as candidate_incident_id,
        members.candidate_id,
        members.fix_id,
        windowed.incident_id,
        windowed.postmortem_id,
        windowed.failure_mode,
        windowed.estimate_days,
        windowed.active_seconds,
        windowed.is_repeat,
        windowed.triggered_at,
        row_number() over (
            partition by members.candidate_id, windowed.incident_id
            order by members.service_id
        ) as occurrence
    from members
    inner join windowed
        on
            members.service_id = windowed.service_id
            and members.scoring_date = windowed.scoring_date
)

select * from found
where occurrence = 1
