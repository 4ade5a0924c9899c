"""The working DuckDB file: one writer at a time, within a memory limit."""

from __future__ import annotations

import fcntl
import re
import shutil
from collections.abc import Collection, Generator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from orchestration.warehouse.session import Session, prepare

HOLDER = re.compile(r"lock is held in (\S+) \(PID (\d+)\)")


def rows_of(
    con: duckdb.DuckDBPyConnection, sql: str, parameters: object = None
) -> list[dict[str, Any]]:
    """What a query returns, as mappings; duckdb.Error if it can't be run."""
    result = con.execute(sql, parameters)
    names = [column[0] for column in result.description or []]
    return [dict(zip(names, row, strict=True)) for row in result.fetchall()]


class WarehouseBusyError(duckdb.IOException):
    """Another program has the file open; the message names it, and what to read instead."""


@contextmanager
def connected(path: Path, *, read_only: bool) -> Generator[duckdb.DuckDBPyConnection]:
    """A connection to the file.

    Raises:
        WarehouseBusyError: immediately, if another program has it open.
    """
    try:
        con = duckdb.connect(str(path), read_only=read_only)
    except duckdb.IOException as error:
        if busy := busy_error(path, str(error)):
            raise busy from None
        raise
    with con:
        yield con


def busy_error(path: Path, text: str) -> WarehouseBusyError | None:
    """What to say where DuckDB says that another program has the file open; else None."""
    if not (holder := HOLDER.search(text)):
        return None
    copy = path.with_name("published") / "current" / "paydown.duckdb"
    return WarehouseBusyError(
        f"{path}: {Path(holder[1]).name} (process {holder[2]}) has it open, such as a run; try "
        f"again when it is done, or end it. Queries can read {copy} at any time"
    )


def copy_warehouse(source: Path, target: Path) -> None:
    """Copy the file as of its last commit, even if a process ended without closing it.

    Raises:
        WarehouseBusyError: another program writes it.
    """
    log = source.with_name(f"{source.name}.wal")
    with connected(source, read_only=True), ExitStack() as opened:
        # The connection's lock ends when this process closes the file: only after both are copied.
        for path in filter(Path.exists, (source, log)):
            file = opened.enter_context(path.open("rb"))
            copy = target.with_name(path.name.replace(source.name, target.name))
            shutil.copyfileobj(file, opened.enter_context(copy.open("wb")))


@dataclass(frozen=True)
class FileWarehouse:
    """A DuckDB file, and the folder for the loader's and dlt's working files."""

    path: Path
    folder: Path
    memory_limit: str | None = None

    @property
    def identity(self) -> str:
        """This warehouse's identity, as recorded in a published copy. A home may be moved."""
        return "duckdb"

    @contextmanager
    def opened(self) -> Generator[Session]:
        """A session for the loader; waits until no other loader works on the file.

        Raises:
            WarehouseBusyError: another program has the file open.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / "paydown.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            with connected(self.path, read_only=False) as con:
                prepare(con, self.folder, self.memory_limit)
                yield Session(con, self.folder)

    def check(self) -> None:
        """A file needs nothing: the first load creates it."""

    @contextmanager
    def reading(self, relations: Collection[str]) -> Generator[duckdb.DuckDBPyConnection]:
        """A connection that reads those of these relations (`schema.table`) that exist.

        Raises:
            WarehouseBusyError: another program has the file open.
        """
        with connected(self.path, read_only=True) as con:
            yield con

    def exists(self) -> bool:
        """Whether anything was ever loaded."""
        return self.path.exists()

    def ask(self, sql: str) -> list[dict[str, Any]]:
        """The result of a query in plain SQL, as mappings."""
        with connected(self.path, read_only=True) as con:
            return rows_of(con, sql)

    def state(self) -> list[Any]:
        """Changes whenever somebody writes to the warehouse; empty if unknown."""
        if not self.path.exists():
            return []
        stat = self.path.stat()
        return [stat.st_mtime_ns, stat.st_size]

    def as_file(self, path: Path, relations: Collection[str]) -> Path:
        """A DuckDB file to read the relations from: this one."""
        return self.path
