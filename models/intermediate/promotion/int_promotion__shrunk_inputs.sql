{#
    Inputs that vanish close nothing: streams whose files are the truth (catalog, postmortems,
    objectives, rubric) and that hold fewer files or records now than they did within
    `close_hold_days` days before the newest load. Loads of one minute belong together, since
    records move between files.
#}
with loads as (
    select * from {{ ref('stg_paydown__loads') }}
),

snapshot_streams as (
    {%- for stream in contract_streams() if stream.is_snapshot
        and stream.source not in ('paydown', 'local') %}
        {{ 'union all' if not loop.first }}
        select
            '{{ stream.source }}' as source_name,
            '{{ stream.stream }}' as stream_name
    {%- else %}
        select
            cast(null as varchar) as source_name,
            cast(null as varchar) as stream_name
        where false
    {%- endfor %}
),

-- A version that could not be read leaves the previous one in force.
versions as (
    select
        loads.source_name,
        loads.stream_name,
        loads.file_name,
        loads.load_id,
        {{ dbt.date_trunc('minute', 'loads.loaded_at') }} as loaded_minute,
        loads.loaded_at,
        case when loads.load_status = 'loaded' then 1 else 0 end as file_count,
        case when loads.load_status = 'loaded' then loads.rows_loaded else 0 end as record_count
    from loads
    inner join snapshot_streams
        on
            loads.source_name = snapshot_streams.source_name
            and loads.stream_name = snapshot_streams.stream_name
    where
        loads.load_status = 'removed'
        or (
            loads.load_status = 'loaded'
            and (loads.rows_loaded > 0 or loads.rows_quarantined = 0)
        )
),

steps as (
    select
        versions.*,
        versions.file_count - coalesce(
            lag(versions.file_count) over (
                partition by versions.source_name, versions.stream_name, versions.file_name
                order by versions.loaded_at, versions.load_id
            ),
            0
        ) as more_files,
        versions.record_count - coalesce(
            lag(versions.record_count) over (
                partition by versions.source_name, versions.stream_name, versions.file_name
                order by versions.loaded_at, versions.load_id
            ),
            0
        ) as more_records
    from versions
),

minutes as (
    select
        steps.source_name,
        steps.stream_name,
        steps.loaded_minute,
        sum(steps.more_files) as more_files,
        sum(steps.more_records) as more_records
    from steps
    group by steps.source_name, steps.stream_name, steps.loaded_minute
),

totals as (
    select
        minutes.source_name,
        minutes.stream_name,
        sum(minutes.more_files) over (
            partition by minutes.source_name, minutes.stream_name order by minutes.loaded_minute
        ) as file_count,
        sum(minutes.more_records) over (
            partition by minutes.source_name, minutes.stream_name order by minutes.loaded_minute
        ) as record_count,
        lead(minutes.loaded_minute) over (
            partition by minutes.source_name, minutes.stream_name order by minutes.loaded_minute
        ) as replaced_at
    from minutes
),

newest as (
    select max(loads.loaded_at) as loaded_at
    from loads
),

compared as (
    select
        totals.source_name || '.' || totals.stream_name as stream_id,
        cast(max(totals.file_count) as bigint) as most_files,
        cast(max(totals.record_count) as bigint) as most_records,
        cast(max(case when totals.replaced_at is null then totals.file_count end) as bigint)
            as files_now,
        cast(max(case when totals.replaced_at is null then totals.record_count end) as bigint)
            as records_now
    from totals
    cross join newest
    where
        totals.replaced_at is null
        or totals.replaced_at
        >= {{ time_after('newest.loaded_at', '-' ~ var('close_hold_days'), 'day') }}
    group by totals.source_name, totals.stream_name
),

shrunk as (
    select
        compared.stream_id,
        compared.most_files,
        compared.files_now,
        compared.most_records,
        compared.records_now
    from compared
    where
        compared.files_now < compared.most_files
        or compared.records_now < compared.most_records
)

select * from shrunk
