"""A connection to a server, and what differs by server: connecting, locking, loading by dlt."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any, ClassVar

import pyarrow as pa

from orchestration.warehouse.session import WarehouseError, utc_by_timezone

# Types of information_schema -> DuckDB's, which contracts use too; others have the same names.
TYPES = {
    "character varying": "varchar",
    "text": "varchar",
    "double precision": "double",
    "float": "double",
    "timestamp without time zone": "timestamp",
    "timestamp_ntz": "timestamp",
    "timestamp with time zone": "timestamptz",
    "numeric": "decimal",
    "number": "decimal",
}
ROWS_AT_ONCE = 1_000
ROWS_FETCHED = 50_000


class Driver:
    """One connection to a server, by its DB-API; each statement commits by itself.

    Raises:
        WarehouseError: the server can't be reached, or rejects a statement; its text has no
            password.
    """

    target: ClassVar[str]
    errors: type[Exception]

    def __init__(self, profile: Mapping[str, str]) -> None:
        self.profile = profile
        try:
            self._connection = self._connect()
        except self.errors as error:
            raise WarehouseError(
                f"PAYDOWN_TARGET={self.target}: {self.identity(profile)} can't be reached as "
                f"{profile['user']}: {first_line(error)}; start it, or correct the "
                f"PAYDOWN_{self.target.upper()}_* variables"
            ) from None

    @classmethod
    def identity(cls, profile: Mapping[str, str]) -> str:
        """Which warehouse this is, without credentials."""
        raise NotImplementedError

    def _connect(self) -> Any:
        raise NotImplementedError

    def close(self) -> None:
        with suppress(self.errors):
            self._connection.close()

    def name(self, identifier: str) -> str:
        """A quoted identifier, in the case that models use."""
        return '"' + identifier.replace('"', '""') + '"'

    def run(self, sql: str, parameters: Sequence[Any] = ()) -> Any:
        """Run one statement: the cursor, to fetch from."""
        try:
            cursor = self._connection.cursor()
            cursor.execute(sql, parameters or None)
        except self.errors as error:
            raise WarehouseError(f"{self.identity(self.profile)}: {first_line(error)}") from error
        return cursor

    def fetch(self, sql: str) -> Generator[pa.Table]:
        """The result of a query, piece by piece, with lower-case column names."""
        cursor = self.run(sql)
        names = [column[0].lower() for column in cursor.description]
        while rows := cursor.fetchmany(ROWS_FETCHED):
            yield pa.table(dict(zip(names, map(pa.array, zip(*rows, strict=True)), strict=True)))

    def columns(self, schema: str) -> dict[str, dict[str, str]]:
        """Tables and views of a schema -> columns in order -> types as DuckDB names them."""
        found: dict[str, dict[str, str]] = {}
        cursor = self.run(
            "select lower(table_name), lower(column_name), lower(data_type), numeric_precision, "
            "numeric_scale from information_schema.columns where lower(table_schema) = %s "
            "order by table_name, ordinal_position",
            [schema],
        )
        for table, column, data_type, precision, scale in cursor.fetchall():
            kind = TYPES.get(data_type, data_type)
            if kind == "decimal":
                kind = self._decimal(precision, scale)
            found.setdefault(table, {})[column] = kind
        return found

    @staticmethod
    def _decimal(precision: int | None, scale: int | None) -> str:
        return f"decimal({precision}, {scale})" if precision else "double"

    def insert(
        self,
        table: str,
        columns: Sequence[str],
        rows: Sequence[Sequence[Any]],
        *,
        replaced: Sequence[str] = (),
    ) -> None:
        """Insert the rows in one transaction, which fails if the lock is lost; rows of the
        `replaced` loads are deleted in it."""
        one = f"({', '.join(['%s'] * len(columns))})"
        self.run("begin")
        try:
            self.hold()
            for load_id in replaced:
                self.run(f"delete from {table} where _load_id = %s", [load_id])
            for first in range(0, len(rows), ROWS_AT_ONCE):
                some = rows[first : first + ROWS_AT_ONCE]
                values = ", ".join([one] * len(some))
                sql = f"insert into {table} ({', '.join(columns)}) values {values}"
                self.run(sql, [_plain(value) for row in some for value in row])
            self.run("commit")
        except BaseException:
            with suppress(WarehouseError):
                self.run("rollback")
            raise

    def replace_view(self, view: str, sql: str) -> None:
        """Create a view, or replace it, whatever its columns were."""
        self.run(f"create or replace view {view} as {sql}")

    def json_text(self, value: str, steps: Sequence[str]) -> str:
        """As `Session.json_text`."""
        raise NotImplementedError

    def utc(self, value: str, kind: str, zone: str) -> str:
        """As `Session.utc`."""
        return utc_by_timezone(value, kind, zone)

    @contextmanager
    def locked(self) -> Generator[None]:
        """Inside it no other loader, on any machine, works on this warehouse."""
        raise NotImplementedError
        yield

    def hold(self) -> None:
        """Verify, in the open transaction, that the lock is still this loader's."""

    def state(self, schema: str) -> list[Any]:
        """Changes whenever models are built or loads are added; empty if unknown."""
        raise NotImplementedError

    def destination(self) -> Any:
        """Where dlt writes."""
        raise NotImplementedError


def first_line(error: Exception) -> str:
    """The first line of a driver's message; it has neither address nor password."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(" .;")


def _plain(value: Any) -> Any:
    """PostgreSQL can't store NUL in text."""
    return value.replace("\0", "\ufffd") if isinstance(value, str) else value
