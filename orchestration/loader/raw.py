"""The raw schema: its tables, how rows get in, and whether every row is accounted for.

Rows are committed first and `raw.loads` last. Rows whose load is not in `raw.loads` are leftovers
of a load that died: they don't count, and the next load deletes them.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from orchestration.loader.contract import Contract, ContractError
from orchestration.loader.expressions import identifier, literal

Columns = Mapping[str, str]

ARROW_TYPES = {
    "varchar": pa.string(),
    "bigint": pa.int64(),
    "double": pa.float64(),
    "boolean": pa.bool_(),
    "timestamp": pa.timestamp("us"),
    "date": pa.date32(),
}
DLT_TYPES = {"varchar": "text", "boolean": "bool"}

# One row per file, stream and load.
LOADS: Columns = {
    "_load_id": "varchar",
    "source": "varchar",
    "stream": "varchar",
    "file": "varchar",
    "sha256": "varchar",
    "size_bytes": "bigint",
    "status": "varchar",
    "records": "bigint",
    "rows_loaded": "bigint",
    "rows_quarantined": "bigint",
    "problem": "varchar",
    "contract": "varchar",
    "_loaded_at": "timestamp",
}

# One row per problem of a quarantined record.
QUARANTINE: Columns = {
    "_load_id": "varchar",
    "source": "varchar",
    "stream": "varchar",
    "file": "varchar",
    "line": "bigint",
    "field": "varchar",
    "value": "varchar",
    "reason": "varchar",
    "text": "varchar",
    "_loaded_at": "timestamp",
}

# Where a row came from, and the record itself; these follow the contract's columns.
ORIGIN: Columns = {
    "_load_id": "varchar",
    "_source_file": "varchar",
    "_line": "bigint",
    "_loaded_at": "timestamp",
    "_payload": "varchar",
}


@dataclass(frozen=True)
class Part:
    """A Parquet file with rows for one table, whose columns it has."""

    table: str
    columns: Columns
    file: Path


@dataclass(frozen=True)
class Unaccounted:
    """A load whose rows in the warehouse are not as many as it wrote."""

    stream: str
    file: str
    expected: int
    found: int


def raw_columns(contract: Contract) -> Columns:
    """The columns of the contract's table, with their types."""
    return {**{c.name: c.data_type for c in contract.columns}, **ORIGIN}


def arrow_schema(columns: Columns) -> pa.Schema:
    """The same columns for Arrow."""
    return pa.schema([(name, ARROW_TYPES[kind]) for name, kind in columns.items()])


def stored_tables(con: duckdb.DuckDBPyConnection) -> dict[str, dict[str, str]]:
    """The tables of the raw schema with their columns and types."""
    tables: dict[str, dict[str, str]] = {}
    rows = con.execute(
        "select table_name, column_name, lower(data_type) from duckdb_columns() "
        "where schema_name = 'raw' and database_name = current_database()"
    ).fetchall()
    for table, column, data_type in rows:
        tables.setdefault(table, {})[column] = data_type
    return tables


def create_tables(con: duckdb.DuckDBPyConnection, contracts: Sequence[Contract]) -> None:
    """Create the tables and columns that the contracts name and `raw` lacks.

    Raises:
        ContractError: a column exists with another type; no row is converted.
    """
    stored = stored_tables(con)
    statements = [] if stored else ["create schema if not exists raw"]
    for contract in contracts:
        for column in contract.columns:
            existing = stored.get(contract.table, {}).get(column.name, column.data_type)
            if existing != column.data_type:
                raise ContractError(
                    f"{contract.defined_in}: source {contract.name}: column {column.name} is to "
                    f"be {column.data_type}, but {contract.table} has it as {existing}; give the "
                    "column another name, its path may stay"
                )
    wanted = {"quarantine": QUARANTINE, "loads": LOADS}
    wanted |= {contract.table: raw_columns(contract) for contract in contracts}
    for table, columns in wanted.items():
        listed = [f"{identifier(name)} {kind}" for name, kind in columns.items()]
        if table not in stored:
            statements.append(f"create table raw.{identifier(table)} ({', '.join(listed)})")
            continue
        for name, kind in columns.items():
            if name not in stored[table]:
                column = f"{identifier(name)} {kind}"
                statements.append(f"alter table raw.{identifier(table)} add column {column}")
    for sql in statements:
        execute(con, sql)


def execute(con: duckdb.DuckDBPyConnection, sql: str) -> None:
    """Run a statement that changes the warehouse."""
    con.execute(sql)


def count_rows(con: duckdb.DuckDBPyConnection, contracts: Iterable[Contract]) -> None:
    """Create the temporary table `landed_rows(table_name, _load_id, row_count)`, by counting."""
    tables = ["quarantine", *dict.fromkeys(contract.table for contract in contracts)]
    counted = " union all ".join(
        f"select {literal(table)} as table_name, _load_id, count(*) as row_count "
        f"from raw.{identifier(table)} group by _load_id"
        for table in tables
    )
    con.execute(f"create or replace temp table landed_rows as {counted}")


def delete_leftovers(con: duckdb.DuckDBPyConnection) -> None:
    """Delete rows, among those in `landed_rows`, of a load that is not in `raw.loads`."""
    leftovers = "_load_id not in (select _load_id from raw.loads)"
    tables = con.execute(f"select distinct table_name from landed_rows where {leftovers}")
    for (table,) in tables.fetchall():
        execute(con, f"delete from raw.{identifier(table)} where {leftovers}")


def unaccounted(con: duckdb.DuckDBPyConnection, contracts: Iterable[Contract]) -> list[Unaccounted]:
    """Loads of which the records differ from raw rows + quarantined rows in `landed_rows`."""
    names = ", ".join(literal(contract.name) for contract in contracts)
    rows = con.execute(
        f"""
        with landed as (
            select _load_id, sum(row_count)::bigint as row_count from landed_rows group by all
        )
        select loads.source || '.' || loads.stream as name, loads.file, loads.records,
            coalesce(landed.row_count, 0)
        from raw.loads
        left join landed on loads._load_id = landed._load_id
        where name in ({names or "null"}) and loads.records <> coalesce(landed.row_count, 0)
        order by name, loads.file, loads._loaded_at
        """
    ).fetchall()
    return [Unaccounted(*row) for row in rows]


def append(con: duckdb.DuckDBPyConnection, folder: Path, parts: Iterable[Part]) -> None:
    """Append the parts to their tables by dlt, all in one package of dlt's.

    Raises:
        dlt.pipeline.exceptions.PipelineStepFailed: the parts are not all appended.
    """
    os.environ.setdefault("RUNTIME__DLTHUB_TELEMETRY", "false")
    os.environ.setdefault("RUNTIME__LOG_LEVEL", "ERROR")
    import dlt

    pipeline = dlt.pipeline(
        "paydown",
        destination=dlt.destinations.duckdb(con),
        dataset_name="raw",
        pipelines_dir=str(folder),
    )
    # What a dead load left between reading and writing is read again from the landing folder.
    pipeline.abort_packages()

    by_table: dict[str, list[Part]] = {}
    for part in parts:
        by_table.setdefault(part.table, []).append(part)

    def imports(some: Sequence[Part]) -> Iterator[Any]:
        for part in some:
            yield dlt.mark.with_file_import(str(part.file), "parquet")

    # A resource for each table: one for all would give every table the columns of those before it.
    resources = [
        dlt.resource(
            imports(some),
            name=table,
            write_disposition="append",
            columns={name: _dlt_column(kind) for name, kind in some[0].columns.items()},
        )
        for table, some in by_table.items()
    ]
    pipeline.run(resources, loader_file_format="parquet").raise_on_failed_jobs()
    shutil.rmtree(Path(pipeline.working_dir, "load", "loaded"), ignore_errors=True)


def _dlt_column(kind: str) -> Any:
    # Every timestamp is UTC without a zone, alike in every warehouse.
    zone = {"timezone": False} if kind == "timestamp" else {}
    return {"data_type": DLT_TYPES.get(kind, kind), **zone}


def write_loads(con: duckdb.DuckDBPyConnection, loads: Sequence[Mapping[str, Any]]) -> None:
    """Commit, in one statement: only now do the rows of these loads count."""
    if loads:
        con.register("new_loads", pa.Table.from_pylist(list(loads), schema=arrow_schema(LOADS)))
        execute(con, "insert into raw.loads by name select * from new_loads")
        con.unregister("new_loads")
