"""The raw schema: its tables, how rows get in, and whether every row is accounted for.

Rows are committed first and `raw.loads` last. Rows whose load isn't in `raw.loads` are leftovers of
an interrupted load: they don't count, and the next load deletes them.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb

from orchestration.loader.contract import Contract, ContractError
from orchestration.loader.expressions import literal
from orchestration.warehouse import Session

Columns = Mapping[str, str]

DLT_TYPES = {"varchar": "text", "boolean": "bool"}
SQL_TYPES = {"double": "double precision"}

# One row per file, stream and load.
LOADS: Columns = {
    **dict.fromkeys(("_load_id", "source", "stream", "file", "sha256"), "varchar"),
    "size_bytes": "bigint",
    "status": "varchar",
    **dict.fromkeys(("records", "rows_loaded", "rows_quarantined", "rows_compacted"), "bigint"),
    **dict.fromkeys(("problem", "contract"), "varchar"),
    "_loaded_at": "timestamp",
}
# One row per problem of a quarantined record.
QUARANTINE: Columns = {
    **dict.fromkeys(("_load_id", "source", "stream", "file"), "varchar"),
    "line": "bigint",
    **dict.fromkeys(("field", "value", "reason", "text"), "varchar"),
    "_loaded_at": "timestamp",
}
# A row's origin, and the record itself; these follow the contract's columns.
ORIGIN: Columns = {
    **dict.fromkeys(("_load_id", "_source_file"), "varchar"),
    "_line": "bigint",
    "_loaded_at": "timestamp",
    "_payload": "varchar",
}


def raw_columns(contract: Contract) -> Columns:
    """The columns of the contract's table, with their types."""
    return {**{c.name: c.data_type for c in contract.columns}, **ORIGIN}


def create_tables(session: Session, contracts: Sequence[Contract]) -> None:
    """Create the tables and columns that the contracts name and `raw` lacks.

    Raises:
        ContractError: a column exists with another type; no row is converted.
    """
    stored, name = session.columns(), session.name
    for contract in contracts:
        for column in contract.columns:
            existing = stored.get(contract.table, {}).get(column.name, column.data_type)
            if existing != column.data_type:
                raise ContractError(
                    f"{contract.defined_in}: source {contract.name}: column {column.name} should "
                    f"be {column.data_type}, but {contract.table} has it as {existing}; give the "
                    "column another name, its path may stay"
                )
    if not stored:
        session.execute("create schema if not exists raw")
    wanted = {"quarantine": QUARANTINE, "loads": LOADS}
    for table, columns in (wanted | {c.table: raw_columns(c) for c in contracts}).items():
        listed = {c: f"{name(c)} {SQL_TYPES.get(kind, kind)}" for c, kind in columns.items()}
        if table not in stored:
            session.execute(f"create table raw.{name(table)} ({', '.join(listed.values())})")
        for column in columns.keys() - stored.get(table, columns).keys():
            session.execute(f"alter table raw.{name(table)} add column {listed[column]}")
    session.refresh("loads")


def delete_leftovers(session: Session, contracts: Iterable[Contract]) -> None:
    """Delete rows of loads that aren't in `raw.loads`.

    Creates the temporary table `stored(table_name, _load_id, row_count)`, by counting all tables
    in one query.
    """
    counted = " union all ".join(
        f"select {literal(table)} as table_name, _load_id, count(*) as row_count "
        f"from raw.{session.name(table)} group by _load_id"
        for table in ("quarantine", *dict.fromkeys(contract.table for contract in contracts))
    )
    session.keep("stored", "table_name varchar, _load_id varchar, row_count bigint", counted)
    leftovers = "_load_id not in (select _load_id from raw.loads)"
    tables = session.con.execute(f"select distinct table_name from stored where {leftovers}")
    for (table,) in tables.fetchall():
        session.execute(f"delete from raw.{session.name(table)} where {leftovers}")


def unaccounted(con: duckdb.DuckDBPyConnection, contracts: Iterable[Contract]) -> list[str]:
    """Loads whose records differ from the raw rows + quarantined rows in `stored` + those that
    `macros/compact_raw.sql` deleted."""
    rows = con.execute(
        """
        select
            loads.source || '.' || loads.stream as name, file, records,
            coalesce(sum(row_count), 0)::bigint
                + coalesce(any_value(rows_compacted), 0) as row_count
        from raw.loads left join stored using (_load_id)
        where list_contains($names, name)
        group by _load_id, name, file, records having records <> row_count
        order by all
        """,
        {"names": [contract.name for contract in contracts]},
    ).fetchall()
    return [
        f"{name}: {file}: {records} records, {found} rows" for name, file, records, found in rows
    ]


def append(
    session: Session, parts: Mapping[str, Sequence[Path]], columns: Mapping[str, Columns]
) -> None:
    """Append Parquet files to their tables with dlt, all in one dlt package.

    Raises:
        dlt.pipeline.exceptions.PipelineStepFailed: the parts are not all appended.
    """
    os.environ.setdefault("RUNTIME__DLTHUB_TELEMETRY", "false")
    os.environ.setdefault("RUNTIME__LOG_LEVEL", "ERROR")
    import dlt

    pipeline = dlt.pipeline(
        session.pipeline,
        destination=session.destination(),
        dataset_name="raw",
        pipelines_dir=str(session.folder),
    )
    # What an interrupted load left between reading and writing is read again from the landing
    # folder.
    pipeline.abort_packages()

    # One resource per table: a common one would give every table the columns of previous ones.
    resources = [
        dlt.resource(
            [dlt.mark.with_file_import(str(file), "parquet") for file in files],
            name=table,
            write_disposition="append",
            columns=_hints(columns[table]),
        )
        for table, files in parts.items()
    ]
    pipeline.run(resources, loader_file_format="parquet").raise_on_failed_jobs()
    shutil.rmtree(Path(pipeline.working_dir, "load", "loaded"), ignore_errors=True)


def _hints(columns: Columns) -> Any:
    # Every timestamp is UTC without a zone, in every warehouse.
    return {
        name: {"data_type": DLT_TYPES.get(kind, kind), "timezone": False}
        for name, kind in columns.items()
    }
