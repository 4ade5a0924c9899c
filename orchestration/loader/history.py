"""What `raw` holds already: which contents were loaded, and what each file last was."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from orchestration.loader.contract import Contract, ContractError
from orchestration.loader.files import LandedFile
from orchestration.loader.tables import raw_schema

if TYPE_CHECKING:
    import dlt


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
        way to the file. So are quarantined records once the contract is another.
        """
        same_contract = self.contract == file.contract.fingerprint
        return (
            self.sha256 == file.sha256
            and self.status == "loaded"
            and (same_contract or not self.has_quarantined)
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
        rows = _query(
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


def is_missing(contract: Contract, stored: Tables) -> bool:
    """Whether the contract's raw table, or a column of it, is yet to be created.

    Raises:
        ContractError: where it has one with another type, which would be cast without a word.
    """
    columns = stored.get(contract.table, {})
    for column in contract.columns:
        there = columns.get(column.name, {}).get("data_type", DLT_TYPES[column.data_type])
        if there != DLT_TYPES[column.data_type]:
            raise ContractError(
                f"{contract.defined_in}: source {contract.name}: column {column.name} is to be "
                f"{column.data_type}, but {contract.table} has it as {there}; give the column "
                "another name, its path may stay"
            )
    return not set(raw_schema(contract).names) <= set(columns)


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
    _query(pipeline, *deletes)


def unaccounted(contracts: Sequence[Contract], pipeline: dlt.Pipeline) -> list[Unaccounted]:
    """Loads for which records found differ from raw rows plus quarantined rows, by counting."""
    problems: list[Unaccounted] = []
    stored = stored_tables(contracts, pipeline)
    for contract in contracts:
        table = f"{{{contract.table}}}" if contract.table in stored else "{loads} where 1 = 0"
        rows = _query(
            pipeline,
            f"""
            select loads.file, loads.records, coalesce(landed.landed_rows, 0)
            from {{loads}} as loads
            left join (
                select _load_id, count(*) as landed_rows
                from (
                    select _load_id from {table}
                    union all
                    select _load_id from {{quarantine}}
                    where source = '{contract.source}' and stream = '{contract.stream}'
                ) as rows_of_loads
                group by _load_id
            ) as landed on loads._load_id = landed._load_id
            where loads.source = '{contract.source}' and loads.stream = '{contract.stream}'
                and loads.records <> coalesce(landed.landed_rows, 0)
            order by loads.file, loads._loaded_at
            """,
        )
        problems += [Unaccounted(contract.name, *row) for row in rows]
    return problems


def _query(pipeline: dlt.Pipeline, *statements: str) -> list[Any]:
    """The last statement's rows; in each, `{name}` stands for a table of the raw schema."""
    rows: list[Any] = []
    client: Any = pipeline.sql_client()
    with client:
        for sql in statements:
            qualified = re.sub(r"\{(\w+)\}", lambda m: client.make_qualified_table_name(m[1]), sql)
            rows = list(client.execute_sql(qualified) or [])
    return rows
