"""Load what is new in the landing folder into `raw`, exactly once, losing nothing."""

from __future__ import annotations

import fcntl
import tempfile
import uuid
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import pyarrow as pa

from orchestration.loader.contract import Contract, ContractError
from orchestration.loader.expressions import identifier
from orchestration.loader.files import LandedFile, UnreadableFileError, landed_files
from orchestration.loader.history import (
    History,
    create_dropped,
    delete_leftovers,
    is_missing,
    read_history,
    stored_tables,
)
from orchestration.loader.project import MAX_QUARANTINED_TEXT, project_sql
from orchestration.loader.read import Readers, append_batch, new_batch
from orchestration.loader.report import LoadReport, Problem
from orchestration.loader.tables import LANDED, LOADS, QUARANTINE, raw_schema
from orchestration.loader.write import Batches, append

if TYPE_CHECKING:
    import dlt

BATCH_ROWS = 50_000
# As they lie on disk; text may be twenty times that once it is unpacked.
UNIT_BYTES = 8 * 1024 * 1024
SHOWN_PROBLEMS = 20


@dataclass
class _Load:
    """One run of the loader: what it reads with, and what it has to tell in the end."""

    con: duckdb.DuckDBPyConnection
    readers: Readers
    history: History
    progress: Callable[[str], None]
    report: LoadReport = field(default_factory=LoadReport)
    loads: list[dict[str, Any]] = field(default_factory=list)


def load_landing(
    contracts: Sequence[Contract],
    roots: Mapping[str, Path],
    pipeline: dlt.Pipeline,
    readers: Readers,
    *,
    progress: Callable[[str], None] = lambda _: None,
) -> LoadReport:
    """Append every new file of every contract to the pipeline's warehouse.

    Rows are committed first and `raw.loads` last; rows whose load is not in `raw.loads` are the
    leftovers of a run that died, and the next one deletes them before it loads the file again.
    A second loader on the same pipeline waits until the first is through.

    Raises:
        ContractError: for a contract with which no file can be read.
    """
    with _alone(pipeline), _connection() as con:
        stored = stored_tables(contracts, pipeline)
        load = _Load(con, readers, read_history(stored, pipeline), progress)
        pending: dict[tuple[str, ...], LandedFile] = {}
        for contract in contracts:
            files = list(landed_files(contract, roots))
            for file in files:
                # An append stream reads the same bytes under two names once.
                name = file.name if contract.mode == "snapshot" or file.problem else ""
                key = (contract.name, file.sha256, name)
                if load.history.knows(file) or key in pending:
                    load.report.files_unchanged += 1
                else:
                    pending[key] = file
            if contract.mode == "snapshot":
                gone = load.history.gone(contract, files)
                load.loads += [_new_load(contract, name, "removed") for name in gone]
        load.report.files_removed = len(load.loads)

        missing = [contract for contract in contracts if is_missing(contract, stored)]
        _check(con, {file.contract.name: file.contract for file in pending.values()})
        delete_leftovers(stored, pipeline)
        if stored and missing:
            create_dropped(pipeline)
        if pending or missing:
            append(pipeline, _batches(load, list(pending.values()), missing))
        if load.loads or "loads" not in stored:
            append(pipeline, iter([("loads", pa.Table.from_pylist(load.loads, schema=LOADS))]))
        return load.report


def _batches(load: _Load, pending: Sequence[LandedFile], missing: Sequence[Contract]) -> Batches:
    """Arrow for dlt, table by table; tells `load` what it did on the way."""
    yield "quarantine", QUARANTINE.empty_table()
    for contract in missing:
        yield contract.table, raw_schema(contract).empty_table()
    for unit in _units(pending):
        yield from _load_unit(load, unit)


def _units(pending: Sequence[LandedFile]) -> Iterator[list[LandedFile]]:
    """Files to read together: a file once for all its streams, small files many at a time."""
    unit: list[LandedFile] = []
    size = 0
    for _, files in groupby(sorted(pending, key=lambda file: file.path), lambda f: f.path):
        same_path = list(files)
        if unit and size + same_path[0].size_bytes > UNIT_BYTES:
            yield unit
            unit, size = [], 0
        unit += same_path
        size += same_path[0].size_bytes
    if unit:
        yield unit


def _load_unit(load: _Load, unit: Sequence[LandedFile]) -> Batches:
    new_batch(load.con)
    numbers: dict[Path, int] = {}
    problems: dict[Path, str] = {}
    for file in unit:
        if file.path in numbers:
            continue
        numbers[file.path] = len(numbers)
        load.progress(f"reading {file.name}")
        try:
            append_batch(load.con, file, numbers[file.path], load.readers)
        except UnreadableFileError as error:
            problems[file.path] = str(error)

    by_stream: dict[str, list[tuple[int, dict[str, Any], LandedFile]]] = {}
    for file in unit:
        problem = problems.get(file.path)
        row = _new_load(file.contract, file.name, "rejected" if problem else "loaded")
        row |= {"sha256": file.sha256, "size_bytes": file.size_bytes, "problem": problem}
        if problem:
            load.report.reject(file.name, problem)
        else:
            load.report.files_loaded += 1
            by_stream.setdefault(file.contract.name, []).append((numbers[file.path], row, file))
        if problem and load.history.was_rejected(file, problem):
            load.report.files_unchanged += 1
        else:
            load.loads.append(row)
    for members in by_stream.values():
        rows = {number: row for number, row, _ in members}
        try:
            yield from _project(load, members[0][2].contract, rows)
        except duckdb.Error as error:
            raise _contract_error(members[0][2].contract, error) from error


def _project(load: _Load, contract: Contract, loads: Mapping[int, dict[str, Any]]) -> Batches:
    """The rows and problems of one stream in the files of the unit, by the files' numbers."""
    con, report = load.con, load.report
    landed = [
        {"file_number": number, **{name: row[name] for name in LANDED.names[1:]}}
        for number, row in loads.items()
    ]
    con.register("landed_files", pa.Table.from_pylist(landed, schema=LANDED))
    con.execute("create or replace temp table landed as select * from landed_files")
    con.unregister("landed_files")
    con.execute(f"create or replace temp table projected as {project_sql(contract)}")
    counts = con.execute(
        "select _file_number, count(*), count(_reason) from projected group by _file_number"
    ).fetchall()
    for number, records, quarantined in counts:
        loads[number]["records"] = records
        loads[number]["rows_quarantined"] = quarantined
        loads[number]["rows_loaded"] = records - quarantined
    rows_loaded = sum(row["rows_loaded"] for row in loads.values())
    rows_quarantined = sum(row["rows_quarantined"] for row in loads.values())
    report.rows_loaded += rows_loaded
    report.rows_quarantined += rows_quarantined
    by_stream = report.rows_by_stream
    by_stream[contract.name] = by_stream.get(contract.name, 0) + rows_loaded

    names = ", ".join(f"projected.{identifier(column.name)}" for column in contract.columns)
    good = con.sql(
        f"""
        select {names}, landed._load_id, landed.file as _source_file, projected._line,
            landed._loaded_at, projected._text as _payload
        from projected inner join landed on projected._file_number = landed.file_number
        where projected._reason is null
        """
    )
    schema = raw_schema(contract)
    for batch in good.to_arrow_reader(BATCH_ROWS):
        yield contract.table, pa.Table.from_batches([batch]).cast(schema)
    if rows_quarantined:
        bad = con.sql(
            f"""
            select landed._load_id, $source as source, $stream as stream, landed.file,
                projected._line as line, projected._field as field, projected._value as value,
                projected._reason as reason,
                left(projected._text, {MAX_QUARANTINED_TEXT}) as text, landed._loaded_at
            from projected inner join landed on projected._file_number = landed.file_number
            where projected._reason is not null
            order by landed.file, projected._line
            """,
            params={"source": contract.source, "stream": contract.stream},
        )
        rows = bad.to_arrow_table().cast(QUARANTINE)
        shown = rows.select(["file", "line", "field", "value", "reason"]).slice(0, SHOWN_PROBLEMS)
        report.quarantined += [Problem(**row) for row in shown.to_pylist()]
        yield "quarantine", rows


def _check(con: duckdb.DuckDBPyConnection, contracts: Mapping[str, Contract]) -> None:
    """Fail on what only the engine knows to be wrong (a rule, a format) before anything is read."""
    new_batch(con)
    con.register("landed", LANDED.empty_table())
    for contract in contracts.values():
        try:
            con.execute(f"explain {project_sql(contract)}")
        except duckdb.Error as error:
            raise _contract_error(contract, error) from error
    con.unregister("landed")


def _contract_error(contract: Contract, error: duckdb.Error) -> Exception:
    if isinstance(error, duckdb.OutOfMemoryException):
        return error
    what = str(error).splitlines()[0]
    return ContractError(
        f"{contract.defined_in}: source {contract.name}: one of its rules, formats, paths or "
        f"captures can't be used: {what}; correct it"
    )


@contextmanager
def _connection() -> Generator[duckdb.DuckDBPyConnection]:
    """A DuckDB in memory, which spills to a folder of its own."""
    with tempfile.TemporaryDirectory(prefix="paydown-") as spill, duckdb.connect() as con:
        con.execute("set timezone = 'UTC'; set preserve_insertion_order = true")
        con.execute("set temp_directory = $spill", {"spill": spill})
        yield con


@contextmanager
def _alone(pipeline: dlt.Pipeline) -> Generator[None]:
    """Wait until no other loader, of any process, works with the pipeline's files."""
    folder = Path(pipeline.pipelines_dir)
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / f"{pipeline.pipeline_name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _new_load(contract: Contract, name: str, status: str) -> dict[str, Any]:
    return {
        "_load_id": uuid.uuid4().hex,
        "source": contract.source,
        "stream": contract.stream,
        "file": name,
        "sha256": "",
        "size_bytes": 0,
        "status": status,
        "records": 0,
        "rows_loaded": 0,
        "rows_quarantined": 0,
        "problem": None,
        "contract": contract.fingerprint,
        "_loaded_at": datetime.now(UTC).replace(tzinfo=None),
    }
