"""What a load of files and a replay of records have in common: one stream's batch becomes rows
in the warehouse, first the rows, then `raw.loads`.
"""

from __future__ import annotations

import tempfile
import uuid
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import chain
from typing import TYPE_CHECKING, Any

import duckdb
import pyarrow as pa

from orchestration.loader.contract import Contract, ContractError
from orchestration.loader.expressions import identifier
from orchestration.loader.history import (
    Tables,
    create_dropped,
    delete_leftovers,
    missing_tables,
    write_loads,
)
from orchestration.loader.project import MAX_QUARANTINED_TEXT, envelopes_sql, project_sql
from orchestration.loader.read import Readers, new_batch
from orchestration.loader.report import LoadReport
from orchestration.loader.tables import LANDED, quarantine, raw_schema
from orchestration.loader.write import Batches, append

if TYPE_CHECKING:
    import dlt

BATCH_ROWS = 20_000
# What DuckDB says of SQL that is wrong, as against a full disk or memory.
CONTRACT_FAULTS = (duckdb.ProgrammingError, duckdb.DataError)


@dataclass
class Load:
    """One run of the loader: what it reads with, and what it has to tell in the end."""

    con: duckdb.DuckDBPyConnection
    readers: Readers
    progress: Callable[[str], None]
    report: LoadReport = field(default_factory=LoadReport)
    loads: list[dict[str, Any]] = field(default_factory=list)


def commit(
    load: Load,
    contracts: Sequence[Contract],
    stored: Tables,
    pipeline: dlt.Pipeline,
    batches: Batches | None,
) -> None:
    """Write the batches, which tell `load` what they are on the way, and then what it loaded.

    Rows whose load is not in `raw.loads` are the leftovers of a run that died: they are deleted
    first, and what they came from is read anew.
    """
    delete_leftovers(stored, pipeline)
    missing = missing_tables(contracts, stored)
    if stored and missing:
        create_dropped(pipeline)
    if batches is not None or missing:
        empty = ((table, schema.empty_table()) for table, schema in missing.items())
        append(pipeline, chain(empty, batches or ()))
    write_loads(load.loads, pipeline)


def project(
    load: Load,
    contract: Contract,
    loads: Mapping[int, dict[str, Any]],
    files: Mapping[int, str] | None = None,
) -> Batches:
    """The rows and problems of one stream in `batch`, of the file numbers in `loads`.

    Rows name the load's file as theirs, or the one in `files`.

    Raises:
        ContractError: for a contract with which they can't be read.
    """
    try:
        yield from _projected(load, contract, loads, files or {})
    except CONTRACT_FAULTS as error:
        raise contract_error(contract, error) from error


def _projected(
    load: Load,
    contract: Contract,
    loads: Mapping[int, dict[str, Any]],
    files: Mapping[int, str],
) -> Batches:
    con, report = load.con, load.report
    number_files(con, loads, files)
    envelopes = bool(con.execute(f"{envelopes_sql(contract)} limit 1").fetchall())
    names = ", ".join(f"projected.{identifier(column.name)}" for column in contract.columns)
    projected = con.sql(
        f"""
        select {names}, landed._load_id, landed.file as _source_file, projected._line,
            landed._loaded_at,
            case
                when _reason is null then _text else left(_text, {MAX_QUARANTINED_TEXT})
            end as _payload,
            projected._reason, projected._field, projected._value, landed.file_number
        from ({project_sql(contract, envelopes=envelopes)}) as projected
        inner join landed on projected._file_number = landed.file_number
        """
    )
    schema = raw_schema(contract)
    rows_loaded = 0
    for batch in projected.to_arrow_reader(BATCH_ROWS):
        rows = pa.Table.from_batches([batch])
        reasons = rows["_reason"]
        good = rows.filter(reasons.is_null()) if reasons.null_count < len(rows) else rows
        _count(loads, rows, "records")
        _count(loads, good, "rows_loaded")
        rows_loaded += good.num_rows
        if good is not rows:
            problems = quarantine(contract, rows.filter(reasons.is_valid()))
            report.show(problems)
            yield "quarantine", problems
        if good.num_rows:
            yield contract.table, good.select(schema.names).cast(schema)
    for row in loads.values():
        row["rows_quarantined"] = row["records"] - row["rows_loaded"]
        report.rows_quarantined += row["rows_quarantined"]
    report.rows_loaded += rows_loaded
    by_stream = report.rows_by_stream
    by_stream[contract.name] = by_stream.get(contract.name, 0) + rows_loaded


def number_files(
    con: duckdb.DuckDBPyConnection,
    loads: Mapping[int, Mapping[str, Any]],
    files: Mapping[int, str],
) -> None:
    """Create `landed`: what the rows of each number take from their load."""
    landed = [
        {"file_number": number, **{name: row[name] for name in LANDED.names[1:]}}
        | ({"file": files[number]} if number in files else {})
        for number, row in loads.items()
    ]
    con.register("landed_files", pa.Table.from_pylist(landed, schema=LANDED))
    con.execute("create or replace temp table landed as select * from landed_files")
    con.unregister("landed_files")


def _count(loads: Mapping[int, dict[str, Any]], rows: pa.Table, name: str) -> None:
    for item in rows["file_number"].value_counts().to_pylist():
        loads[item["values"]][name] += item["counts"]


def check(con: duckdb.DuckDBPyConnection, contracts: Mapping[str, Contract]) -> None:
    """Fail on what only the engine knows to be wrong (a rule, a format) before anything is read."""
    new_batch(con)
    con.register("landed", LANDED.empty_table())
    for contract in contracts.values():
        try:
            con.execute(f"explain {project_sql(contract, envelopes=True)}")
        except CONTRACT_FAULTS as error:
            raise contract_error(contract, error) from error
    con.unregister("landed")


def contract_error(contract: Contract, error: duckdb.Error) -> ContractError:
    """What DuckDB found wrong in a contract's SQL, for the person who wrote the contract."""
    what = str(error).splitlines()[0]
    return ContractError(
        f"{contract.defined_in}: source {contract.name}: one of its rules, formats, paths or "
        f"captures can't be used: {what}; correct it"
    )


@contextmanager
def connection() -> Generator[duckdb.DuckDBPyConnection]:
    """A DuckDB in memory, which spills to a folder of its own."""
    with tempfile.TemporaryDirectory(prefix="paydown-") as spill, duckdb.connect() as con:
        con.execute("set timezone = 'UTC'; set preserve_insertion_order = true")
        con.execute("set temp_directory = $spill", {"spill": spill})
        yield con


def new_load(contract: Contract, name: str, status: str) -> dict[str, Any]:
    """A row of `raw.loads`, of a load that has found nothing yet."""
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
