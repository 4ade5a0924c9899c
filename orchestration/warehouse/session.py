"""What the loader does to a warehouse. Its SQL runs in DuckDB, whatever the warehouse is."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from orchestration.settings import SettingsError


class WarehouseError(SettingsError):
    """The warehouse can't do what it was asked to; the message says which one, and the fix."""


@dataclass
class Session:
    """A connection for one load, replay or count.

    con: where the loader computes. Its `raw.loads` is the warehouse's; other tables of `raw` are
    there once they were asked for by `refresh`.
    """

    con: duckdb.DuckDBPyConnection
    folder: Path
    pipeline: str = "paydown"

    def execute(self, sql: str) -> None:
        """Run a statement that changes the warehouse."""
        self.con.execute(sql)

    def columns(self) -> dict[str, dict[str, str]]:
        """Tables of `raw` -> columns -> types, as contracts name them."""
        found: dict[str, dict[str, str]] = {}
        rows = self.con.execute(
            "select table_name, column_name, lower(data_type) from duckdb_columns() "
            "where schema_name = 'raw' and database_name = current_database()"
        )
        for table, column, data_type in rows.fetchall():
            found.setdefault(table, {})[column] = data_type
        return found

    def name(self, identifier: str) -> str:
        """A quoted identifier, in the case that models find it by."""
        return '"' + identifier.replace('"', '""') + '"'

    def refresh(self, *tables: str) -> None:
        """Let `con` have these tables of `raw` as they are now, where they exist."""

    def keep(self, name: str, columns: str, sql: str) -> None:
        """Keep what a query on the warehouse returns as a temporary table of `con`; its columns
        with their types are stated once more."""
        self.con.execute(f"create or replace temp table {name} as {sql}")

    def add_loads(self, sql: str, replaced: Sequence[str] = ()) -> None:
        """Append what a query on `con` returns to `raw.loads`, in place of the loads with these
        ids, all or nothing: rows count now, and those of the others are leftovers."""
        self.execute("begin")
        ids = {"ids": replaced}
        self.con.execute("delete from raw.loads where list_contains($ids, _load_id)", ids)
        self.execute(f"insert into raw.loads by name {sql}")
        self.execute("commit")

    def destination(self) -> Any:
        """Where dlt writes."""
        import dlt

        return dlt.destinations.duckdb(self.con)


@contextmanager
def in_memory(folder: Path, memory_limit: str | None) -> Generator[duckdb.DuckDBPyConnection]:
    """A DuckDB database in memory that spills to the folder."""
    with duckdb.connect() as con:
        prepare(con, folder, memory_limit)
        con.execute("create schema raw")
        yield con


def prepare(con: duckdb.DuckDBPyConnection, folder: Path, memory_limit: str | None) -> None:
    """Let a connection compute in UTC, in whatever order, within its memory."""
    con.execute("set timezone = 'UTC'; set preserve_insertion_order = false")
    con.execute("set temp_directory = $spill", {"spill": str(folder / "spill")})
    if memory_limit:
        con.execute("set memory_limit = $limit", {"limit": memory_limit})
