"""Models run outside dbt: compiled once, then their SQL over tables that a test fills.

dbt's unit tests cost a second each, so what is tested with hundreds of random examples runs here.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import duckdb

from .flow_helpers import ROOT

AS_OF = "2027-01-01 00:00:00"
MODELS = (
    "fct_incident_burn",
    "int_calendar__days",
    "int_calendar__incident_seconds",
    "int_calendar__pages",
    "int_incidents__episodes",
    "int_incidents__fingerprint_spells",
    "int_incidents__fingerprints",
    "int_incidents__repeat_spells",
    "int_incidents__repeats",
    "int_promotion__comparisons",
    "int_promotion__shrunk_inputs",
    "int_services__centrality",
    "int_services__reachable",
    "int_slo__incident_burn",
    "int_slo__pieces",
    "rpt_epic_decisions",
    "rpt_incident_durations",
    "rpt_repeat_chains",
    "rpt_slo_budget",
    "stg_paydown__epics",
)
SCHEMAS = {"stg": "staging", "int": "intermediate", "dim": "marts", "fct": "marts", "rpt": "marts"}


@cache
def compiled() -> Mapping[str, str]:
    """Model -> its SQL for DuckDB, as of `AS_OF`."""
    with TemporaryDirectory() as folder:
        environment = os.environ | {
            "DBT_PROFILES_DIR": str(ROOT / "profiles"),
            "DBT_TARGET_PATH": f"{folder}/target",
            "DBT_LOG_PATH": f"{folder}/logs",
            "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
            "PAYDOWN_WAREHOUSE": f"{folder}/warehouse.duckdb",
        }
        done = subprocess.run(
            [
                str(Path(sys.executable).with_name("dbt")), "compile", "--quiet",
                "--no-introspect", "--no-populate-cache",
                "--select", *MODELS, "--vars", f'{{as_of: "{AS_OF}"}}',
            ],
            cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=300,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout[-3000:]
        found = (Path(folder) / "target" / "compiled" / "paydown" / "models").rglob("*.sql")
        return {file.stem: file.read_text(encoding="utf-8") for file in found}


class Warehouse:
    """An empty DuckDB in memory with the project's schemas."""

    def __init__(self) -> None:
        self.con = duckdb.connect()
        self.con.execute("set threads = 1; attach ':memory:' as warehouse; use warehouse")
        for schema in sorted(set(SCHEMAS.values())):
            self.con.execute(f"create schema paydown_{schema}")

    def fill(self, model: str, columns: Mapping[str, str], rows: Sequence[Sequence[Any]]) -> None:
        """Put the rows where the model's table is; `columns` are names and types."""
        table = f"paydown_{SCHEMAS[model.split('_')[0]]}.{model}"
        typed = ", ".join(f"{name} {kind}" for name, kind in columns.items())
        self.con.execute(f"create or replace table {table} ({typed})")
        if rows:
            self.con.executemany(
                f"insert into {table} values ({', '.join('?' * len(columns))})", rows
            )

    def run(self, model: str) -> None:
        """Build the model's table from the tables that stand for what it refers to."""
        table = f"paydown_{SCHEMAS[model.split('_')[0]]}.{model}"
        self.con.execute(f"create or replace table {table} as {compiled()[model]}")

    def ask(self, sql: str) -> list[tuple[Any, ...]]:
        return self.con.execute(sql).fetchall()
