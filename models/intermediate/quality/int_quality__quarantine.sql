with quarantine as (
    select * from {{ ref('stg_paydown__quarantine') }}
),

loads as (
    select * from {{ ref('stg_paydown__loads') }}
),

-- A record is identified by its position and content, however often its file is read.
sightings as (
    select
        {% set record -%}
            quarantine.source_name || chr(31) || quarantine.stream_name || chr(31)
            || quarantine.file_name || chr(31)
            || coalesce(cast(quarantine.line_number as varchar), '') || chr(31)
            || coalesce(quarantine.original_text, '')
        {%- endset -%}
        {{ md5_hex(record) }} as record_id,
        quarantine.load_id,
        quarantine.source_name,
        quarantine.stream_name,
        quarantine.file_name,
        quarantine.quarantine_reason,
        quarantine.loaded_at,
        loads.file_sha256
    from quarantine
    inner join loads on quarantine.load_id = loads.load_id
),

ranked as (
    select
        sightings.*,
        row_number() over (
            partition by sightings.record_id
            order by sightings.loaded_at desc, sightings.load_id desc
        ) as sighting_rank
    from sightings
),

replayed as (
    select
        loads.source_name,
        loads.stream_name,
        loads.file_name
    from loads
    where
        loads.file_name like 'quarantine/%'
        and loads.rows_quarantined = 0
    group by loads.source_name, loads.stream_name, loads.file_name
),

files as (
    select
        loads.source_name,
        loads.stream_name,
        loads.file_name,
        max(loads.loaded_at) as settled_at
    from loads
    where loads.load_status in ('loaded', 'removed')
    group by loads.source_name, loads.stream_name, loads.file_name
),

contents as (
    select
        loads.source_name,
        loads.stream_name,
        loads.file_sha256,
        max(loads.loaded_at) as settled_at
    from loads
    where
        loads.load_status = 'loaded'
        and loads.file_name not like 'quarantine/%'
    group by loads.source_name, loads.stream_name, loads.file_sha256
),

records as (
    select
        ranked.record_id,
        ranked.source_name || '.' || ranked.stream_name as stream_id,
        ranked.quarantine_reason,
        replayed.file_name is null
        and ranked.loaded_at >= coalesce(files.settled_at, ranked.loaded_at)
        and ranked.loaded_at >= coalesce(contents.settled_at, ranked.loaded_at)
            as is_open
    from ranked
    left join replayed
        on
            ranked.source_name = replayed.source_name
            and ranked.stream_name = replayed.stream_name
            and replayed.file_name = 'quarantine/' || ranked.record_id
    left join files
        on
            ranked.source_name = files.source_name
            and ranked.stream_name = files.stream_name
            and ranked.file_name = files.file_name
    left join contents
        on
            ranked.source_name = contents.source_name
            and ranked.stream_name = contents.stream_name
            and ranked.file_sha256 = contents.file_sha256
    where ranked.sighting_rank = 1
)

select * from records
