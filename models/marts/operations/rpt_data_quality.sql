{#
    Per source and stream, over all loads: source rows = raw rows + quarantined; and per stream of
    incidents: records = facts + excluded. A difference that isn't 0 is a defect.
#}
with loads as (
    select * from {{ ref('stg_paydown__loads') }}
),

unioned as (
    select * from {{ ref('int_incidents__unioned') }}
),

classified as (
    select * from {{ ref('int_incidents__classified') }}
),

facts as (
    select * from {{ ref('fct_incidents') }}
),

services as (
    select * from {{ ref('int_incidents__services') }}
),

per_stream as (
    select
        loads.source_name,
        loads.stream_name,
        sum(loads.source_rows) as source_rows,
        sum(loads.rows_loaded) as raw_rows,
        sum(loads.rows_quarantined) as quarantined_rows,
        sum(case when loads.load_status = 'rejected' then 1 else 0 end) as rejected_files,
        max(loads.loaded_at) as newest_load_at
    from loads
    group by loads.source_name, loads.stream_name
),

per_source as (
    select
        unioned.source_name,
        case
            when unioned.record_kind = 'alert' then 'alerts'
            else 'incidents'
        end as stream_name,
        count(*) as record_count,
        count(facts.incident_id) as fact_count,
        sum(case when classified.exclusion_reason is not null then 1 else 0 end)
            as excluded_count,
        sum(case when services.is_catalogued then 0 else 1 end) as unmatched_count
    from unioned
    inner join classified on unioned.incident_id = classified.incident_id
    inner join services on unioned.incident_id = services.incident_id
    left join facts on unioned.incident_id = facts.incident_id
    group by
        unioned.source_name,
        case when unioned.record_kind = 'alert' then 'alerts' else 'incidents' end
),

quality as (
    select
        -- ids
        per_stream.source_name || '.' || per_stream.stream_name as stream_id,

        -- strings
        per_stream.source_name,
        per_stream.stream_name,

        -- numbers
        cast(per_stream.source_rows as bigint) as source_rows,
        cast(per_stream.raw_rows as bigint) as raw_rows,
        cast(per_stream.quarantined_rows as bigint) as quarantined_rows,
        cast(per_stream.rejected_files as bigint) as rejected_files,
        cast(per_source.record_count as bigint) as record_count,
        cast(per_source.fact_count as bigint) as fact_count,
        cast(per_source.excluded_count as bigint) as excluded_count,
        cast(per_source.unmatched_count as bigint) as unmatched_service_count,

        -- timestamps
        per_stream.newest_load_at
    from per_stream
    left join per_source
        on
            per_stream.source_name = per_source.source_name
            and per_stream.stream_name = per_source.stream_name
)

select * from quality
