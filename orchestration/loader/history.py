"""What `raw` holds already: which contents were loaded, and what each file last was."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from orchestration.loader.contract import Contract, ContractError
from orchestration.loader.expressions import literal
from orchestration.loader.files import LandedFile
from orchestration.loader.tables import LOADS, QUARANTINE, raw_schema

if TYPE_CHECKING:
    import dlt
    import pyarrow as pa


LOADS_A_STATEMENT = 100

Tables = Mapping[str, Mapping[str, Any]]

DLT_TYPES = {
    "varchar": "text",
    "bigint": "bigint",
    "double": "double",
    "boolean": "bool",
    "timestamp": "timestamp",
    "date": "date",
}


@dataclass(frozen=True)
class Unaccounted:
    """A load whose rows in the warehouse are not as many as it said it wrote."""

    stream: str
    file: str
    expected: int
    found: int


@dataclass(frozen=True)
class Seen:
    """What `raw.loads` says last of a content or of a file."""

    sha256: str
    status: str
    problem: str | None
    has_quarantined: bool
    contract: str | None

    def settles(self, file: LandedFile) -> bool:
        """Whether reading the file again would bring nothing.

        A rejected file is tried again, since the fault may have been in the contract or in the
        way to the file. So are quarantined records once the contract is another, and all of a
        snapshot's files: the rows of their last load are those that count.
        """
        same_contract = self.contract == file.contract.fingerprint
        return (
            self.sha256 == file.sha256
            and self.status == "loaded"
            and (same_contract or not (self.has_quarantined or file.contract.mode == "snapshot"))
        )


@dataclass(frozen=True)
class History:
    """What `raw.loads` says, by stream: the contents seen, and the last state of each file."""

    contents: Mapping[tuple[str, str, str], Seen]
    files: Mapping[tuple[str, str, str], Seen]

    def knows(self, file: LandedFile) -> bool:
        """Whether loading the file would bring nothing.

        An append stream knows the bytes, under whatever name. A snapshot compares with what the
        file was last: going back to an older content is a change.
        """
        stream = (file.contract.source, file.contract.stream)
        if file.contract.mode == "append":
            seen = self.contents.get((*stream, file.sha256))
        else:
            seen = self.files.get((*stream, file.name))
        return seen is not None and seen.settles(file)

    def was_rejected(self, file: LandedFile, problem: str) -> bool:
        """Whether that is what was said of the file before."""
        seen = self.files.get((file.contract.source, file.contract.stream, file.name))
        return seen is not None and (seen.sha256, seen.problem) == (file.sha256, problem)

    def gone(self, contract: Contract, files: Sequence[LandedFile]) -> list[str]:
        """Names of a snapshot's files that were there and are no more."""
        there = {file.name for file in files}
        return [
            name
            for (source, stream, name), seen in self.files.items()
            if (source, stream) == (contract.source, contract.stream)
            and seen.status != "removed"
            and name not in there
        ]


def stored_tables(contracts: Sequence[Contract], pipeline: dlt.Pipeline) -> Tables:
    """The raw tables that the warehouse holds, with their columns.

    dlt's own schema won't do: after a crash it may name tables that were never created.
    """
    pipeline.sync_destination()
    names = ["loads", "quarantine", *dict.fromkeys(contract.table for contract in contracts)]
    client: Any = pipeline.destination_client()
    with client:
        if not client.is_storage_initialized():
            return {}
        return {name: columns for name, columns in client.get_storage_tables(names) if columns}


def read_history(stored: Tables, pipeline: dlt.Pipeline) -> History:
    """The history in the warehouse that the pipeline writes to; empty for a new one."""
    contents: dict[tuple[str, str, str], Seen] = {}
    files: dict[tuple[str, str, str], Seen] = {}
    if "loads" in stored:
        # A warehouse of before 0.1.0 has no such column.
        contract = "contract" if "contract" in stored["loads"] else "null"
        rows = query(
            pipeline,
            f"""
            select source, stream, file, sha256, status, problem, rows_quarantined > 0, {contract}
            from {{loads}}
            order by _loaded_at
            """,
        )
        for source, stream, file, *rest in rows:
            seen = Seen(*rest)
            files[source, stream, file] = seen
            if seen.status != "removed":
                contents[source, stream, seen.sha256] = seen
    return History(contents, files)


def missing_tables(contracts: Sequence[Contract], stored: Tables) -> dict[str, pa.Schema]:
    """The tables that are yet to be created, or to get a column, with all they should have.

    Raises:
        ContractError: where one has another type, to which dlt would cast without a word.
    """
    wanted = {"quarantine": QUARANTINE, "loads": LOADS}
    for contract in contracts:
        columns = stored.get(contract.table, {})
        for column in contract.columns:
            there = columns.get(column.name, {}).get("data_type", DLT_TYPES[column.data_type])
            if there != DLT_TYPES[column.data_type]:
                raise ContractError(
                    f"{contract.defined_in}: source {contract.name}: column {column.name} is to "
                    f"be {column.data_type}, but {contract.table} has it as {there}; give the "
                    "column another name, its path may stay"
                )
        wanted[contract.table] = raw_schema(contract)
    return {
        table: schema
        for table, schema in wanted.items()
        if not set(schema.names) <= set(stored.get(table, {}))
    }


def create_dropped(pipeline: dlt.Pipeline) -> None:
    """Create the tables that dlt made once and somebody dropped; dlt alone takes them for there."""
    client: Any = pipeline.destination_client()
    with client:
        client.update_stored_schema(force=True)


def delete_leftovers(stored: Tables, pipeline: dlt.Pipeline) -> None:
    """Delete rows of a load that never reached `raw.loads`: the run that wrote them died."""
    finished = "select _load_id from {loads}" if "loads" in stored else "select ''"
    deletes = [
        f"delete from {{{name}}} where _load_id not in ({finished})"
        for name in sorted(set(stored) - {"loads"})
    ]
    query(pipeline, *deletes)


def write_loads(loads: Sequence[Mapping[str, Any]], pipeline: dlt.Pipeline) -> None:
    """Commit: only now do the rows of these loads count. Each load stands for itself."""
    client: Any = pipeline.sql_client()
    names = ", ".join(LOADS.names)
    row = f"({', '.join(['%s'] * len(LOADS.names))})"
    with client:
        table = client.make_qualified_table_name("loads")
        for start in range(0, len(loads), LOADS_A_STATEMENT):
            some = loads[start : start + LOADS_A_STATEMENT]
            values = [load[name] for load in some for name in LOADS.names]
            rows = ", ".join([row] * len(some))
            client.execute_sql(f"insert into {table} ({names}) values {rows}", *values)


def unaccounted(contracts: Sequence[Contract], pipeline: dlt.Pipeline) -> list[Unaccounted]:
    """Loads for which records found differ from raw rows plus quarantined rows, by counting."""
    stored = stored_tables(contracts, pipeline)
    if "loads" not in stored:
        return []
    tables = ["quarantine", *dict.fromkeys(c.table for c in contracts if c.table in stored)]
    ids = " union all ".join(f"select _load_id from {{{table}}}" for table in tables)
    names = ", ".join(literal(contract.name) for contract in contracts)
    rows = query(
        pipeline,
        f"""
        select
            loads.source || '.' || loads.stream as name,
            loads.file,
            loads.records,
            coalesce(landed.landed_rows, 0)
        from {{loads}} as loads
        left join (
            select _load_id, count(*) as landed_rows from ({ids}) as ids group by _load_id
        ) as landed on loads._load_id = landed._load_id
        where loads.source || '.' || loads.stream in ({names})
            and loads.records <> coalesce(landed.landed_rows, 0)
        order by name, loads.file, loads._loaded_at
        """,
    )
    return [Unaccounted(*row) for row in rows]


def query(pipeline: dlt.Pipeline, *statements: str) -> list[Any]:
    """The last statement's rows; in each, `{name}` stands for a table of the raw schema."""
    rows: list[Any] = []
    client: Any = pipeline.sql_client()
    with client:
        for sql in statements:
            rows = list(client.execute_sql(_qualified(client, sql)) or [])
    return rows


def query_arrow(pipeline: dlt.Pipeline, sql: str) -> pa.Table:
    """As `query`, for rows that Python need not look at."""
    client: Any = pipeline.sql_client()
    with client:
        # dlt's own way to Arrow calls what DuckDB 2 has no more.
        return client.native_connection.sql(_qualified(client, sql)).to_arrow_table()


def _qualified(client: Any, sql: str) -> str:
    return re.sub(r"\{(\w+)\}", lambda found: client.make_qualified_table_name(found[1]), sql)
