"""A warehouse that is a server, PostgreSQL or Snowflake: DuckDB computes beside it.

The loader's SQL runs in an in-memory DuckDB database with copies of the bookkeeping tables; dlt
writes rows to the server, and queries to it use SQL that all servers support.
"""

from __future__ import annotations

from collections.abc import Collection, Generator, Iterable, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from orchestration.warehouse.driver import Driver
from orchestration.warehouse.postgres import Postgres
from orchestration.warehouse.profile import read_profile
from orchestration.warehouse.session import Session, in_memory, prepare
from orchestration.warehouse.snowflake import Snowflake

DRIVERS: dict[str, type[Driver]] = {driver.target: driver for driver in (Postgres, Snowflake)}


@dataclass
class ServerSession(Session):
    """A session whose changes go to the server; `con` has copies of what was asked for."""

    driver: Driver = field(kw_only=True)

    def execute(self, sql: str) -> None:
        self.driver.run(sql)

    def columns(self, schema: str = "raw") -> dict[str, dict[str, str]]:
        return self.driver.columns(schema)

    def replace_view(self, table: str, sql: str) -> None:
        self.driver.replace_view(f"raw.{self.name(table)}", sql)

    def json_text(self, value: str, steps: Sequence[str]) -> str:
        return self.driver.json_text(value, steps)

    def utc(self, value: str, kind: str, zone: str) -> str:
        return self.driver.utc(value, kind, zone)

    def name(self, identifier: str) -> str:
        return self.driver.name(identifier)

    def refresh(self, *tables: str) -> None:
        copy_relations(self.driver, self.con, [f"raw.{table}" for table in tables])

    def keep(self, name: str, columns: str, sql: str) -> None:
        self.con.execute(f"create or replace temp table {name} ({columns})")
        _insert(self.con, name, self.driver.fetch(sql))

    def add_loads(self, sql: str, replaced: Sequence[str] = ()) -> None:
        found = self.con.sql(sql)
        self.driver.insert("raw.loads", found.columns, found.fetchall(), replaced=replaced)
        self.refresh("loads")

    def destination(self) -> Any:
        return self.driver.destination()


@dataclass(frozen=True)
class ServerWarehouse:
    """A target of the profile, and the folder for the loader's and dlt's working files.

    Every method raises WarehouseError if the server can't be reached or rejects something.
    """

    target: str
    folder: Path
    memory_limit: str | None = None

    @property
    def identity(self) -> str:
        """This warehouse's identity, as recorded in a published copy."""
        return DRIVERS[self.target].identity(read_profile(self.target))

    @contextmanager
    def _reached(self) -> Generator[Driver]:
        with closing(DRIVERS[self.target](read_profile(self.target))) as driver:
            yield driver

    def check(self) -> None:
        """Whether it can be reached."""
        with self._reached():
            pass

    @contextmanager
    def opened(self) -> Generator[Session]:
        """A session for the loader; waits until no other loader works on the warehouse."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with self._reached() as driver, driver.locked(), self._in_memory() as con:
            name = f"paydown_{self.target}"
            yield ServerSession(con, self.folder, name, driver=driver)

    @contextmanager
    def reading(self, relations: Collection[str]) -> Generator[duckdb.DuckDBPyConnection]:
        """DuckDB with copies of those of these relations (`schema.table`) that exist."""
        with self._reached() as driver, self._in_memory() as con:
            copy_relations(driver, con, relations)
            yield con

    def exists(self) -> bool:
        """Whether anything was ever loaded."""
        with self._reached() as driver:
            return "loads" in driver.columns("raw")

    def ask(self, sql: str) -> list[dict[str, Any]]:
        """The result of a query in plain SQL, as mappings."""
        with self._reached() as driver:
            return [row for piece in driver.fetch(sql) for row in piece.to_pylist()]

    def state(self) -> list[Any]:
        """Changes whenever models are built or rows loaded; empty if unknown."""
        with self._reached() as driver:
            if "loads" not in driver.columns("raw"):
                return []
            return [self.identity, *driver.state(driver.profile["schema"])]

    def as_file(self, path: Path, relations: Collection[str]) -> Path:
        """A DuckDB file with copies of the relations."""
        with self._reached() as driver, duckdb.connect(str(path)) as con:
            prepare(con, self.folder, self.memory_limit)
            copy_relations(driver, con, relations)
        return path

    @contextmanager
    def _in_memory(self) -> Generator[duckdb.DuckDBPyConnection]:
        with in_memory(self.folder, self.memory_limit) as con:
            yield con


def copy_relations(
    driver: Driver, con: duckdb.DuckDBPyConnection, relations: Iterable[str]
) -> None:
    """Copy tables or views with their types; missing ones are left out."""
    known: dict[str, dict[str, dict[str, str]]] = {}
    for relation in relations:
        schema, table = relation.split(".")
        if schema not in known:
            known[schema] = driver.columns(schema)
        if columns := known[schema].get(table):
            named = {name: f'"{name}" {kind}' for name, kind in columns.items()}
            con.execute(f'create schema if not exists "{schema}"')
            into = f'"{schema}"."{table}"'
            con.execute(f"create or replace table {into} ({', '.join(named.values())})")
            there = ", ".join(map(driver.name, columns))
            source = f"{driver.name(schema)}.{driver.name(table)}"
            _insert(con, into, driver.fetch(f"select {there} from {source}"))


def _insert(con: duckdb.DuckDBPyConnection, table: str, pieces: Iterable[pa.Table]) -> None:
    for piece in pieces:
        con.register("fetched", piece)
        con.execute(f"insert into {table} by name select * from fetched")
        con.unregister("fetched")
