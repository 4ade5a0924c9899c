with records as (
    select * from {{ ref('int_quality__incident_records') }}
),

gathered as (
    select * from {{ ref('int_incidents__gathered') }}
),

classified as (
    select * from {{ ref('int_incidents__classified') }}
),

services as (
    select * from {{ ref('int_incidents__services') }}
),

outcomes as (
    select
        records.incident_id,
        records.stream_id,
        records.load_id,
        classified.exclusion_reason,
        services.is_catalogued,
        coalesce(gathered.triggered_at > {{ as_of() }}, false) as is_later
    from records
    left join gathered on records.incident_id = gathered.incident_id
    left join classified on records.incident_id = classified.incident_id
    left join services on records.incident_id = services.incident_id
)

select * from outcomes
