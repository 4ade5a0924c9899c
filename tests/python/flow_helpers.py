"""The `paydown` command over a home in a temporary folder, and what the run left there."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from contextlib import chdir
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple
from unittest.mock import patch

import duckdb
from typer.testing import CliRunner

ROOT = Path(__file__).resolve().parents[2]
SAMPLES = ROOT / "tests" / "samples" / "landing"
PAYDOWN = Path(sys.executable).with_name("paydown")
NOT_PASSED_ON = ("PAYDOWN_", "DAGSTER_", "DBT_")

Finished = subprocess.CompletedProcess[str]


@dataclass
class Site:
    """A home of paydown, and the environment variables of its commands."""

    home: Path
    variables: dict[str, str] = field(default_factory=dict)

    def command(self, *arguments: str, **variables: str) -> Finished:
        """`paydown ...` in this process: its exit status and output (not wrapped).

        Spares the 5 s that importing dbt and Dagster takes; `process` is for tests of the process.
        """
        from orchestration.cli import app

        with patch.dict(os.environ, self.environment(**variables), clear=True), chdir(ROOT):
            done = CliRunner().invoke(app, list(arguments))
        if done.exception and not isinstance(done.exception, SystemExit):
            raise done.exception
        return Finished(arguments, done.exit_code, done.stdout, done.stderr)

    def process(self, *arguments: str, **variables: str) -> Finished:
        """`paydown ...` as a process of its own, as a person runs it."""
        return subprocess.run(
            [str(PAYDOWN), *arguments],
            cwd=ROOT, env=self.environment(**variables), capture_output=True, text=True,
            timeout=600, check=False,
        )  # fmt: skip

    def environment(self, **variables: str) -> dict[str, str]:
        """Every variable of a command; nothing of paydown's, dbt's or Dagster's leaks in."""
        kept = {k: v for k, v in os.environ.items() if not k.startswith(NOT_PASSED_ON)}
        own = {"COLUMNS": "160", "PAYDOWN_HOME": str(self.home)}
        return {**kept, **own, **self.variables, **variables}

    def copy(self, home: Path) -> Site:
        """The same site at another path, to be changed freely."""
        shutil.copytree(self.home, home, symlinks=True)
        return Site(home, dict(self.variables))

    @property
    def warehouse(self) -> Path:
        return self.home / "warehouse.duckdb"

    @property
    def published(self) -> Path:
        return self.home / "published" / "current" / "paydown.duckdb"

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        """Rows from the analysts' copy."""
        return ask(self.published, sql)

    def raw(self, sql: str) -> list[tuple[Any, ...]]:
        """Rows from the working warehouse."""
        return ask(self.warehouse, sql)


class Demo(NamedTuple):
    """The demo's home after its first run, and that run's result."""

    site: Site
    first: Finished


def ask(database: Path, sql: str) -> list[tuple[Any, ...]]:
    """The rows that a query has in a DuckDB file; closed again at the end."""
    with duckdb.connect(str(database), read_only=True) as con:
        return con.execute(sql).fetchall()
