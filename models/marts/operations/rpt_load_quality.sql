with streams as (
    select * from {{ ref('int_quality__streams') }}
),

loads as (
    select * from {{ ref('stg_paydown__loads') }}
),

quarantine as (
    select * from {{ ref('stg_paydown__quarantine') }}
),

raw_loads as (
    select * from {{ ref('int_quality__raw_loads') }}
),

outcomes as (
    select * from {{ ref('int_quality__incident_outcomes') }}
),

facts as (
    select * from {{ ref('fct_incidents') }}
),

set_aside as (
    select
        quarantine.load_id,
        count(*) as quarantined_rows
    from quarantine
    group by quarantine.load_id
),

-- A stream of before, whose contract is gone, has loads but no contract.
incident_streams as (
    select streams.stream_id
    from streams
    where streams.is_incident_stream
),

decided as (
    select
        outcomes.load_id,
        count(facts.incident_id) as fact_count,
        sum(case when outcomes.exclusion_reason is not null then 1 else 0 end)
            as excluded_count,
        sum(case when outcomes.is_later then 1 else 0 end) as later_count
    from outcomes
    left join facts on outcomes.incident_id = facts.incident_id
    group by outcomes.load_id
),

counted as (
    select
        loads.load_id,
        loads.source_name || '.' || loads.stream_name as stream_id,
        loads.source_name,
        loads.stream_name,
        loads.file_name,
        loads.load_status,
        loads.load_problem,
        loads.source_rows,
        loads.rows_loaded as raw_rows,
        loads.rows_quarantined as quarantined_rows,
        coalesce(raw_loads.raw_rows, 0) as counted_raw_rows,
        coalesce(set_aside.quarantined_rows, 0) as counted_quarantined_rows,
        coalesce(raw_loads.newest_rows, 0) as record_count,
        case when incident_streams.stream_id is not null then coalesce(decided.fact_count, 0) end
            as fact_count,
        case
            when incident_streams.stream_id is not null then coalesce(decided.excluded_count, 0)
        end as excluded_count,
        case when incident_streams.stream_id is not null then coalesce(decided.later_count, 0) end
            as later_count,
        incident_streams.stream_id is not null as is_incident_stream,
        loads.loaded_at
    from loads
    left join raw_loads on loads.load_id = raw_loads.load_id
    left join set_aside on loads.load_id = set_aside.load_id
    left join decided on loads.load_id = decided.load_id
    left join incident_streams
        on loads.source_name || '.' || loads.stream_name = incident_streams.stream_id
),

quality as (
    select
        -- ids
        counted.load_id,
        counted.stream_id,

        -- strings
        counted.source_name,
        counted.stream_name,
        counted.file_name,
        counted.load_status,
        counted.load_problem,

        -- numbers
        cast(counted.source_rows as bigint) as source_rows,
        cast(counted.raw_rows as bigint) as raw_rows,
        cast(counted.quarantined_rows as bigint) as quarantined_rows,
        cast(counted.record_count as bigint) as record_count,
        cast(counted.counted_raw_rows - counted.record_count as bigint) as older_rows,
        cast(counted.fact_count as bigint) as fact_count,
        cast(counted.excluded_count as bigint) as excluded_count,
        cast(counted.later_count as bigint) as later_count,
        cast(counted.source_rows - counted.raw_rows - counted.quarantined_rows as bigint)
            as read_difference,
        cast(counted.raw_rows - counted.counted_raw_rows as bigint) as raw_difference,
        cast(counted.quarantined_rows - counted.counted_quarantined_rows as bigint)
            as quarantine_difference,
        cast(
            counted.record_count - counted.fact_count - counted.excluded_count
            - counted.later_count as bigint
        ) as fact_difference,

        -- booleans
        counted.is_incident_stream,

        -- timestamps
        counted.loaded_at
    from counted
)

select * from quality
