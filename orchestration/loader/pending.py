"""Which files have to be read, and their outcomes: the SQL of a load."""

from __future__ import annotations

import pyarrow as pa

# The initial columns of a load in `landed`. Of equal records the one in the last file counts.
NEW_LOAD = """
    false as is_split, null::boolean as is_month_first, 0::bigint as records,
    0::bigint as rows_loaded, 0::bigint as rows_quarantined, 0::bigint as rows_compacted,
    replace(uuid()::varchar, '-', '') as _load_id,
    now()::timestamp + to_microseconds(coalesce(_number, 0)) as _loaded_at
"""
# Loads that were read again by another contract, and attempts at it.
REPLACED = """
    select _load_id from raw.loads where status <> 'removed' and (source, stream, sha256) in (
        select (source, stream, sha256) from landed
        where status = 'loaded' and replaced_at is not null
    )
"""

STREAMS = pa.schema(
    [
        *((name, pa.string()) for name in ("name", "source", "stream", "mode", "contract")),
        ("has_records", pa.bool_()),  # Neither documents nor elements of records.
        ("has_parts", pa.bool_()),  # Elements of records.
    ]
)
# Numbers of loads that are read from their kept text begin here.
FIRST_KEPT, KEPT_AT_A_TIME = 1_000_000_000, 50_000
FILES = pa.schema(
    [
        ("_number", pa.int32()),
        *((name, pa.string()) for name in ("name", "file", "sha256", "problem")),
        ("size_bytes", pa.int64()),
        ("is_folder", pa.bool_()),
    ]
)
# An append stream knows contents, under any name, and reads the same bytes once. A snapshot
# compares a file with its last version: going back to an older content is a change. A rejected file
# is tried again, since its problem may have been the contract or access to the file. So is
# everything read by another contract: for an append stream a new load then replaces the old one, at
# its time, and if the file is gone it is read from `kept_id`, that is from the text of its rows. Of
# a snapshot's files that are gone nothing is concluded while a folder of it can't be listed.
PENDING = f"""
    with names as (
        select name, file, arg_max(loads, _loaded_at) as last
        from raw.loads as loads inner join streams using (source, stream)
        group by all
    ),
    contents as (
        select
            name, sha256, arg_max(loads, _loaded_at) as last,
            max(_loaded_at) filter (where status = 'loaded') as loaded_at
        from raw.loads as loads inner join streams using (source, stream)
        where status <> 'removed'
        group by all
    ),
    known as (
        select
            files.*, mode, contract,
            case when names.last.sha256 = files.sha256 then names.last.problem end as known_problem,
            case when mode = 'append' then contents.last else names.last end as seen,
            case when mode = 'append' then contents.loaded_at end as replaced_at
        from files
        inner join streams using (name)
        left join names using (name, file)
        left join contents using (name, sha256)
        where not is_folder
    ),
    pending as (
        select
            _number, name, file, sha256, size_bytes, problem, known_problem, 'loaded' as status,
            replaced_at
        from known
        where not coalesce(
            seen.sha256 = sha256 and seen.status = 'loaded'
            and seen.contract is not distinct from contract, false
        )
        qualify row_number() over (
            partition by
                name, sha256, case when mode = 'snapshot' or problem is not null then file end
            order by _number
        ) = 1
        union all by name
        select name, file, '' as sha256, 0 as size_bytes, 'removed' as status
        from names inner join streams using (name)
        where mode = 'snapshot' and last.status <> 'removed'
            and name not in (select name from files where is_folder)
            and (name, file) not in (select name, file from files)
        union all by name
        select
            ({FIRST_KEPT} + row_number() over ())::integer as _number, name, loads.file,
            loads.sha256, loads.size_bytes, last.problem as known_problem, 'loaded' as status,
            loads._loaded_at as replaced_at, _load_id as kept_id
        from raw.loads as loads
        inner join streams using (source, stream)
        inner join names using (name, file)
        where mode = 'append' and loads.status = 'loaded' and loads.records > 0
            and loads.contract is distinct from streams.contract
            and (name, loads.sha256) not in (select name, sha256 from files)
    )
    select * replace (coalesce(replaced_at, _loaded_at) as _loaded_at)
    from (
        select pending.*, source, stream, contract, file as _source_file, {NEW_LOAD}
        from pending inner join streams using (name)
    )
"""
# The kept text of rows and of quarantined records.
KEPT = """
    insert into batch by name
    select distinct _number, _line as line, _payload as text
    from raw.{table} as rows inner join landed on kept_id = rows._load_id
    where _number between {first} and {last}
    union all by name
    select
        _number, line, text, any_value(field) as field, any_value(value) as value,
        any_value(case when json_valid(text) then null else reason end) as reason
    from raw.quarantine as rows inner join landed on kept_id = rows._load_id
    where _number between {first} and {last}
    group by all
"""

# Files of records, three or more, or all of their stream, none of which the last load could use,
# unless somebody has replayed records of that stream since.
UNUSED = """
    with lasts as (
        select name, file, arg_max(loads, _loaded_at) as last
        from raw.loads as loads
        inner join streams using (source, stream)
        semi join files using (name, file)
        where has_records
        group by all
    )
    select file, null, null, null,
        'none of its ' || last.records || ' records could be used; `paydown quarantine list` says '
        || 'why, correct the file or the contract' as problem
    from lasts
    where last.status = 'loaded' and last.records > 0 and last.rows_loaded = 0
        and (name, file, last.sha256) in (select (name, file, sha256) from files)
        and not exists (
            select 1 from raw.loads as replays
            where replays.source = last.source and replays.stream = last.stream
                and starts_with(replays.file, 'quarantine/')
                and replays._loaded_at > last._loaded_at
        )
        and (
            last.records > 2
            or name not in (select name from lasts where last.rows_loaded > 0)
        )
"""

# A file of one record per line may be empty if nothing is new; an array, a table or a document is
# an export. A record may lack parts too, unless its file has none for any stream.
NOTE_EMPTY = """
    update landed set problem = 'holds no record; export it again if there should be some'
    where status = 'loaded' and records = 0 and problem is null
        and case when name in (select name from streams where has_parts)
            then regexp_matches(lower(file), '[.](json|csv|parquet)([.]|$)')
                and file not in (
                    select file from landed inner join streams using (name)
                    where records > 0 or not has_parts
                    union all
                    select file from raw.loads where records > 0
                )
            else regexp_matches(lower(file), '[.](json|csv|parquet|ya?ml)([.]|$)')
        end
        and not starts_with(file, 'modernization/')
"""
HAS_RECORDS = """
    select 1 from raw.loads semi join (from streams where mode = 'append' and source <> 'paydown')
    using (source, stream) where rows_loaded > 0 limit 1
"""
