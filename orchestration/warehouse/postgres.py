"""PostgreSQL as a warehouse: psycopg2 queries it, dlt loads it through ADBC."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any
from urllib.parse import quote, urlencode

from orchestration.warehouse.driver import Driver
from orchestration.warehouse.session import WarehouseError


class Postgres(Driver):
    """PostgreSQL; behind a pooler only in session mode."""

    target = "postgres"
    # Any number that nobody else uses for a lock in this database.
    LOCK = 0x70617964

    def __init__(self, profile: Mapping[str, str]) -> None:
        try:
            import adbc_driver_postgresql  # noqa: F401
            import psycopg2
        except ImportError as error:
            raise WarehouseError(
                f"PAYDOWN_TARGET=postgres: {error}; install paydown with its extra `postgres`"
            ) from error
        self._driver = psycopg2
        self.errors = psycopg2.Error
        super().__init__(profile)

    @classmethod
    def identity(cls, profile: Mapping[str, str]) -> str:
        return f"postgres {profile['host']}:{profile['port']}/{profile['dbname']}"

    def _uri(self) -> str:
        given, plain = self.profile, {"safe": ""}
        password = quote(given.get("password", ""), **plain)
        host, name = quote(given["host"], **plain), quote(given["dbname"], **plain)
        kept = ("sslmode", "sslcert", "sslkey", "sslrootcert", "keepalives_idle")
        options = {"connect_timeout": given.get("connect_timeout", "10")}
        options |= {key: given[key] for key in kept if key in given}
        user = quote(given["user"], **plain)
        return f"postgresql://{user}:{password}@{host}:{given['port']}/{name}?{urlencode(options)}"

    def _connect(self) -> Any:
        connection = self._driver.connect(self._uri(), application_name="paydown")
        connection.autocommit = True
        return connection

    @contextmanager
    def locked(self) -> Generator[None]:
        # It ends with the connection, so a killed loader leaves none. Loads are added through the
        # same connection: if it is lost, they are not.
        self.run("set statement_timeout = 0; set lock_timeout = 0")
        self.run("select pg_advisory_lock(%s)", [self.LOCK])
        try:
            yield
        finally:
            with suppress(WarehouseError):
                self.run("select pg_advisory_unlock(%s)", [self.LOCK])

    def replace_view(self, view: str, sql: str) -> None:
        try:
            super().replace_view(view, sql)
        except WarehouseError:
            # Its columns changed. What dbt built on it is dropped too, and built again by this run.
            self.run(f"drop view {view} cascade")
            super().replace_view(view, sql)

    def json_text(self, value: str, steps: Sequence[str]) -> str:
        path = ", ".join("'" + step.replace("'", "''") + "'" for step in steps)
        return f"(cast({value} as jsonb) #>> array[{path}])"

    def state(self, schema: str) -> list[Any]:
        # A rebuilt table is a new object.
        cursor = self.run(
            "select count(*), sum(cast(c.oid as bigint)) from pg_class as c "
            "inner join pg_namespace as n on c.relnamespace = n.oid "
            "where c.relkind = 'r' and starts_with(n.nspname, %s)",
            [schema],
        )
        loads = self.run("select count(*), cast(max(_loaded_at) as varchar) from raw.loads")
        return [*map(str, cursor.fetchone()), *map(str, loads.fetchone())]

    def destination(self) -> Any:
        import dlt

        return dlt.destinations.postgres(credentials=self._uri())
