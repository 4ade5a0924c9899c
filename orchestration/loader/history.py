"""What `raw` holds already: which contents were loaded, and what each file last was."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from orchestration.loader.contract import Contract
from orchestration.loader.files import LandedFile
from orchestration.loader.tables import raw_schema

if TYPE_CHECKING:
    import dlt


@dataclass(frozen=True)
class Unaccounted:
    """A load whose rows in the warehouse are not as many as it said it wrote."""

    stream: str
    file: str
    expected: int
    found: int


@dataclass(frozen=True)
class History:
    """What `raw.loads` says, by stream: contents seen, and the last state of each file."""

    seen: Mapping[tuple[str, str, str], tuple[str, str]]
    latest: Mapping[tuple[str, str, str], tuple[str, str]]

    def knows(self, file: LandedFile) -> bool:
        """Whether loading the file would bring nothing.

        An append stream knows the bytes, under whatever name. A snapshot compares with what the
        file was last: going back to an older content is a change.
        """
        stream = (file.contract.source, file.contract.stream)
        if file.contract.mode == "append":
            return (*stream, file.sha256) in self.seen
        sha256, status = self.latest.get((*stream, file.name), ("", "removed"))
        return sha256 == file.sha256 and status != "removed"

    def problem(self, file: LandedFile) -> str | None:
        """Why a known file was rejected, None where it was loaded."""
        status, problem = self.seen[file.contract.source, file.contract.stream, file.sha256]
        return problem if status == "rejected" else None

    def gone(self, contract: Contract, files: Sequence[LandedFile]) -> list[str]:
        """Names of a snapshot's files that were there and are no more."""
        there = {file.name for file in files}
        return [
            name
            for (source, stream, name), (_, status) in self.latest.items()
            if (source, stream) == (contract.source, contract.stream)
            and status != "removed"
            and name not in there
        ]


def read_history(pipeline: dlt.Pipeline) -> History:
    """The history in the warehouse that the pipeline writes to; empty for a new one."""
    pipeline.sync_destination()
    seen: dict[tuple[str, str, str], tuple[str, str]] = {}
    latest: dict[tuple[str, str, str], tuple[str, str]] = {}
    if "loads" in tables(pipeline):
        rows = _query(
            pipeline,
            "select source, stream, file, sha256, status, problem from {loads} order by _loaded_at",
        )
        for source, stream, file, sha256, status, problem in rows:
            latest[source, stream, file] = (sha256, status)
            if status != "removed":
                seen[source, stream, sha256] = (status, problem)
    return History(seen, latest)


def tables(pipeline: dlt.Pipeline) -> Mapping[str, Any]:
    """The tables that the warehouse holds, by name, as dlt knows them."""
    return pipeline.default_schema.tables if pipeline.default_schema_name else {}


def has_table(contract: Contract, pipeline: dlt.Pipeline) -> bool:
    """Whether the contract's raw table is there with every column."""
    table = tables(pipeline).get(contract.table, {"columns": {}})
    return set(raw_schema(contract).names) <= set(table["columns"])


def delete_leftovers(contracts: Sequence[Contract], pipeline: dlt.Pipeline) -> None:
    """Delete rows of a load that never reached `raw.loads`: the run that wrote them died."""
    known = tables(pipeline)
    finished = "select _load_id from {loads}" if "loads" in known else "select ''"
    for name in sorted({*(contract.table for contract in contracts), "quarantine"} & set(known)):
        _query(pipeline, f"delete from {{{name}}} where _load_id not in ({finished})")


def unaccounted(contracts: Sequence[Contract], pipeline: dlt.Pipeline) -> list[Unaccounted]:
    """Loads for which records found differ from raw rows plus quarantined rows, by counting."""
    problems: list[Unaccounted] = []
    for contract in contracts:
        rows = _query(
            pipeline,
            f"""
            select loads.file, loads.records, coalesce(landed.landed_rows, 0)
            from {{loads}} as loads
            left join (
                select _load_id, count(*) as landed_rows
                from (
                    select _load_id from {{{contract.table}}}
                    union all
                    select _load_id from {{quarantine}}
                    where source = '{contract.source}' and stream = '{contract.stream}'
                ) as rows_of_loads
                group by _load_id
            ) as landed on loads._load_id = landed._load_id
            where loads.source = '{contract.source}' and loads.stream = '{contract.stream}'
                and loads.records <> coalesce(landed.landed_rows, 0)
            """,
        )
        problems += [Unaccounted(contract.name, *row) for row in rows]
    return problems


def _query(pipeline: dlt.Pipeline, sql: str) -> list[Any]:
    """Run SQL in which `{name}` stands for a table of the raw schema."""
    client: Any = pipeline.sql_client()
    with client:
        names = {name: client.make_qualified_table_name(name) for name in tables(pipeline)}
        return list(client.execute_sql(sql.format(**names)) or [])
