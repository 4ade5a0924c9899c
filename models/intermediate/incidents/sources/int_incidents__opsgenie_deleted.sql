{{ config(materialized=var('single_use')) }}

with incidents as (
    select * from {{ ref('stg_opsgenie__incidents') }}
),

alerts as (
    select * from {{ ref('stg_opsgenie__alerts') }}
),

record_ids as (
    select * from {{ ref('stg_opsgenie__record_ids') }}
),

sweeps as (
    select * from {{ ref('stg_opsgenie__sweeps') }}
),

records as (
    select
        'incident' as record_kind,
        incidents.source_incident_id,
        incidents.triggered_at
    from incidents
    union all
    select
        'alert' as record_kind,
        alerts.source_incident_id,
        alerts.triggered_at
    from alerts
),

oldest as (
    select
        record_ids.record_kind,
        min(record_ids.triggered_at) as triggered_at
    from record_ids
    group by record_ids.record_kind
),

-- Whatever is older than everything left has aged out of the account: nobody deleted it.
deleted as (
    select distinct 'opsgenie:' || records.source_incident_id as incident_id
    from records
    inner join sweeps
        on
            records.record_kind = sweeps.record_kind
            and records.triggered_at between sweeps.since_at and sweeps.until_at
    inner join oldest
        on
            records.record_kind = oldest.record_kind
            and records.triggered_at >= oldest.triggered_at
    left join record_ids
        on
            records.record_kind = record_ids.record_kind
            and records.source_incident_id = record_ids.source_incident_id
    where record_ids.source_incident_id is null
)

select * from deleted
