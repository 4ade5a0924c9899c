"""The loader's access to a warehouse. Its SQL runs in DuckDB, for any warehouse."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from orchestration.settings import SettingsError


class WarehouseError(SettingsError):
    """The warehouse failed; the message names it, and the fix."""


@dataclass
class Session:
    """A connection for one load, replay or count.

    con: where the loader computes. Its `raw.loads` is the warehouse's; other tables of `raw` exist
    there after `refresh`.
    """

    con: duckdb.DuckDBPyConnection
    folder: Path
    pipeline: str = "paydown"

    def execute(self, sql: str) -> None:
        """Run a statement that changes the warehouse."""
        self.con.execute(sql)

    def columns(self, schema: str = "raw") -> dict[str, dict[str, str]]:
        """Tables and views of a schema -> columns -> types, named as in contracts."""
        found: dict[str, dict[str, str]] = {}
        rows = self.con.execute(
            "select table_name, column_name, lower(data_type) from duckdb_columns() "
            "where schema_name = ? and database_name = current_database()",
            [schema],
        )
        for table, column, data_type in rows.fetchall():
            found.setdefault(table, {})[column] = data_type
        return found

    def name(self, identifier: str) -> str:
        """A quoted identifier, in the case that models use."""
        return '"' + identifier.replace('"', '""') + '"'

    def replace_view(self, table: str, sql: str) -> None:
        """Create a view of `raw`, or replace it."""
        self.execute(f"create or replace view raw.{self.name(table)} as {sql}")

    def json_text(self, value: str, steps: Sequence[str]) -> str:
        """The text at keys and indexes in a JSON column, null if there is none."""
        path = "$" + "".join(f"[{s}]" if s.isdigit() else f'."{s}"' for s in steps)
        return f"json_extract_string({value}, '{path.replace(chr(39), chr(39) * 2)}')"

    def utc(self, value: str, kind: str, zone: str) -> str:
        """A time of any type in UTC without a zone; without a zone it is in `zone`."""
        return utc_by_timezone(value, kind, zone)

    def refresh(self, *tables: str) -> None:
        """Copy the current tables of `raw` of these names, if they exist, into `con`."""

    def keep(self, name: str, columns: str, sql: str) -> None:
        """Store a query's result in the warehouse as a temporary table of `con` with these
        columns."""
        self.con.execute(f"create or replace temp table {name} as {sql}")

    def add_loads(self, sql: str, replaced: Sequence[str] = ()) -> None:
        """Append the result of a query on `con` to `raw.loads`, replacing the loads with these ids,
        all or nothing: from now on its rows count, and those of the others are leftovers."""
        self.execute("begin")
        ids = {"ids": replaced}
        self.con.execute("delete from raw.loads where list_contains($ids, _load_id)", ids)
        self.execute(f"insert into raw.loads by name {sql}")
        self.execute("commit")

    def destination(self) -> Any:
        """Where dlt writes."""
        import dlt

        return dlt.destinations.duckdb(self.con)


def utc_by_timezone(value: str, kind: str, zone: str) -> str:
    """`Session.utc` with a function `timezone`, as in DuckDB and PostgreSQL."""
    if kind.startswith("timestamptz") or kind == "timestamp with time zone":
        return f"timezone('UTC', {value})"
    if kind in ("timestamp", "date"):
        return f"timezone('UTC', timezone({zone}, cast({value} as timestamp)))"
    has_zone = (
        f"trim({value}) like '%Z' or trim({value}) like '%T%+%' or trim({value}) like '%T%-__:__'"
    )
    naive = f"timezone('UTC', timezone({zone}, cast({value} as timestamp)))"
    return (
        f"case when {has_zone} then timezone('UTC', cast({value} as timestamptz)) else {naive} end"
    )


@contextmanager
def in_memory(folder: Path, memory_limit: str | None) -> Generator[duckdb.DuckDBPyConnection]:
    """An in-memory DuckDB database that spills to the folder."""
    with duckdb.connect() as con:
        prepare(con, folder, memory_limit)
        con.execute("create schema raw")
        yield con


def prepare(con: duckdb.DuckDBPyConnection, folder: Path, memory_limit: str | None) -> None:
    """Make a connection compute in UTC, in any row order, within its memory."""
    con.execute("set timezone = 'UTC'; set preserve_insertion_order = false")
    con.execute("set temp_directory = $spill", {"spill": str(folder / "spill")})
    if memory_limit:
        con.execute("set memory_limit = $limit", {"limit": memory_limit})
