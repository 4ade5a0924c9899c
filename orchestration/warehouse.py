"""The working DuckDB file: one writer at a time, within a limit of memory."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb

from orchestration.settings import Settings, SettingsError

RAW_SCHEMA = "raw"


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
            duckdb.IOException: another program has the file open.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / "paydown.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            with duckdb.connect(str(self.path)) as con:
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
            f"or load {RAW_SCHEMA} with your own pipeline and run `dbt build` on that target"
        )
    limit = os.environ.get("PAYDOWN_MEMORY_LIMIT")
    return Warehouse(settings.warehouse, settings.home / "dlt", limit)
