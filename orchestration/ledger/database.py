"""Where the ledger lives, and how its writers take turns.

Writers are few and brief, so they are serialized outright: `BEGIN IMMEDIATE` on SQLite, a
transaction-scoped advisory lock on PostgreSQL. Everything between reading a row and writing it
is then free of races, and a killed writer frees the lock with its connection.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path

from sqlalchemy import DDL, Connection, Engine, create_engine, event, inspect, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError
from sqlalchemy.orm import Session
from sqlalchemy.pool import NullPool
from sqlalchemy.schema import CreateColumn

from orchestration.ledger.models import Base, EpicRecord
from orchestration.settings import SettingsError

_LOCK_TIMEOUT_SECONDS = 60
_ADVISORY_LOCK = 5_060_772_011_387
_READ_ONLY = "paydown_read_only"


class LedgerDatabase:
    """A SQLite file or a PostgreSQL database with the ledger's tables.

    url: `sqlite:////path/ledger.db` or `postgresql+psycopg2://...`. Nothing is created before the
    first write; an older ledger is migrated when it is first used. SettingsError for an address
    that can't be used.
    """

    def __init__(self, url: str | URL) -> None:
        try:
            self._url = make_url(url)
        except (ArgumentError, ValueError):  # Their texts hold a part of the address.
            raise SettingsError(
                "PAYDOWN_LEDGER is no address such as postgresql+psycopg2://user:password@host/db; "
                "write @, : and / of a password as %40, %3A and %2F"
            ) from None
        backend = self._url.get_backend_name()
        if backend not in {"sqlite", "postgresql"}:
            raise SettingsError(f"the ledger needs SQLite or PostgreSQL, not {backend}")
        self._is_sqlite = backend == "sqlite"
        if self._is_sqlite and not self._url.database:
            raise SettingsError("the ledger needs a file: sqlite:////path/ledger.db")
        make_engine = _sqlite_engine if self._is_sqlite else _postgres_engine
        try:
            self._engine = make_engine(self._url)
        except (ImportError, NoSuchModuleError):
            raise SettingsError(
                f"PAYDOWN_LEDGER: the driver of {self._url.drivername} is not installed; "
                "postgresql+psycopg2 is"
            ) from None
        self._has_schema = False

    @contextmanager
    def exclusive(self) -> Generator[Session]:
        """A transaction that no other writer overlaps; commits unless the block raises."""
        if self._is_sqlite and not self._has_schema:
            Path(str(self._url.database)).parent.mkdir(parents=True, exist_ok=True)
        with self._engine.begin() as connection:
            if not self._is_sqlite:
                connection.execute(text("select pg_advisory_xact_lock(:n)"), {"n": _ADVISORY_LOCK})
            if not self._has_schema:
                Base.metadata.create_all(connection)
                _migrate(connection)
            with Session(connection, expire_on_commit=False) as session:
                yield session
                session.commit()
        self._has_schema = True

    @contextmanager
    def reading(self) -> Generator[Session | None]:
        """A session that sees what is committed, or None while there is no ledger yet."""
        if not self._has_schema:
            if not self._exists():
                yield None
                return
            with self.exclusive():
                pass  # Migrates an older ledger.
        engine = self._engine.execution_options(**{_READ_ONLY: True})
        with engine.connect() as connection, Session(connection) as session:
            yield session

    def _exists(self) -> bool:
        if self._is_sqlite and not Path(str(self._url.database)).exists():
            return False
        with self._engine.execution_options(**{_READ_ONLY: True}).connect() as connection:
            return inspect(connection).has_table("ledger_events")


def _migrate(connection: Connection) -> None:
    """Bring an older ledger up to date. Later columns are nullable; none is ever dropped."""
    present = {column["name"] for column in inspect(connection).get_columns("ledger_epics")}
    for column in inspect(EpicRecord).columns:
        if column.name not in present:
            definition = CreateColumn(column).compile(dialect=connection.dialect)
            connection.execute(DDL(f"alter table ledger_epics add column {definition}"))
    if "version" not in present and "figures" in present:
        _move_burn(connection)


def _move_burn(connection: Connection) -> None:
    """The burn rate that an epic says was in `figures`, and belongs to its evidence."""
    query = text(
        "select tracker, key, evidence, figures from ledger_epics "
        "where evidence is not null and figures is not null"
    )
    for tracker, key, evidence, figures in connection.execute(query).all():
        burn = {"slo_burn": json.loads(figures).get("slo_burn")}
        connection.execute(
            text("update ledger_epics set evidence = :e where tracker = :t and key = :k"),
            {"e": json.dumps(json.loads(evidence) | burn), "t": tracker, "k": key},
        )


def _postgres_engine(url: URL) -> Engine:
    return create_engine(url, pool_pre_ping=True)


def _sqlite_engine(url: URL) -> Engine:
    # No pool: the file is closed after each transaction, so it can be moved, and a forked
    # process can't inherit a connection.
    engine = create_engine(url, poolclass=NullPool, connect_args={"timeout": _LOCK_TIMEOUT_SECONDS})

    @event.listens_for(engine, "connect")
    def _configure(connection: sqlite3.Connection, _record: object) -> None:
        connection.isolation_level = None  # The driver must not begin transactions by itself.
        cursor = connection.cursor()
        cursor.execute("pragma synchronous = full")  # An intent must outlive a power cut.
        if cursor.execute("pragma journal_mode").fetchone()[0] != "wal":
            # Locked: another process is using the file, and sets it. This isn't needed for
            # correctness, only for readers not to wait for writers.
            with suppress(sqlite3.OperationalError):
                cursor.execute("pragma journal_mode = wal")
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        is_read_only = connection.get_execution_options().get(_READ_ONLY, False)
        connection.exec_driver_sql("begin" if is_read_only else "begin immediate")

    return engine
