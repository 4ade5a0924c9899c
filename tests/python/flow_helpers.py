"""Runs of the `paydown` command, as a user runs it: a process with an environment."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

ROOT = Path(__file__).resolve().parents[2]
SAMPLES = ROOT / "tests" / "samples" / "landing"
PAYDOWN = Path(sys.executable).with_name("paydown")


@dataclass
class Site:
    """A home of paydown in a temporary folder."""

    home: Path
    variables: dict[str, str]

    def command(self, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run `paydown ...`; output is wide enough not to be wrapped."""
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("PAYDOWN_", "DAGSTER_"))}
        environment = {
            **kept, "COLUMNS": "160", "PAYDOWN_HOME": str(self.home), **self.variables, **variables,
        }  # fmt: skip
        return subprocess.run(
            [str(PAYDOWN), *arguments],
            cwd=ROOT, env=environment, capture_output=True, text=True, timeout=600, check=False,
        )  # fmt: skip

    @property
    def published(self) -> Path:
        return self.home / "published" / "current" / "paydown.duckdb"

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        """Ask the analysts' copy."""
        with duckdb.connect(str(self.published), read_only=True) as con:
            return con.execute(sql).fetchall()

    def raw(self, sql: str) -> list[tuple[Any, ...]]:
        """Ask the working warehouse."""
        with duckdb.connect(str(self.home / "warehouse.duckdb"), read_only=True) as con:
            return con.execute(sql).fetchall()


def share_manifest(site: Site, parsed: Site) -> None:
    """Spare the site the parsing of a project that another site has parsed already."""
    shutil.copytree(parsed.home / "dbt" / "target", site.home / "dbt" / "target")
