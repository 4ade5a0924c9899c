-- What is published as active is what the working hours are counted of.
{{ config(meta={'dagster': {'ref': {'name': 'fct_incidents'}}}) }}

with stretches as (
    select
        stretches.incident_id,
        sum({{ seconds_between('stretches.started_at', 'stretches.ended_at') }})
            as stretch_seconds
    from {{ ref('int_incidents__stretches') }} as stretches
    group by stretches.incident_id
),

incidents as (
    select * from {{ ref('fct_incidents') }}
)

select
    incidents.incident_id,
    incidents.active_seconds,
    incidents.business_active_seconds,
    stretches.stretch_seconds
from incidents
left join stretches on incidents.incident_id = stretches.incident_id
where
    incidents.active_seconds is distinct from stretches.stretch_seconds
    or incidents.business_active_seconds > incidents.active_seconds
    or incidents.business_seconds_to_acknowledge > incidents.time_to_acknowledge_seconds
