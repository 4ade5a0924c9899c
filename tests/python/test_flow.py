"""When a run builds the models again, and what it leaves behind; the steps are stand-ins."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from orchestration import flow, steps
from orchestration.dbt_project import DbtError, DbtResult, NodeOutcome
from orchestration.epics.report import EpicsReport
from orchestration.flow import FlowResult, run_flow
from orchestration.loader import LoadReport
from orchestration.publish.analyst_copy import PublishedCopy
from orchestration.settings import Settings
from orchestration.steps import Check

NOW = datetime(2026, 6, 26, 16, 10, tzinfo=UTC)
MODEL = NodeOutcome("model.paydown.fct_incidents", "success", 0.1)
TEST = NodeOutcome("test.paydown.fct_incidents_rules.abc", "pass")


class Steps:
    """Stand-ins for the steps, with what the next run meets."""

    def __init__(self) -> None:
        self.loaded = LoadReport()
        self.checks: list[Check] = []
        self.built: DbtResult | Exception = DbtResult(True, [MODEL, TEST])
        self.epics = EpicsReport(run_id="1", tracker="local", dry_run=False)
        self.done: list[str] = []
        self.clocks = [NOW]

    def load(self, settings: Settings, **_: object) -> tuple[LoadReport, list[Check]]:
        self.done.append("load")
        settings.warehouse.touch()
        os.utime(settings.warehouse, ns=(1, 1))
        return self.loaded, self.checks

    def run_dbt(self, settings: Settings, *_: object) -> DbtResult:
        self.done.append("dbt")
        if isinstance(self.built, Exception):
            raise self.built
        return self.built

    def publish(self, settings: Settings) -> PublishedCopy:
        self.done.append("publish")
        settings.published_database.parent.mkdir(parents=True, exist_ok=True)
        settings.published_database.touch()
        return PublishedCopy(settings.published_database, settings.home, {"a": 2}, True)

    def open_epics(self, *_: object) -> tuple[EpicsReport, Check]:
        self.done.append("epics")
        return self.epics, Check("epics", "tracker_took_everything", self.epics.is_clean)


@pytest.fixture
def stand_in(monkeypatch: pytest.MonkeyPatch) -> Steps:
    stand_in = Steps()
    monkeypatch.setattr(steps, "load", stand_in.load)
    monkeypatch.setattr(steps, "run_dbt", stand_in.run_dbt)
    monkeypatch.setattr(steps, "publish", stand_in.publish)
    monkeypatch.setattr(steps, "open_epics", stand_in.open_epics)
    monkeypatch.setattr(steps, "scored_days", lambda _: [date(2026, 6, 26)])
    # What a run exports is restored with the test's environment.
    for name in ("PAYDOWN_WAREHOUSE", "DBT_TARGET_PATH", "DBT_LOG_PATH", "DBT_PROFILES_DIR"):
        monkeypatch.setenv(name, "")
    return stand_in


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    (tmp_path / "landing").mkdir()
    home, landing = str(tmp_path / "home"), str(tmp_path / "landing")
    settings = Settings.from_environment({"PAYDOWN_HOME": home, "PAYDOWN_LANDING": landing})
    return replace(settings, as_of=NOW)


def run(settings: Settings) -> FlowResult:
    return run_flow(settings, lambda _: None)


Change = Callable[[Settings, Steps], object]
CHANGES: dict[str, Change] = {
    "a file landed": lambda _, stand_in: setattr(stand_in.loaded, "files_loaded", 1),
    "a file is gone": lambda _, stand_in: setattr(stand_in.loaded, "files_removed", 1),
    "a replay, a back-fill": lambda settings, _: settings.warehouse.write_text("changed"),
    "no analysts' copy": lambda settings, _: settings.published_database.unlink(),
    "a model was edited": lambda settings, _: os.utime(settings.home / "model.sql", ns=(9, 9)),
    "the clock moved": lambda _, stand_in: stand_in.clocks.append(NOW + timedelta(days=1)),
    "nothing": lambda *_: None,
}


@pytest.mark.parametrize("change", CHANGES)
def test_models_are_built_again_only_where_something_is_new(
    settings: Settings, stand_in: Steps, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    settings.home.mkdir()
    (settings.home / "model.sql").touch()
    monkeypatch.setattr(flow, "project_files", lambda: [settings.home / "model.sql"])
    assert run(settings).is_built
    assert stand_in.done == ["load", "dbt", "publish", "epics"]
    stand_in.done.clear()
    CHANGES[change](settings, stand_in)
    result = run(replace(settings, as_of=stand_in.clocks[-1]))
    assert result.is_clean
    assert result.is_built == (change != "nothing")
    # The tracker is asked every time: what it rejected, and what was left open, is tried again.
    built = ["dbt", "publish"] if result.is_built else []
    assert stand_in.done == ["load", *built, "epics"]


def test_with_a_moving_clock_models_are_built_once_an_hour(
    settings: Settings, stand_in: Steps, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = replace(settings, as_of=None)
    built = []
    for minutes in (0, 30, 49, 50, 59):
        monkeypatch.setattr(Settings, "now", lambda _, m=minutes: NOW + timedelta(minutes=m))
        built.append(run(settings).is_built)
    assert built == [True, False, False, True, False]


@pytest.mark.parametrize(
    "built",
    [DbtError("Compilation Error"), DbtResult(False, [MODEL, replace(TEST, status="fail")])],
)
def test_a_build_that_failed_stops_the_run_and_is_tried_again(
    settings: Settings, stand_in: Steps, built: DbtResult | Exception
) -> None:
    run(settings)
    stand_in.loaded.files_loaded, stand_in.built = 1, built
    stand_in.done.clear()
    failed = run(settings)
    assert not failed.succeeded
    assert "dbt" in failed.error
    assert stand_in.done == ["load", "dbt"]
    # The load of the failed run brought everything; the models must not count as current.
    stand_in.loaded, stand_in.built = LoadReport(), DbtResult(True, [MODEL, TEST])
    assert run(settings).is_built


def test_invalid_configuration_stops_before_anything_is_computed(
    settings: Settings, stand_in: Steps
) -> None:
    stand_in.checks = [Check(steps.LOADS, steps.BLOCKING, False, "scoring.yaml:3: wrong")]
    result = run(settings)
    assert (result.succeeded, result.error) == (False, "scoring.yaml:3: wrong")
    assert stand_in.done == ["load"]


def test_every_run_leaves_a_report(settings: Settings, stand_in: Steps) -> None:
    results = [run(settings) for _ in range(2)]
    reports = [json.loads(p.read_text()) for p in sorted(settings.runs.glob("*T*-*.json"))]
    assert [report["run_id"] for report in reports] == [result.run_id for result in results]
    assert {"fct_incidents", "analysts_copy", "epics"} <= set(reports[0]["assets"])
    assert "fct_incidents" not in reports[1]["assets"]
    assert [c["name"] for c in reports[0]["checks"]] == [
        "fct_incidents_rules",
        "tracker_took_everything",
    ]
    assert reports[0]["scored_days"] == ["2026-06-26"]
    assert not list(settings.runs.glob("*.part"))
