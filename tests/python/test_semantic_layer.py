"""What `mf query` answers is what plain SQL on the published marts says."""

from __future__ import annotations

import csv
import os
import re
import shutil
import subprocess
import sys
from contextlib import chdir
from pathlib import Path
from unittest.mock import patch

import pytest
from click.testing import CliRunner

from .dbt_in_process import close_warehouse
from .flow_helpers import ROOT, Demo

pytest.importorskip("dbt_metricflow", reason="dbt-metricflow (extra `metrics`) is not installed")

Value = float | str | None
INCIDENTS = """
    select
        dim_services.service_name,
        fct_incidents.source_name,
        count(*)::double,
        count(*) filter (where is_open)::double,
        count(*) filter (where is_repeat)::double,
        quantile_cont(active_seconds, 0.5)::double,
        quantile_cont(time_to_acknowledge_seconds, 0.5)::double,
        max(slo_burn_rate),
        count(*) filter (where is_repeat) / nullif(count(is_repeat), 0)
    from fct_incidents
    left join dim_services using (service_id)
    group by all
"""
MONTHS = """
    select
        strftime(date_trunc('month', triggered_at), '%Y-%m-%d %H:%M:%S'),
        severity_level::double,
        avg(is_repeat::int)
    from fct_incidents
    where triggered_at >= '2026-04-01' and triggered_at < '2026-07-01'
    group by all
"""
SCORES = """
    select
        owner,
        max(score)::double,
        count(*) filter (where band = 'promote_to_epic')::double
    from fct_service_scores
    where is_latest
    group by all
"""


@pytest.fixture(scope="module")
def folder(demo: Demo, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dbt project that `mf` can ask: its settings, its metrics and a copy of the warehouse."""
    folder = tmp_path_factory.mktemp("metrics")
    (folder / "target").mkdir()
    shutil.copy(ROOT / "dbt_project.yml", folder)
    shutil.copy(demo.site.warehouse, folder)
    shutil.copy(demo.site.home / "dbt" / "target" / "semantic_manifest.json", folder / "target")
    return folder


def environment(folder: Path) -> dict[str, str]:
    return os.environ | {
        "DBT_PROFILES_DIR": str(ROOT / "profiles"),
        "DBT_LOG_PATH": str(folder / "logs"),
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
        "PAYDOWN_WAREHOUSE": str(folder / "warehouse.duckdb"),
    }


def value(text: str) -> Value:
    return float(text) if re.fullmatch(r"-?\d+(\.\d+)?(e-?\d+)?", text) else text or None


@pytest.mark.parametrize(
    ("groups", "metrics", "period", "sql"),
    [
        (
            "service__service_name,incident__source",
            "incident_count,open_incident_count,repeat_count,mttr_p50,mtta_p50,slo_burn_peak,repeat_rate",
            [],
            INCIDENTS,
        ),
        (
            "metric_time__month,incident__severity",
            "repeat_rate",
            ["--start-time", "2026-04-01", "--end-time", "2026-06-30"],
            MONTHS,
        ),
        ("service__team__team_name", "score,services_in_promotion_band", [], SCORES),
    ],
)
def test_metrics_equal_plain_sql(
    demo: Demo, folder: Path, groups: str, metrics: str, period: list[str], sql: str
) -> None:
    from dbt_metricflow.cli.main import cli

    answer = folder / "answer.csv"
    command = ["query", "--quiet", "--csv", str(answer), "--group-by", groups]
    with patch.dict(os.environ, environment(folder)), chdir(folder):
        done = CliRunner().invoke(cli, [*command, "--metrics", metrics, *period])
    close_warehouse()
    assert done.exit_code == 0, done.output
    columns = f"{groups},{metrics}".split(",")
    with answer.open(newline="", encoding="utf-8") as lines:
        found = [[value(row[column]) for column in columns] for row in csv.DictReader(lines)]
    stated = sorted(map(list, demo.site.query(sql)), key=str)
    assert stated
    assert len(found) == len(stated)
    for row, expected in zip(sorted(found, key=str), stated, strict=True):
        assert row == pytest.approx(expected)


def test_every_metric_and_dimension_is_valid_on_the_warehouse(folder: Path) -> None:
    command = [str(Path(sys.executable).with_name("mf")), "validate-configs"]
    done = subprocess.run(
        command, cwd=folder, env=environment(folder), capture_output=True, text=True, check=False
    )
    said = done.stdout
    assert done.returncode == 0, said + done.stderr
    assert said.count("ERRORS: 0, FUTURE_ERRORS: 0, WARNINGS: 0") >= 6, said


def test_days_reach_from_ten_years_back_to_two_ahead(demo: Demo) -> None:
    found = demo.site.raw("""
        select count(*), count(distinct date_day), min(date_day)::varchar, max(date_day)::varchar
        from paydown_semantic.time_spine_daily
    """)
    assert found == [(4385, 4385, "2016-06-25", "2028-06-26")]
    public = "select 1 from duckdb_tables() where table_name = 'time_spine_daily'"
    assert not demo.site.query(public)
