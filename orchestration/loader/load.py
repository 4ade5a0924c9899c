"""Load what is new in the landing folder into `raw`, exactly once, losing nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import duckdb
import pyarrow as pa

from orchestration.loader.batch import NEW_LOAD, Batch
from orchestration.loader.contract import Contract
from orchestration.loader.files import Finder
from orchestration.loader.raw import create_tables, delete_leftovers, unaccounted
from orchestration.loader.read import Readers, read_file
from orchestration.loader.report import LoadReport, Problem
from orchestration.loader.text import UnreadableFileError
from orchestration.warehouse import Warehouse

STREAMS = pa.schema(
    [
        *((name, pa.string()) for name in ("name", "source", "stream", "mode", "contract")),
        ("has_records", pa.bool_()),  # Not documents, nor elements of records.
    ]
)
FILES = pa.schema(
    [
        ("_number", pa.int32()),
        *((name, pa.string()) for name in ("name", "file", "sha256", "problem")),
        ("size_bytes", pa.int64()),
        ("is_folder", pa.bool_()),
    ]
)
# An append stream knows contents, under whatever name, and reads the same bytes once. A snapshot
# compares a file with what it was last: going back to an older content is a change. A rejected
# file is tried again, since its problem may have been the contract or the way to the file. So are
# quarantined records, and all of a snapshot, once the contract has changed. Of a snapshot's files
# that are gone nothing is concluded while a folder of it can't be listed.
PENDING = f"""
    with names as (
        select name, file, arg_max(loads, _loaded_at) as last
        from raw.loads as loads inner join streams using (source, stream)
        group by all
    ),
    contents as (
        select name, sha256, arg_max(loads, _loaded_at) as last
        from raw.loads as loads inner join streams using (source, stream)
        where status <> 'removed'
        group by all
    ),
    known as (
        select
            files.*, mode, contract,
            case when names.last.sha256 = files.sha256 then names.last.problem end as known_problem,
            case when mode = 'append' then contents.last else names.last end as seen
        from files
        inner join streams using (name)
        left join names using (name, file)
        left join contents using (name, sha256)
        where not is_folder
    ),
    pending as (
        select _number, name, file, sha256, size_bytes, problem, known_problem, 'loaded' as status
        from known
        where not coalesce(
            seen.sha256 = sha256 and seen.status = 'loaded' and (
                seen.contract is not distinct from contract
                or (mode = 'append' and seen.rows_quarantined = 0)
            ), false
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
    )
    select
        pending.*, source, stream, contract, file as _source_file, {NEW_LOAD}
    from pending inner join streams using (name)
"""

# Files of records, three or more, or all of their stream, of which the last load could use none,
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
        || 'why, mend the file or the contract' as problem
    from lasts
    where last.status = 'loaded' and last.records > 0 and last.rows_loaded = 0
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

# Nothing new is no record a line, and no note; an array, a table or an envelope is an export.
NOTE_EMPTY = """
    update landed set problem = 'holds no record, only an empty list or a header; export it again '
        || 'if there should be some'
    where status = 'loaded' and records = 0 and size_bytes > 0 and problem is null
        and name in (select name from streams where has_records)
        and regexp_matches(lower(file), '[.](json|csv|parquet)([.]|$)')
"""
HAS_RECORDS = """
    select 1 from raw.loads semi join (from streams where mode = 'append' and source <> 'paydown')
    using (source, stream) where rows_loaded > 0 limit 1
"""


def load_landing(
    contracts: Sequence[Contract],
    roots: Mapping[str, Path],
    warehouse: Warehouse,
    readers: Readers,
    *,
    progress: Callable[[str], None] = lambda _: None,
) -> LoadReport:
    """Append every new file of every contract to the warehouse.

    Rows are committed first and `raw.loads` last; leftovers of a load that died are deleted, and
    the files that they came from are read again. A second loader waits until the first is through.

    Raises:
        ContractError: for a contract with which no file can be read.
        duckdb.IOException: another program has the warehouse open.
    """
    with warehouse.opened() as session:
        con = session.con
        create_tables(session, contracts)
        delete_leftovers(session, contracts)
        finder = Finder(roots, warehouse.folder / "hashes.json")
        paths = _find(con, contracts, finder)
        con.execute(f"create or replace temp table landed as {PENDING}")
        by_name = {contract.name: contract for contract in contracts}
        batch = Batch(session, by_name)
        _read(con, batch, paths, by_name, readers, progress)
        batch.reject_wrong_files()
        # A problem is written once.
        batch.commit("status <> 'rejected' or problem is distinct from known_problem")
        finder.save()
        report = batch.report
        rejected = con.execute(
            f"""
            select file, null, null, null, problem from landed where status = 'rejected'
            union
            select file, null, null, null, problem from files where is_folder
            union
            select * from ({UNUSED})
            order by all
            """
        ).fetchall()
        report.rejected = [Problem(*row) for row in rejected]
        notes = con.execute(
            "select distinct file, null, null, null, problem from landed "
            "where status = 'loaded' and problem <> '' order by all"
        )
        report.notes = [Problem(*row) for row in notes.fetchall()]
        ((report.files_loaded, report.files_removed, new_problems),) = con.execute(
            """
            select
                count(distinct file) filter (where status = 'loaded'),
                count(distinct file) filter (where status = 'removed'),
                count(distinct file) filter (
                    where status = 'rejected' and problem is distinct from known_problem
                )
            from landed
            """
        ).fetchall()
        report.files_unchanged = len(paths) - report.files_loaded - new_problems
        report.has_records = bool(con.execute(HAS_RECORDS).fetchall())
        report.unaccounted = unaccounted(con, contracts)
        return report


def _find(
    con: duckdb.DuckDBPyConnection, contracts: Sequence[Contract], finder: Finder
) -> list[Path]:
    """Create the tables `streams` and `files`, and return the paths by number."""
    numbers: dict[Path, int] = {}
    streams, files = [], []
    for contract in contracts:
        stated = contract.model_dump(include={"source", "stream", "mode"})
        stated["has_records"] = not (contract.reader or contract.each)
        streams.append({"name": contract.name, "contract": contract.fingerprint, **stated})
        for file in finder.files(contract):
            number = -1 if file.is_folder else numbers.setdefault(file.path, len(numbers))
            files.append({"_number": number, "name": contract.name, **vars(file)})
    for table, rows, schema in (("streams", streams, STREAMS), ("files", files, FILES)):
        con.register("found", pa.Table.from_pylist(rows, schema=schema))
        con.execute(f"create or replace temp table {table} as select * from found")
        con.unregister("found")
    return list(numbers)


def _read(
    con: duckdb.DuckDBPyConnection,
    batch: Batch,
    paths: Sequence[Path],
    contracts: Mapping[str, Contract],
    readers: Readers,
    progress: Callable[[str], None],
) -> None:
    """Read each file once for all its streams."""
    pending = con.execute(
        "select _number, file, min(name), any_value(problem) from landed "
        "where status = 'loaded' group by all order by _number"
    ).fetchall()

    def pieces(number: int, name: str) -> Iterator[pa.Table]:
        notes: list[str] = []
        yield from read_file(con, paths[number], contracts[name], readers, notes)
        if notes:
            batch.note(number, notes[0])

    for number, file, name, problem in pending:
        progress(f"reading {file}")
        try:
            if problem:
                raise UnreadableFileError(problem)
            for piece in pieces(number, name):
                batch.add(number, piece)
        except UnreadableFileError as error:
            batch.reject(number, str(error))
    batch.flush()
    for number, file, name, _ in pending:
        try:
            if batch.decides(number, pieces(number, name)):
                progress(f"reading {file} by the dates found in it")
                for piece in pieces(number, name):
                    batch.add(number, piece)
                batch.flush()
        except UnreadableFileError as error:
            batch.reject(number, str(error))
    con.execute(NOTE_EMPTY)
