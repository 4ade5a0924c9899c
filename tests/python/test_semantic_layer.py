"""What `mf query` answers is what plain SQL on the published marts says."""

from __future__ import annotations

import csv
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from .flow_helpers import ROOT, Demo

MF = Path(sys.executable).with_name("mf")

pytestmark = pytest.mark.skipif(
    not MF.exists(), reason="dbt-metricflow (extra `metrics`) is not installed"
)

Value = float | str | None


@pytest.fixture(scope="module")
def folder(demo: Demo, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dbt project that `mf` can ask: its settings, its metrics and a copy of the warehouse."""
    folder = tmp_path_factory.mktemp("metrics")
    (folder / "target").mkdir()
    shutil.copy(ROOT / "dbt_project.yml", folder)
    shutil.copy(demo.site.warehouse, folder)
    shutil.copy(demo.site.home / "dbt" / "target" / "semantic_manifest.json", folder / "target")
    return folder


def mf(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {
        "DBT_PROFILES_DIR": str(ROOT / "profiles"),
        "DBT_LOG_PATH": str(folder / "logs"),
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
        "PAYDOWN_WAREHOUSE": str(folder / "warehouse.duckdb"),
    }
    done = subprocess.run(
        [str(MF), *arguments],
        cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done


def answer(folder: Path, groups: str, metrics: str, *arguments: str) -> list[list[Value]]:
    """The rows of `mf query`: the groups, then the metrics, numbers as numbers."""
    file = folder / "answer.csv"
    mf(
        folder, "query", "--quiet", "--csv", str(file),
        "--group-by", groups, "--metrics", metrics, *arguments,
    )  # fmt: skip
    columns = f"{groups},{metrics}".split(",")
    with file.open(newline="", encoding="utf-8") as lines:
        return [[_value(row[column]) for column in columns] for row in csv.DictReader(lines)]


def _value(text: str) -> Value:
    return float(text) if re.fullmatch(r"-?\d+(\.\d+)?(e-?\d+)?", text) else text or None


def assert_same(found: Sequence[Sequence[Value]], stated: Sequence[Sequence[object]]) -> None:
    assert stated
    assert len(found) == len(stated)
    found, stated = sorted(found, key=str), sorted(map(list, stated), key=str)
    for row, expected in zip(found, stated, strict=True):
        assert row == pytest.approx(expected)


def test_incident_metrics_by_service_and_source(demo: Demo, folder: Path) -> None:
    found = answer(
        folder, "service__service_name,incident__source",
        "incident_count,open_incident_count,repeat_count,mttr_p50,mtta_p50,slo_burn_peak,repeat_rate",
    )  # fmt: skip
    assert_same(
        found,
        demo.site.query("""
            select
                dim_services.service_name,
                fct_incidents.source_name,
                count(*)::double,
                count(*) filter (where is_open)::double,
                count(*) filter (where is_repeat)::double,
                quantile_cont(active_seconds, 0.5)::double,
                quantile_cont(time_to_acknowledge_seconds, 0.5)::double,
                max(slo_burn_rate),
                count(*) filter (where is_repeat) / count(*)
            from fct_incidents
            left join dim_services using (service_id)
            group by all
        """),
    )


def test_repeat_rate_by_month_and_severity(demo: Demo, folder: Path) -> None:
    found = answer(
        folder, "metric_time__month,incident__severity", "repeat_rate",
        "--start-time", "2026-04-01", "--end-time", "2026-06-30",
    )  # fmt: skip
    assert_same(
        found,
        demo.site.query("""
            select
                strftime(date_trunc('month', triggered_at), '%Y-%m-%d %H:%M:%S'),
                severity_level::double,
                avg(is_repeat::int)
            from fct_incidents
            where triggered_at >= '2026-04-01' and triggered_at < '2026-07-01'
            group by all
        """),
    )


def test_a_score_is_that_of_the_last_day(demo: Demo, folder: Path) -> None:
    found = answer(folder, "service__team__team_name", "score,services_in_promotion_band")
    assert_same(
        found,
        demo.site.query("""
            select
                dim_teams.team_name,
                max(score)::double,
                count(*) filter (where band = 'promote_to_epic')::double
            from fct_service_scores
            left join dim_services using (service_id)
            left join dim_teams using (team_id)
            where is_latest
            group by all
        """),
    )


def test_every_metric_and_dimension_is_valid_on_the_warehouse(folder: Path) -> None:
    said = mf(folder, "validate-configs").stdout
    assert said.count("ERRORS: 0, FUTURE_ERRORS: 0, WARNINGS: 0") >= 6, said


def test_days_reach_from_ten_years_back_to_two_ahead(demo: Demo) -> None:
    found = demo.site.raw("""
        select count(*), count(distinct date_day), min(date_day)::varchar, max(date_day)::varchar
        from paydown_semantic.time_spine_daily
    """)
    assert found == [(4385, 4385, "2016-06-25", "2028-06-26")]
    public = demo.site.query("select 1 from duckdb_tables() where table_name = 'time_spine_daily'")
    assert not public
