"""The working DuckDB file: one writer at a time, within a limit of memory."""

from __future__ import annotations

import fcntl
import os
import re
import shutil
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb

from orchestration.settings import Settings, SettingsError

HOLDER = re.compile(r"lock is held in (\S+) \(PID (\d+)\)")


class WarehouseBusyError(duckdb.IOException):
    """Another program has the file open; the message says which one, and what to read instead."""


@contextmanager
def connected(path: Path, *, read_only: bool) -> Generator[duckdb.DuckDBPyConnection]:
    """A connection to the file.

    Raises:
        WarehouseBusyError: at once, where another program has it open.
    """
    try:
        con = duckdb.connect(str(path), read_only=read_only)
    except duckdb.IOException as error:
        if not (holder := HOLDER.search(str(error))):
            raise
        copy = path.with_name("published") / "current" / "paydown.duckdb"
        raise WarehouseBusyError(
            f"{path}: {Path(holder[1]).name} (process {holder[2]}) has it open, such as a run; try "
            f"again when it is done, or end it. Queries can read {copy} at any time"
        ) from None
    with con:
        yield con


def copy_warehouse(source: Path, target: Path) -> None:
    """Copy the file as of its last commit, whatever ended without closing it.

    Raises:
        WarehouseBusyError: another program writes it.
    """
    log = source.with_name(f"{source.name}.wal")
    with connected(source, read_only=True), ExitStack() as opened:
        # The connection's lock ends when this process closes the file: not before both are copied.
        for path in filter(Path.exists, (source, log)):
            file = opened.enter_context(path.open("rb"))
            copy = target.with_name(path.name.replace(source.name, target.name))
            shutil.copyfileobj(file, opened.enter_context(copy.open("wb")))


@dataclass(frozen=True)
class Warehouse:
    """A DuckDB file, and the folder where the loader and dlt keep their working files."""

    path: Path
    folder: Path
    memory_limit: str | None = None

    @contextmanager
    def opened(self) -> Generator[duckdb.DuckDBPyConnection]:
        """A connection for the loader, which waits until no other loader works on the file.

        Raises:
            WarehouseBusyError: another program has the file open.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / "paydown.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            with connected(self.path, read_only=False) as con:
                con.execute("set timezone = 'UTC'; set preserve_insertion_order = false")
                con.execute("set temp_directory = $spill", {"spill": str(self.folder / "spill")})
                if self.memory_limit:
                    con.execute("set memory_limit = $limit", {"limit": self.memory_limit})
                yield con


def loading_warehouse(settings: Settings) -> Warehouse:
    """The warehouse that the loader writes to; its working files live under the home.

    Raises:
        SettingsError: for a target that dbt can build on but the loader can't write to yet.
    """
    if settings.target != "duckdb":
        raise SettingsError(
            f"PAYDOWN_TARGET={settings.target}: the loader writes to duckdb; unset PAYDOWN_TARGET, "
            "or load raw with your own pipeline and run `dbt build` on that target"
        )
    limit = os.environ.get("PAYDOWN_MEMORY_LIMIT")
    return Warehouse(settings.warehouse, settings.home / "dlt", limit)
