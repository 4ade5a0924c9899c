"""When a run builds the models again, and what it leaves behind; the steps are stand-ins."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

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


@dataclass
class Steps:
    """Stand-ins for the steps, with what the next run meets, and its settings."""

    settings: Settings
    loaded: LoadReport = field(default_factory=LoadReport)
    checks: list[Check] = field(default_factory=list)
    built: DbtResult | Exception = field(default_factory=lambda: DbtResult(True, [MODEL, TEST]))
    done: list[str] = field(default_factory=list)

    def load(self, settings: Settings, **_: object) -> tuple[LoadReport, list[Check]]:
        self.done.append("load")
        settings.warehouse.touch()
        os.utime(settings.warehouse, ns=(1, 1))
        return self.loaded, self.checks

    def run_dbt(self, *_: object) -> DbtResult:
        self.done.append("dbt")
        if isinstance(self.built, Exception):
            raise self.built
        return self.built

    def publish(self, settings: Settings) -> PublishedCopy:
        self.done.append("publish")
        settings.published_database.parent.mkdir(parents=True, exist_ok=True)
        settings.published_database.touch()
        return PublishedCopy(settings.published_database, {"a": 2}, True)

    def write_page(self, settings: Settings) -> Path:
        settings.published_page.touch()
        return settings.published_page

    def open_epics(self, *_: object) -> tuple[EpicsReport, Check]:
        self.done.append("epics")
        report = EpicsReport(run_id="1", tracker="local", dry_run=False)
        return report, Check("epics", "tracker_took_everything", report.is_clean)

    def run(self) -> FlowResult:
        self.done.clear()
        return run_flow(self.settings, lambda _: None)


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Steps:
    home = str(tmp_path / "home")
    settings = Settings.from_environment({"PAYDOWN_HOME": home, "PAYDOWN_LANDING": str(tmp_path)})
    stand_in = Steps(replace(settings, as_of=NOW))
    for name in ("load", "run_dbt", "publish", "write_page", "open_epics"):
        monkeypatch.setattr(steps, name, getattr(stand_in, name))
    monkeypatch.setattr(steps, "scored_days", lambda _: [date(2026, 6, 26)])
    # What a run exports is restored with the test's environment.
    for name in ("PAYDOWN_WAREHOUSE", "DBT_TARGET_PATH", "DBT_LOG_PATH", "DBT_PROFILES_DIR"):
        monkeypatch.setenv(name, "")
    (tmp_path / "model.sql").touch()
    monkeypatch.setattr(flow, "project_files", lambda: [tmp_path / "model.sql"])
    return stand_in


def moved_clock(site: Steps) -> None:
    site.settings = replace(site.settings, as_of=NOW + timedelta(days=1))


CHANGES: dict[str, Callable[[Steps], Any]] = {
    "a file landed": lambda site: setattr(site.loaded, "files_loaded", 1),
    "a file is gone": lambda site: setattr(site.loaded, "files_removed", 1),
    "a replay, a back-fill": lambda site: site.settings.warehouse.write_text("changed"),
    "no analysts' copy": lambda site: site.settings.published_database.unlink(),
    "no page": lambda site: site.settings.published_page.unlink(),
    "a model was edited": lambda site: os.utime(site.settings.landing / "model.sql", ns=(9, 9)),
    "the clock moved": moved_clock,
    "nothing": lambda _: None,
}


@pytest.mark.parametrize("change", CHANGES)
def test_models_are_built_again_only_where_something_is_new(site: Steps, change: str) -> None:
    assert site.run().is_built
    assert site.done == ["load", "dbt", "publish", "epics"]
    CHANGES[change](site)
    result = site.run()
    assert result.is_clean
    assert result.is_built == (change != "nothing")
    # The tracker is asked every time: what it rejected, and what was left open, is tried again.
    assert site.done == ["load", *(["dbt", "publish"] if result.is_built else []), "epics"]


def test_with_a_moving_clock_models_are_built_once_an_hour(
    site: Steps, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.settings = replace(site.settings, as_of=None)
    built = []
    for minutes in (0, 30, 49, 50, 59):
        monkeypatch.setattr(Settings, "now", lambda _, m=minutes: NOW + timedelta(minutes=m))
        built.append(site.run().is_built)
    assert built == [True, False, False, True, False]


@pytest.mark.parametrize(
    "built",
    [DbtError("Compilation Error"), DbtResult(False, [MODEL, replace(TEST, status="fail")])],
)
def test_a_build_that_failed_stops_the_run_and_is_tried_again(
    site: Steps, built: DbtResult | Exception
) -> None:
    site.run()
    site.loaded.files_loaded, site.built = 1, built
    failed = site.run()
    assert not failed.succeeded
    assert "dbt" in failed.error
    assert site.done == ["load", "dbt"]
    # The load of the failed run brought everything; the models must not count as current.
    site.loaded, site.built = LoadReport(), DbtResult(True, [MODEL, TEST])
    assert site.run().is_built


def test_every_run_leaves_a_report(site: Steps) -> None:
    results = [site.run() for _ in range(2)]
    site.checks = [Check(steps.LOADS, steps.BLOCKING, False, "scoring.yaml:3: wrong")]
    results.append(site.run())
    assert (results[2].succeeded, results[2].error) == (False, "scoring.yaml:3: wrong")
    assert site.done == ["load"]
    paths = sorted(site.settings.runs.glob("*T*-*.json"))
    reports = [json.loads(path.read_text()) for path in paths]
    assert [report["run_id"] for report in reports] == [result.run_id for result in results]
    assert [report["succeeded"] for report in reports] == [True, True, False]
    assert {"fct_incidents", "analysts_copy", "review_page", "epics"} <= set(reports[0]["assets"])
    assert "fct_incidents" not in reports[1]["assets"]
    names = [check["name"] for check in reports[0]["checks"]]
    assert names == ["fct_incidents_rules", "tracker_took_everything"]
    assert reports[0]["scored_days"] == ["2026-06-26"]
    assert not list(site.settings.runs.glob("*.part"))


@pytest.mark.parametrize("name", ["replace_file", "_state"])
def test_a_full_disk_is_reported_and_hides_no_other_failure(
    site: Steps, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    def fail(*_: object) -> str:
        raise OSError(errno.ENOSPC, "No space left on device")

    site.run()
    monkeypatch.setattr(flow, name, fail)
    result = site.run()
    assert not result.is_clean
    assert "No space left on device" in result.error
    if name == "replace_file":
        site.built, site.loaded.files_loaded = DbtError("model x failed"), 1
        assert "model x failed" in site.run().error
