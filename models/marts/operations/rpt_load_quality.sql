with streams as (
    select * from {{ ref('int_quality__streams') }}
),

loads as (
    select * from {{ ref('stg_paydown__loads') }}
),

kept as (
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

kept_rows as (
    select
        kept.load_id,
        count(*) as kept_rows
    from kept
    group by kept.load_id
),

-- A former stream has loads but no longer a contract.
incident_streams as (
    select streams.stream_id
    from streams
    where streams.is_incident_stream
),

decided as (
    select
        outcomes.load_id,
        {{ outcome_counts() }}
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
        coalesce(raw_loads.raw_rows, 0) as stored_rows,
        coalesce(kept_rows.kept_rows, 0) as kept_rows,
        coalesce(raw_loads.newest_rows, 0) as record_count,
        {{ of_incidents(
            'incident_streams.stream_id is not null', ['fact_count', 'excluded_count', 'later_count']
        ) }},
        incident_streams.stream_id is not null as is_incident_stream,
        loads.loaded_at
    from loads
    left join raw_loads on loads.load_id = raw_loads.load_id
    left join kept_rows on loads.load_id = kept_rows.load_id
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
        {{ link_counts('counted') }},

        -- booleans
        counted.is_incident_stream,

        -- timestamps
        counted.loaded_at
    from counted
)

select * from quality
