"""Load what is new in the landing folder into `raw`, exactly once, losing nothing."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import pyarrow as pa

from orchestration.loader.contract import Contract
from orchestration.loader.files import LandedFile, UnreadableFileError, landed_files
from orchestration.loader.history import delete_leftovers, has_table, read_history, tables
from orchestration.loader.project import MAX_QUARANTINED_TEXT, identifier, project_sql
from orchestration.loader.read import Readers, append_batch, new_batch
from orchestration.loader.tables import LOADS, QUARANTINE, raw_schema

if TYPE_CHECKING:
    import dlt

BATCH_ROWS = 50_000
SHOWN_PROBLEMS = 20

Batches = Iterator[tuple[str, pa.Table]]


@dataclass(frozen=True)
class Problem:
    """One thing that did not get in. `line` is None where the whole file is meant."""

    file: str
    line: int | None
    field: str | None
    value: str | None
    reason: str

    def __str__(self) -> str:
        where = self.file if self.line is None else f"{self.file}:{self.line}"
        what = f" {self.field}={self.value!r}:" if self.field and self.value else ""
        return f"{where}:{what} {self.reason}"


@dataclass
class LoadReport:
    """What one load did. Files and rows count per stream, so one file may count in several."""

    files_loaded: int = 0
    files_unchanged: int = 0
    files_removed: int = 0
    rows_loaded: int = 0
    rows_quarantined: int = 0
    rejected: list[Problem] = field(default_factory=list)
    quarantined: list[Problem] = field(default_factory=list)
    rows_by_stream: dict[str, int] = field(default_factory=dict)

    def reject(self, file: str, reason: str) -> None:
        """Tell of a file once, though several streams read it."""
        problem = Problem(file, None, None, None, reason)
        if problem not in self.rejected:
            self.rejected.append(problem)


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
    Only one loader may run against a warehouse at a time.
    """
    report = LoadReport()
    history = read_history(pipeline)
    pending: list[LandedFile] = []
    loads: list[dict[str, Any]] = []
    for contract in contracts:
        files = list(landed_files(contract, roots))
        for file in files:
            if not history.knows(file):
                pending.append(file)
                continue
            report.files_unchanged += 1
            if problem := history.problem(file):
                report.reject(file.name, problem)
        if contract.mode == "snapshot":
            loads += [_load(contract, name, "removed") for name in history.gone(contract, files)]
    report.files_removed = len(loads)

    missing = [contract for contract in contracts if not has_table(contract, pipeline)]
    if pending:
        delete_leftovers(contracts, pipeline)
    if pending or missing:
        _append(pipeline, _batches(pending, missing, readers, loads, report, progress))
    if loads or "loads" not in tables(pipeline):
        _append(pipeline, iter([("loads", pa.Table.from_pylist(loads, schema=LOADS))]))
    return report


def _batches(
    pending: Sequence[LandedFile],
    missing: Sequence[Contract],
    readers: Readers,
    loads: list[dict[str, Any]],
    report: LoadReport,
    progress: Callable[[str], None],
) -> Batches:
    """Arrow for dlt, table by table; fills `loads` and `report` on the way."""
    yield "quarantine", QUARANTINE.empty_table()
    for contract in missing:
        yield contract.table, raw_schema(contract).empty_table()
    with duckdb.connect() as con:
        con.execute("set timezone = 'UTC'; set preserve_insertion_order = true")
        for unit in _units(pending):
            yield from _load_unit(con, unit, readers, loads, report, progress)


def _units(pending: Sequence[LandedFile]) -> list[list[LandedFile]]:
    """Files to read together: a file once for all its streams, small documents all at once."""
    units: dict[str, list[LandedFile]] = {}
    for file in pending:
        units.setdefault(file.contract.reader or str(file.path), []).append(file)
    return list(units.values())


def _load_unit(
    con: duckdb.DuckDBPyConnection,
    unit: Sequence[LandedFile],
    readers: Readers,
    loads: list[dict[str, Any]],
    report: LoadReport,
    progress: Callable[[str], None],
) -> Batches:
    new_batch(con)
    numbers: dict[Path, int] = {}
    problems: dict[Path, str] = {}
    for file in unit:
        if file.path in numbers:
            continue
        numbers[file.path] = len(numbers)
        progress(f"reading {file.name}")
        try:
            append_batch(con, file, numbers[file.path], readers)
        except UnreadableFileError as error:
            problems[file.path] = str(error)

    by_stream: dict[str, list[tuple[int, dict[str, Any], LandedFile]]] = {}
    for file in unit:
        load = _load(file.contract, file.name, "rejected" if file.path in problems else "loaded")
        load |= {"sha256": file.sha256, "size_bytes": file.size_bytes}
        loads.append(load)
        if file.path in problems:
            load["problem"] = problems[file.path]
            report.reject(file.name, problems[file.path])
        else:
            report.files_loaded += 1
            by_stream.setdefault(file.contract.name, []).append((numbers[file.path], load, file))
    for members in by_stream.values():
        yield from _project(con, members[0][2].contract, members, report)


def _project(
    con: duckdb.DuckDBPyConnection,
    contract: Contract,
    members: Sequence[tuple[int, dict[str, Any], LandedFile]],
    report: LoadReport,
) -> Batches:
    """The rows and problems of one stream in the files of the unit."""
    landed = pa.Table.from_pylist(
        [
            {"file_number": number, "_load_id": load["_load_id"], "file": load["file"]}
            | {"_loaded_at": load["_loaded_at"]}
            for number, load, _ in members
        ]
    )
    con.register("landed_files", landed)
    con.execute("create or replace temp table landed as select * from landed_files")
    con.unregister("landed_files")
    con.execute(f"create or replace temp table projected as {project_sql(contract)}")
    counts = con.execute(
        "select file_number, count(*), count(reason) from projected group by file_number"
    ).fetchall()
    loads = {number: load for number, load, _ in members}
    for number, records, quarantined in counts:
        loads[number]["records"] = records
        loads[number]["rows_quarantined"] = quarantined
        loads[number]["rows_loaded"] = records - quarantined
    rows_loaded = sum(load["rows_loaded"] for load in loads.values())
    rows_quarantined = sum(load["rows_quarantined"] for load in loads.values())
    report.rows_loaded += rows_loaded
    report.rows_quarantined += rows_quarantined
    by_stream = report.rows_by_stream
    by_stream[contract.name] = by_stream.get(contract.name, 0) + rows_loaded

    names = ", ".join(f"projected.{identifier(column.name)}" for column in contract.columns)
    good = con.sql(
        f"""
        select {names}, landed._load_id, landed.file as _source_file, projected.line as _line,
            landed._loaded_at, projected.text as _payload
        from projected inner join landed on projected.file_number = landed.file_number
        where projected.reason is null
        """
    )
    schema = raw_schema(contract)
    for batch in good.to_arrow_reader(BATCH_ROWS):
        yield contract.table, pa.Table.from_batches([batch]).cast(schema)
    if rows_quarantined:
        bad = con.sql(
            f"""
            select landed._load_id, $source as source, $stream as stream, landed.file,
                projected.line, projected.field, projected.value, projected.reason,
                left(projected.text, {MAX_QUARANTINED_TEXT}) as text, landed._loaded_at
            from projected inner join landed on projected.file_number = landed.file_number
            where projected.reason is not null
            order by landed.file, projected.line
            """,
            params={"source": contract.source, "stream": contract.stream},
        )
        rows = bad.to_arrow_table().cast(QUARANTINE)
        shown = rows.select(["file", "line", "field", "value", "reason"]).slice(0, SHOWN_PROBLEMS)
        report.quarantined += [Problem(**row) for row in shown.to_pylist()]
        yield "quarantine", rows


def _append(pipeline: dlt.Pipeline, batches: Batches) -> None:
    import dlt

    @dlt.resource(name="landing", write_disposition="append")
    def landing() -> Iterator[Any]:
        for table, rows in batches:
            # All our timestamps are UTC without a zone, alike in every warehouse.
            columns: Any = {
                column.name: {"data_type": "timestamp", "timezone": False}
                for column in rows.schema
                if pa.types.is_timestamp(column.type)
            }
            hints = dlt.mark.make_hints(
                table_name=table, write_disposition="append", columns=columns
            )
            yield dlt.mark.with_hints(rows, hints, create_table_variant=True)

    # What a dead run left between reading and writing is read again from the landing folder.
    pipeline.abort_packages()
    pipeline.run(landing(), loader_file_format="parquet").raise_on_failed_jobs()


def _load(contract: Contract, name: str, status: str) -> dict[str, Any]:
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
        "_loaded_at": datetime.now(UTC).replace(tzinfo=None),
    }
