"""Burn of incidents and budgets of periods on a real PostgreSQL equal those on DuckDB.

The demo has no measurements, so its comparison of the marts says nothing of these.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path

import psycopg2
import pytest
from sqlalchemy import make_url

from .compiled_models import AS_OF
from .flow_helpers import ROOT
from .test_portable_postgres import _comparable
from .test_slo_burn_oracle import (
    BUDGETS,
    COUNTED,
    DAY,
    END,
    EPOCH,
    RATES,
    SLOS,
    WINDOWS,
    burn_rate,
    fill,
)

pytestmark = pytest.mark.xdist_group("compiled")

MODELS = ("int_slo__pieces", "int_slo__incident_burn", "fct_incident_burn", "rpt_slo_budget")
MARTS = ("fct_incident_burn", "rpt_slo_budget")
GIVEN = {
    "int_slo__budgets": BUDGETS,
    "int_slo__burn_rates": RATES,
    "int_slo__incident_windows": WINDOWS,
    "int_incidents__counted": COUNTED,
}


def _compiled(socket: str, folder: Path) -> dict[str, str]:
    environment = os.environ | {
        "DBT_PROFILES_DIR": str(ROOT / "profiles"),
        "DBT_TARGET_PATH": str(folder / "target"),
        "DBT_LOG_PATH": str(folder / "logs"),
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
        "PAYDOWN_POSTGRES_HOST": socket,
        "PAYDOWN_POSTGRES_USER": "postgres",
        "PAYDOWN_POSTGRES_PASSWORD": "unused",
        "PAYDOWN_POSTGRES_DATABASE": "postgres",
    }
    done = subprocess.run(
        [
            str(Path(sys.executable).with_name("dbt")), "compile", "--target", "postgres",
            "--quiet", "--no-introspect", "--no-populate-cache",
            "--select", *MODELS, "--vars", f'{{as_of: "{AS_OF}"}}',
        ],
        cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-3000:]
    found = (folder / "target" / "compiled" / "paydown" / "models").rglob("*.sql")
    return {file.stem: file.read_text(encoding="utf-8") for file in found}


def test_burn_on_postgresql_equals_that_on_duckdb(postgres: str, tmp_path: Path) -> None:
    chance = random.Random(4)
    measured = []
    for slo in ("up", "late", "all"):
        for source in ("prometheus", "datadog"):
            for n in range(250):
                if chance.random() < 0.1:
                    continue
                at, ratio = END - n * 600, chance.choice((0.0, chance.random() / 10, 1.0))
                measured += [
                    {
                        "slo_id": slo,
                        "burn_source": source,
                        "window_seconds": window,
                        "error_ratio": ratio,
                        "burn_rate": burn_rate(slo, ratio),
                        "covered_share": chance.choice((None, 0.5)),
                        "measured_at": EPOCH + timedelta(seconds=at),
                    }
                    for window in (300, 3600, 21_600)
                ]
    active = {}
    for n in range(40):
        start = END - chance.randrange(3 * DAY)
        again = start + chance.randrange(DAY)
        active[f"i{n}"] = [(start, again), (again + 60, again + chance.randrange(60, 2 * DAY))]
    warehouse = fill(measured, active)
    for model in MODELS[1:]:
        warehouse.run(model)

    socket = str(make_url(postgres).query["host"])
    compiled = _compiled(socket, tmp_path)
    with psycopg2.connect(host=socket, user="postgres", dbname="postgres") as connection:
        cursor = connection.cursor()
        for schema in ("intermediate", "marts"):
            cursor.execute(f"drop schema if exists paydown_{schema} cascade")
            cursor.execute(f"create schema paydown_{schema}")
        for table, columns in GIVEN.items():
            typed = ", ".join(
                f"{name} {kind.replace('double', 'double precision')}"
                for name, kind in columns.items()
            )
            cursor.execute(f"create table paydown_intermediate.{table} ({typed})")
            names = ", ".join(columns)
            rows = warehouse.ask(f"select {names} from paydown_intermediate.{table}")
            marks = ", ".join(["%s"] * len(columns))
            cursor.executemany(f"insert into paydown_intermediate.{table} values ({marks})", rows)
        for model in MODELS:
            schema = "marts" if model in MARTS else "intermediate"
            cursor.execute(f"create table paydown_{schema}.{model} as {compiled[model]}")
        for mart in MARTS:
            cursor.execute(f"select * from paydown_marts.{mart}")
            names = ", ".join(column[0] for column in cursor.description or [])
            there = sorted(map(_comparable, cursor.fetchall()))
            here = warehouse.ask(f"select {names} from paydown_marts.{mart}")
            assert there == sorted(map(_comparable, here)), mart
        for schema in ("intermediate", "marts"):
            cursor.execute(f"drop schema paydown_{schema} cascade")
    burnt = warehouse.ask(
        "select count(*) from paydown_marts.fct_incident_burn "
        "where budget_spent is not null and not is_estimated"
    )
    assert burnt[0][0] >= 50
    assert len(SLOS) == warehouse.ask("select count(*) from paydown_marts.rpt_slo_budget")[0][0]
    assert (
        datetime.fromisoformat(AS_OF)
        == warehouse.ask("select max(burn_measured_at) from paydown_marts.rpt_slo_budget")[0][0]
    )
