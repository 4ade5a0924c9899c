"""Where the ledger is stored, and how its writers take turns.

Writers are few and brief, so they are serialized outright: `BEGIN IMMEDIATE` on SQLite, a
transaction-scoped advisory lock on PostgreSQL. Everything between reading a row and writing it
is then free of races, and a killed writer frees the lock with its connection.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from sqlalchemy import DDL, Connection, Select, create_engine, event, inspect
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError
from sqlalchemy.orm import Session
from sqlalchemy.pool import NullPool
from sqlalchemy.schema import CreateColumn

from orchestration.ledger.models import Base, EpicRecord
from orchestration.settings import SettingsError

_LOCK_TIMEOUT_SECONDS = 60
_TAKE_TURNS = {
    "sqlite": "begin immediate",
    "postgresql": "select pg_advisory_xact_lock(5060772011387)",
}


class LedgerDatabase:
    """A SQLite file or a PostgreSQL database with the ledger's tables.

    url: `sqlite:////path/ledger.db` or `postgresql+psycopg2://...`. Nothing is created before the
    first write; an older ledger is migrated when it is first used. SettingsError for an unusable
    address.
    """

    def __init__(self, url: str | URL) -> None:
        try:
            self._url = make_url(url)
        except (ArgumentError, ValueError):  # Their messages contain a part of the address.
            raise SettingsError(
                "PAYDOWN_LEDGER is no address like postgresql+psycopg2://user:password@host/db; "
                "write @, : and / of a password as %40, %3A and %2F"
            ) from None
        backend = self._url.get_backend_name()
        if backend not in {"sqlite", "postgresql"}:
            raise SettingsError(f"the ledger needs SQLite or PostgreSQL, not {backend}")
        self._is_sqlite = backend == "sqlite"
        if self._is_sqlite and not self._url.database:
            raise SettingsError("the ledger needs a file: sqlite:////path/ledger.db")
        own: dict[str, Any] = {"pool_pre_ping": True}
        if self._is_sqlite:
            # No pool: the file is closed after each transaction, so it can be moved, and a forked
            # process can't inherit a connection.
            own = {"poolclass": NullPool, "connect_args": {"timeout": _LOCK_TIMEOUT_SECONDS}}
        try:
            self._engine = create_engine(self._url, **own)
        except (ImportError, NoSuchModuleError):
            raise SettingsError(
                f"PAYDOWN_LEDGER: the driver of {self._url.drivername} is not installed; "
                "postgresql+psycopg2 is"
            ) from None
        if self._is_sqlite:
            event.listen(self._engine, "connect", _configure_sqlite)
        self._has_schema = False

    @contextmanager
    def exclusive(self) -> Generator[Session]:
        """A transaction that excludes other writers; commits unless the block raises."""
        if self._is_sqlite and not self._has_schema:
            Path(str(self._url.database)).parent.mkdir(parents=True, exist_ok=True)
        with self._engine.begin() as connection:
            connection.exec_driver_sql(_TAKE_TURNS[self._engine.dialect.name])
            if not self._has_schema:
                Base.metadata.create_all(connection)
                _migrate(connection)
            with Session(connection, expire_on_commit=False) as session:
                yield session
                session.commit()
        self._has_schema = True

    def read(self, query: Select[Any]) -> list[Any]:
        """What `query` finds among committed rows; nothing if there is no ledger yet."""
        if not self._has_schema:
            if self._is_sqlite and not Path(str(self._url.database)).exists():
                return []
            if not inspect(self._engine).has_table("ledger_events"):
                return []
            with self.exclusive():
                pass  # Migrates an older ledger.
        with Session(self._engine) as session:
            return list(session.scalars(query))


def _migrate(connection: Connection) -> None:
    """Bring an older ledger up to date. Later columns are nullable; none is ever dropped."""
    present = {column["name"] for column in inspect(connection).get_columns("ledger_epics")}
    for column in inspect(EpicRecord).columns:
        if column.name not in present:
            definition = CreateColumn(column).compile(dialect=connection.dialect)
            connection.execute(DDL(f"alter table ledger_epics add column {definition}"))


def _configure_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    connection.isolation_level = None  # The driver must not begin transactions by itself.
    cursor = connection.cursor()
    cursor.execute("pragma synchronous = full")  # An intent must outlive a power cut.
    if cursor.execute("pragma journal_mode").fetchone()[0] != "wal":
        # Locked: another process is using the file, and sets it. This isn't needed for correctness,
        # only so that readers don't wait for writers.
        with suppress(sqlite3.OperationalError):
            cursor.execute("pragma journal_mode = wal")
    cursor.close()
