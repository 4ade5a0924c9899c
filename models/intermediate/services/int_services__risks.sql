{{ config(materialized=var('single_use')) }}

with risks as (
    select * from {{ ref('stg_servicenow__risks') }}
),

aliases as (
    select * from {{ ref('int_services__aliases') }}
),

named as (
    select distinct
        coalesce(by_id.service_id, by_name.service_id) as service_id,
        risks.risk_id
    from risks
    left join aliases as by_id
        on
            by_id.alias_kind = 'servicenow'
            and lower(trim(risks.source_service_id)) = by_id.alias_value
    left join aliases as by_name
        on
            by_name.alias_kind = 'name'
            and lower(trim(risks.source_service_name)) = by_name.alias_value
    where risks.is_active
),

registered as (
    select
        named.service_id || ' ' || named.risk_id as service_risk_id,
        named.service_id,
        named.risk_id
    from named
    where named.service_id is not null
)

select * from registered
