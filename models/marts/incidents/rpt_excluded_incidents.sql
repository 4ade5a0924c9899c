with incidents as (
    select * from {{ ref('int_incidents__unioned') }}
),

classified as (
    select * from {{ ref('int_incidents__classified') }}
),

excluded as (
    select
        -- ids
        incidents.incident_id,
        classified.counted_as_id,

        -- strings
        incidents.source_name,
        cast(classified.exclusion_reason as varchar) as exclusion_reason,
        incidents.incident_title,

        -- timestamps
        incidents.triggered_at
    from incidents
    inner join classified on incidents.incident_id = classified.incident_id
    where classified.exclusion_reason is not null
)

select * from excluded
