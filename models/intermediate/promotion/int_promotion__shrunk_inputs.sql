{{ config(materialized=var('single_use')) }}

{#
    Vanished inputs close no epic: streams whose files are the truth (catalog, postmortems,
    objectives, rubric) and that hold fewer files or records now than within `close_hold_days` days
    before the newest load. Loads in one minute belong together, since records move between files.
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

newest as (
    select
        {{ time_after('max(loads.loaded_at)', '-' ~ var('close_hold_days'), 'day') }} as held_since
    from loads
),

steps as (
    select
        versions.*,
        newest.held_since,
        lead(versions.loaded_at) over (
            partition by versions.source_name, versions.stream_name, versions.file_name
            order by versions.loaded_at, versions.load_id
        ) as replaced_at,
        coalesce(lag(versions.file_count) over (
            partition by versions.source_name, versions.stream_name, versions.file_name
            order by versions.loaded_at, versions.load_id
        ), 0) as files_before,
        coalesce(lag(versions.record_count) over (
            partition by versions.source_name, versions.stream_name, versions.file_name
            order by versions.loaded_at, versions.load_id
        ), 0) as records_before,
        coalesce(max(versions.file_count) over (
            partition by versions.source_name, versions.stream_name, versions.file_name
            order by versions.loaded_at, versions.load_id
            rows between unbounded preceding and 1 preceding
        ), 0) as most_files_before,
        coalesce(max(versions.record_count) over (
            partition by versions.source_name, versions.stream_name, versions.file_name
            order by versions.loaded_at, versions.load_id
            rows between unbounded preceding and 1 preceding
        ), 0) as most_records_before
    from versions
    cross join newest
),

files as (
    select
        steps.source_name,
        steps.stream_name,
        steps.file_name,
        max(case when steps.replaced_at is null then steps.file_count end) as files_now,
        max(case when steps.replaced_at is null then steps.record_count end) as records_now,
        max(steps.file_count) as most_files,
        max(steps.record_count) as most_records
    from steps
    where steps.replaced_at is null or steps.replaced_at >= steps.held_since
    group by steps.source_name, steps.stream_name, steps.file_name
),

losses as (
    select
        files.source_name,
        files.stream_name,
        sum(files.files_now) as files_now,
        sum(files.records_now) as records_now,
        sum(files.most_files - files.files_now) as lost_files,
        sum(files.most_records - files.records_now) as lost_records
    from files
    group by files.source_name, files.stream_name
),

-- Records lost in one file may have moved to another: as many as files hold beyond their previous
-- maximum, so a file that returns compensates for no other.
moves as (
    select
        steps.source_name,
        steps.stream_name,
        sum(greatest(steps.file_count - steps.most_files_before, 0)) as new_files,
        sum(greatest(steps.record_count - steps.most_records_before, 0)) as new_records
    from steps
    where steps.loaded_at >= steps.held_since
    group by steps.source_name, steps.stream_name, steps.loaded_minute
    having
        min(steps.file_count - steps.files_before) < 0
        or min(steps.record_count - steps.records_before) < 0
),

moved as (
    select
        moves.source_name,
        moves.stream_name,
        sum(moves.new_files) as new_files,
        sum(moves.new_records) as new_records
    from moves
    group by moves.source_name, moves.stream_name
),

compared as (
    select
        losses.source_name || '.' || losses.stream_name as stream_id,
        cast(
            losses.files_now + greatest(losses.lost_files - coalesce(moved.new_files, 0), 0)
            as bigint
        ) as most_files,
        cast(losses.files_now as bigint) as files_now,
        cast(
            losses.records_now + greatest(losses.lost_records - coalesce(moved.new_records, 0), 0)
            as bigint
        ) as most_records,
        cast(losses.records_now as bigint) as records_now
    from losses
    left join moved
        on
            losses.source_name = moved.source_name
            and losses.stream_name = moved.stream_name
),

shrunk as (
    select *
    from compared
    where
        compared.files_now < compared.most_files
        or compared.records_now < compared.most_records
)

select * from shrunk
