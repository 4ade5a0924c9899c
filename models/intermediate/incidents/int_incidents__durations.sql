{{ config(materialized=var('single_use')) }}

{%- set measures = {
    'time_to_detect': 'counted.time_to_detect_seconds',
    'time_to_acknowledge': 'counted.time_to_acknowledge_seconds',
    'time_to_resolve_elapsed': 'counted.elapsed_seconds',
    'time_to_resolve_active': 'counted.active_seconds',
    'business_time_to_acknowledge': 'incident_seconds.business_seconds_to_acknowledge',
    'business_time_to_resolve_active': 'incident_seconds.business_active_seconds',
} -%}

with counted as (
    select * from {{ ref('int_incidents__counted') }}
),

episodes as (
    select * from {{ ref('int_incidents__episodes') }}
),

incident_seconds as (
    select * from {{ ref('int_calendar__incident_seconds') }}
),

durations as (
    {%- for measure, seconds in measures.items() %}
        {%- if not loop.first %}
            union all
        {%- endif %}
        select
            counted.incident_id || ' {{ measure }}' as incident_duration_id,
            counted.incident_id,
            counted.service_id,
            '{{ measure }}' as measure,
            counted.severity_level,
            -- A negative value is a wrong clock, not a duration.
            case when {{ seconds }} >= 0 then {{ seconds }} end as duration_seconds,
            episodes.is_flap,
            {% if measure == 'time_to_detect' -%}
                false
            {%- elif 'acknowledge' in measure -%}
                counted.incident_status = 'open' and counted.acknowledged_at is null
            {%- else -%}
                counted.incident_status != 'resolved'
            {%- endif %} as is_open,
            counted.triggered_at
        from counted
        inner join episodes on counted.incident_id = episodes.incident_id
        {%- if 'incident_seconds' in seconds %}
            left join incident_seconds
                on counted.incident_id = incident_seconds.incident_id
        {%- endif %}
    {%- endfor %}
)

select * from durations
