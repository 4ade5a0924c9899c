with prometheus as (
    select * from {{ ref('stg_prometheus__series') }}
),

datadog as (
    select * from {{ ref('stg_datadog__slos') }}
),

names as (
    select * from {{ ref('int_slo__names') }}
),

aliases as (
    select * from {{ ref('int_services__aliases') }}
),

stated as (
    select
        'prometheus:' || prometheus.series_id as slo_series_id,
        prometheus.series_id as source_series_id,
        'prometheus' as burn_source,
        prometheus.series_kind,
        prometheus.stated_service_name,
        prometheus.slo_name,
        prometheus.window_seconds
    from prometheus
    union all
    select
        'datadog:' || datadog.source_slo_id as slo_series_id,
        datadog.source_slo_id as source_series_id,
        'datadog' as burn_source,
        'events' as series_kind,
        datadog.stated_service_name,
        datadog.slo_name,
        cast(null as bigint) as window_seconds
    from datadog
),

placed as (
    select
        stated.*,
        coalesce(
            aliases.service_id,
            'uncatalogued:' || lower(trim(coalesce(stated.stated_service_name, 'unnamed')))
        ) as service_id,
        lower(trim(stated.slo_name)) as slo_alias
    from stated
    left join aliases
        on
            aliases.alias_kind = 'name'
            and lower(trim(stated.stated_service_name)) = aliases.alias_value
),

resolved as (
    select
        -- ids
        placed.slo_series_id,
        placed.source_series_id,
        placed.service_id || ' > ' || coalesce(names.slo_name, placed.slo_alias) as slo_id,
        placed.service_id,

        -- strings
        coalesce(names.slo_name, placed.slo_alias) as slo_name,
        placed.burn_source,
        placed.series_kind,

        -- numbers
        placed.window_seconds
    from placed
    left join names
        on
            placed.service_id = names.service_id
            and placed.slo_alias = names.slo_alias
)

select * from resolved
