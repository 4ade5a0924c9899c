{# The chain of a stream over all loads: landed by syncs = read by loads = raw + quarantined, raw
= records + older versions, records of incidents = facts + excluded + later. Each link has a
difference that is 0 unless something was lost or counted twice. #}
with streams as (
    select * from {{ ref('int_quality__streams') }}
),

syncs as (
    select * from {{ ref('stg_paydown__syncs') }}
),

sync_files as (
    select * from {{ ref('stg_paydown__sync_files') }}
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

quarantine as (
    select * from {{ ref('int_quality__quarantine') }}
),

outcomes as (
    select * from {{ ref('int_quality__incident_outcomes') }}
),

facts as (
    select * from {{ ref('fct_incidents') }}
),

owners as (
    select * from {{ ref('stg_modernization__sources') }}
),

-- A stream that a sync writes and no contract reads is included: what lands there would be lost.
known_streams as (
    select
        streams.stream_id,
        streams.source_name,
        streams.stream_name
    from streams
    union distinct
    select
        syncs.source_name || '.' || syncs.stream_name as stream_id,
        syncs.source_name,
        syncs.stream_name
    from syncs
    where syncs.stream_name is not null
    union distinct
    select
        loads.source_name || '.' || loads.stream_name as stream_id,
        loads.source_name,
        loads.stream_name
    from loads
),

source_counts as (
    select
        syncs.source_name || '.' || syncs.stream_name as stream_id,
        syncs.source_count,
        row_number() over (
            partition by syncs.source_name, syncs.stream_name
            order by syncs.started_at desc, syncs.sync_id desc
        ) as sync_rank
    from syncs
    where
        syncs.sync_status = 'complete'
        and syncs.source_count is not null
),

freshness as (
    select
        syncs.source_name,
        max(syncs.finished_at) as newest_sync_at,
        max(case when syncs.sync_status = 'complete' then syncs.started_at end)
            as newest_complete_sync_at
    from syncs
    group by syncs.source_name
),

-- The same bytes under a second name are read once.
landed_contents as (
    select
        sync_files.source_name,
        sync_files.source_name || '.' || sync_files.stream_name as stream_id,
        sync_files.file_sha256,
        count(*) as file_count,
        max(sync_files.landed_rows) as content_rows
    from sync_files
    group by sync_files.source_name, sync_files.stream_name, sync_files.file_sha256
),

-- A file may be read into streams with other names. Where all of them extract a list from each
-- record, their rows are not its records: all that is known is that it was read.
read_contents as (
    select
        loads.source_name,
        loads.file_sha256,
        max(case when not coalesce(streams.is_part_of_record, false) then loads.source_rows end)
            as read_rows
    from loads
    left join streams
        on
            loads.source_name = streams.source_name
            and loads.stream_name = streams.stream_name
    where loads.load_status = 'loaded'
    group by loads.source_name, loads.file_sha256
),

landed as (
    select
        landed_contents.stream_id,
        sum(landed_contents.file_count * landed_contents.content_rows) as landed_rows,
        sum((landed_contents.file_count - 1) * landed_contents.content_rows)
            as landed_again_rows,
        sum(
            case
                when read_contents.file_sha256 is null then 0
                else coalesce(read_contents.read_rows, landed_contents.content_rows)
            end
        ) as landed_read_rows
    from landed_contents
    left join read_contents
        on
            landed_contents.source_name = read_contents.source_name
            and landed_contents.file_sha256 = read_contents.file_sha256
    group by landed_contents.stream_id
),

loaded as (
    select
        loads.source_name || '.' || loads.stream_name as stream_id,
        sum(loads.source_rows) as source_rows,
        sum(loads.rows_loaded) as raw_rows,
        sum(loads.rows_quarantined) as quarantined_rows,
        sum(case when loads.load_status = 'rejected' then 1 else 0 end) as rejected_files,
        max(loads.loaded_at) as newest_load_at
    from loads
    group by loads.source_name || '.' || loads.stream_name
),

kept_rows as (
    select
        kept.source_name || '.' || kept.stream_name as stream_id,
        count(*) as kept_rows
    from kept
    group by kept.source_name || '.' || kept.stream_name
),

stored as (
    select
        raw_loads.stream_id,
        sum(raw_loads.raw_rows) as raw_rows,
        sum(raw_loads.newest_rows) as record_count
    from raw_loads
    group by raw_loads.stream_id
),

quarantine_counts as (
    select
        quarantine.stream_id,
        sum(case when quarantine.is_open then 1 else 0 end) as open_count
    from quarantine
    group by quarantine.stream_id
),

decided as (
    select
        outcomes.stream_id,
        {{ outcome_counts() }},
        sum(case when outcomes.exclusion_reason = 'deleted_at_source' then 1 else 0 end)
            as deleted_count,
        sum(case when outcomes.is_catalogued or outcomes.is_later then 0 else 1 end)
            as unmatched_count
    from outcomes
    left join facts on outcomes.incident_id = facts.incident_id
    group by outcomes.stream_id
),

counted as (
    select
        known_streams.stream_id,
        known_streams.source_name,
        known_streams.stream_name,
        owners.owner_name as owner,
        source_counts.source_count,
        landed.landed_rows,
        landed.landed_again_rows,
        landed.landed_read_rows,
        coalesce(loaded.source_rows, 0) as source_rows,
        coalesce(loaded.raw_rows, 0) as raw_rows,
        coalesce(loaded.quarantined_rows, 0) as quarantined_rows,
        coalesce(kept_rows.kept_rows, 0) as kept_rows,
        coalesce(loaded.rejected_files, 0) as rejected_files,
        coalesce(stored.raw_rows, 0) as stored_rows,
        coalesce(stored.record_count, 0) as record_count,
        coalesce(quarantine_counts.open_count, 0) as open_quarantine_count,
        {{ of_incidents(
            'streams.is_incident_stream',
            ['fact_count', 'excluded_count', 'deleted_count', 'later_count', 'unmatched_count']
        ) }},
        case
            when freshness.source_name is not null then owners.fresh_within_hours
            else streams.fresh_within_hours
        end as fresh_within_hours,
        coalesce(streams.is_incident_stream, false) as is_incident_stream,
        -- A sync's stream may be read under other names, or in parts.
        streams.stream_id is not null and not coalesce(streams.is_part_of_record, false)
            as is_comparable,
        freshness.source_name is not null as is_synced,
        freshness.newest_sync_at,
        freshness.newest_complete_sync_at,
        loaded.newest_load_at,
        case
            when freshness.source_name is not null then freshness.newest_complete_sync_at
            else loaded.newest_load_at
        end as fresh_at
    from known_streams
    left join streams on known_streams.stream_id = streams.stream_id
    left join owners on known_streams.source_name = owners.source_name
    left join source_counts
        on
            known_streams.stream_id = source_counts.stream_id
            and source_counts.sync_rank = 1
    left join freshness on known_streams.source_name = freshness.source_name
    left join landed on known_streams.stream_id = landed.stream_id
    left join loaded on known_streams.stream_id = loaded.stream_id
    left join kept_rows on known_streams.stream_id = kept_rows.stream_id
    left join stored on known_streams.stream_id = stored.stream_id
    left join quarantine_counts on known_streams.stream_id = quarantine_counts.stream_id
    left join decided on known_streams.stream_id = decided.stream_id
),

compared as (
    select
        counted.*,
        case
            when counted.is_comparable
                then
                    counted.source_count
                    - (counted.record_count - coalesce(counted.deleted_count, 0))
                    - counted.open_quarantine_count
        end as source_difference
    from counted
),

quality as (
    select
        -- ids
        compared.stream_id,

        -- strings
        compared.source_name,
        compared.stream_name,
        compared.owner,

        -- numbers
        cast(compared.source_count as bigint) as source_count,
        cast(compared.landed_rows as bigint) as landed_rows,
        cast(compared.landed_again_rows as bigint) as landed_again_rows,
        cast(compared.landed_read_rows as bigint) as landed_read_rows,
        {{ link_counts('compared') }},
        cast(compared.open_quarantine_count as bigint) as open_quarantine_count,
        cast(compared.rejected_files as bigint) as rejected_files,
        cast(compared.deleted_count as bigint) as deleted_count,
        cast(compared.unmatched_count as bigint) as unmatched_service_count,
        {{ source_differences('compared') }},
        compared.fresh_within_hours,

        -- booleans
        compared.is_incident_stream,
        compared.is_synced,
        case
            when compared.fresh_within_hours is null then null
            when compared.fresh_at is not null
                then
                    {{ seconds_between('compared.fresh_at', as_of()) }}
                    > 3600 * compared.fresh_within_hours
            -- No sync has completed yet; where people drop files, none is due before the first.
            when compared.is_synced then true
        end as is_stale,

        -- timestamps
        compared.newest_sync_at,
        compared.newest_complete_sync_at,
        compared.newest_load_at
    from compared
)

select * from quality
