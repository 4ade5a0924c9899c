"""What Dagster loads: a snapshot of all definitions, and what holds for each of them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from orchestration.components.resources import workspace
from orchestration.dbt_project import GRAPH_FOLDER, parse_into
from orchestration.definitions import defs

from .flow_helpers import ROOT, Demo

# Parsing the project and loading all definitions is done once, by whichever test comes first.
pytestmark = pytest.mark.timeout(300)

SNAPSHOT = Path(__file__).with_name("definitions.txt")
# What a person's shell may hold, and what the definitions may not depend on.
VARIABLES = ("PAYDOWN_", "DAGSTER_", "DBT_")


@pytest.fixture(scope="module")
def definitions() -> Iterator[dg.Definitions]:
    with pytest.MonkeyPatch.context() as patch:
        for name in [n for n in os.environ if n.startswith(VARIABLES)]:
            patch.delenv(name)
        parse_into(GRAPH_FOLDER)
        yield defs()


@pytest.fixture(scope="module")
def specs(definitions: dg.Definitions) -> list[dg.AssetSpec]:
    return sorted(definitions.resolve_all_asset_specs(), key=lambda spec: spec.key)


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as ephemeral:
        yield ephemeral


def test_all_definitions_are_as_they_were(
    definitions: dg.Definitions, specs: list[dg.AssetSpec]
) -> None:
    """Where a difference is meant: SNAPSHOTS=write pytest tests/python/test_definitions.py."""
    repository = definitions.get_repository_def()
    graph = definitions.resolve_asset_graph()
    pools = {
        key: node.definition.pool
        for node in definitions.resolve_job_def("paydown").nodes_in_topological_order
        if isinstance(node.definition, dg.OpDefinition)
        for key in [node.name]
    }
    retried = {
        asset.key
        for asset in definitions.assets or []
        if isinstance(asset, dg.AssetsDefinition) and asset.op.retry_policy
    }
    lines = [
        f"asset {spec.key.to_user_string()} [{spec.group_name}] <- "
        + (", ".join(sorted(dep.asset_key.to_user_string() for dep in spec.deps)) or "nothing")
        + (", fresh" if spec.freshness_policy else "")
        + (", retried" if spec.key in retried else "")
        + ("" if spec.automation_condition else ", idle")
        for spec in specs
    ]
    keys = graph.asset_check_keys
    lines += sorted(f"check {key.name} of {key.asset_key.to_user_string()}" for key in keys)
    lines += sorted(f"op {name} in pool {pool}" for name, pool in pools.items())
    lines += sorted(f"job {name}" for name in repository.job_names)
    lines += [f"schedule {one.name} {one.cron_schedule}" for one in repository.schedule_defs]
    lines += sorted(f"sensor {s.name} {s.default_status.value}" for s in repository.sensor_defs)
    lines += sorted(f"resource {name}" for name in repository.get_top_level_resources())
    text = "\n".join(lines) + "\n"
    if os.environ.get("SNAPSHOTS") == "write":
        SNAPSHOT.write_text(text, encoding="utf-8")
    assert text == SNAPSHOT.read_text(encoding="utf-8")
    assert not [s.key for s in specs if not (s.description and s.owners and s.kinds)]
    assert not [key for key in keys if not graph.get_check_spec(key).description]


def test_the_days_that_can_be_scored_begin_on_a_fixed_day(specs: list[dg.AssetSpec]) -> None:
    (days,) = [s.partitions_def for s in specs if s.key == dg.AssetKey(["score_days"])]
    assert isinstance(days, dg.DailyPartitionsDefinition)
    assert days.get_first_partition_key() == "2020-01-01"
    assert (days.get_last_partition_key() or "") >= date.today().isoformat()[:7]


def test_loading_reads_no_environment_writes_nothing_and_warns_of_nothing(tmp_path: Path) -> None:
    """In production: without a home, without a manifest it says what to do, with one it loads."""
    script = (
        "import warnings; warnings.simplefilter('error')\n"
        "import orchestration.definitions as module\n"
        "assert 'dagster_dbt' not in __import__('sys').modules\n"
        "module.defs(); import os; assert 'PAYDOWN_WAREHOUSE' not in os.environ\n"
    )
    kept = {k: v for k, v in os.environ.items() if not k.startswith(VARIABLES)}
    environment = kept | {"PAYDOWN_HOME": str(tmp_path / "home"), "PAYDOWN_SOURCES": "git"}
    parse_into(GRAPH_FOLDER)
    loaded = subprocess.run(
        [sys.executable, "-c", script],
        cwd=ROOT, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert loaded.returncode == 0, loaded.stderr[-2000:]
    assert not (tmp_path / "home").exists()


@pytest.mark.slow
def test_dg_reports_nothing() -> None:
    parse_into(GRAPH_FOLDER)
    environment = os.environ | {"VIRTUAL_ENV": str(Path(sys.prefix))}
    checked = subprocess.run(
        [str(Path(sys.executable).with_name("dg")), "check", "defs"],
        cwd=ROOT, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    text = checked.stdout + checked.stderr
    assert checked.returncode == 0, text
    assert "All definitions loaded successfully" in text
    assert "warning" not in text.lower()


# --- sensors -----------------------------------------------------------------------------------


def tick(
    definitions: dg.Definitions, instance: dg.DagsterInstance, name: str, cursor: str | None = None
) -> Any:
    """One tick of a sensor with the resources of the environment."""
    repository = definitions.get_repository_def()
    with dg.build_sensor_context(
        instance,
        cursor=cursor,
        repository_def=repository,
        resources={"workspace": workspace()},
    ) as context:
        return repository.get_sensor_def(name).evaluate_tick(context)


def test_a_file_that_lands_requests_one_run_and_what_runs_write_none(
    definitions: dg.Definitions,
    instance: dg.DagsterInstance,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    landing = tmp_path / "landing"
    for folder in ("postmortems", "pagerduty", "backstage/git", "paydown"):
        (landing / folder).mkdir(parents=True)
    monkeypatch.setenv("PAYDOWN_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PAYDOWN_LANDING", str(landing))
    monkeypatch.setenv("PAYDOWN_SOURCES", "pagerduty,git")
    postmortem = landing / "postmortems" / "2026-06-01.md"

    def landed(cursor: str) -> str:
        """The new cursor where a run is requested, else nothing."""
        result = tick(definitions, instance, "landing_folder", cursor)
        return result.cursor if result.run_requests else ""

    seen = landed("")
    assert seen
    for written in ("pagerduty/incidents.json", "backstage/git/a.yaml", "paydown/syncs.json"):
        (landing / written).write_text("{}")
    assert not landed(seen)
    postmortem.write_text("# Postmortem")
    os.utime(postmortem, (10**9, 10**9))
    seen = landed(seen)
    assert seen
    # A replacement that is older than what it replaces.
    postmortem.write_text("# Postmortem, restored")
    os.utime(postmortem, (10**8, 10**8))
    assert landed(seen)


def test_runs_on_the_command_line_are_shown_in_dagster(
    definitions: dg.Definitions,
    instance: dg.DagsterInstance,
    demo: Demo,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PAYDOWN_HOME", str(demo.site.home))
    result = tick(definitions, instance, "command_line_runs")
    events = result.asset_events
    keys = {e.asset_key.to_user_string() for e in events if isinstance(e, dg.AssetMaterialization)}
    assert {"paydown/loads", "fct_service_scores", "analysts_copy", "epics", "score_days"} <= keys
    (report,) = demo.site.home.glob("runs/*T*-*.json")
    checks = json.loads(report.read_text(encoding="utf-8"))["checks"]
    evaluations = [e for e in events if isinstance(e, dg.AssetCheckEvaluation)]
    assert {e.check_name for e in evaluations} == {check["name"] for check in checks}
    assert {e.check_name for e in evaluations if not e.passed} == {"nothing_quarantined"}
    days = {e.partition for e in events if isinstance(e, dg.AssetMaterialization) and e.partition}
    assert "2026-06-26" in days
    assert not tick(definitions, instance, "command_line_runs", result.cursor).asset_events


def test_every_check_that_is_no_dbt_test_has_a_line_in_the_runbook(
    definitions: dg.Definitions,
) -> None:
    manifest = json.loads((GRAPH_FOLDER / "manifest.json").read_text(encoding="utf-8"))
    tests = {node["name"] for node in manifest["nodes"].values()}
    checks = {key.name for key in definitions.resolve_asset_graph().asset_check_keys} - tests
    assert len(checks) >= 6
    runbook = (ROOT / "docs" / "runbooks" / "failed-check.md").read_text(encoding="utf-8")
    lines = [line.partition("|")[2].partition("|")[0] for line in runbook.splitlines()]
    assert [name for name in sorted(checks) if not any(name in line for line in lines)] == []
