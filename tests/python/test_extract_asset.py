"""The step that syncs: one source's fault stops neither the others nor the load, and is told."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import yaml

from orchestration.assets.extract import EXTRACT, extract_assets, source_key
from orchestration.automation import fingerprint, landing_sensor
from orchestration.documents import READERS, load_model
from orchestration.flow import QUIET_LOGS
from orchestration.http import AccessError
from orchestration.landing import Landing, last_sync
from orchestration.settings import Settings
from orchestration.vendors import SOURCE_NAMES
from orchestration.vendors import sync as extract_run
from orchestration.vendors.base import Context, SourceConfig
from orchestration.vendors.sources import Sources
from orchestration.vendors.sync import state_folder, sync_sources

from .flow_helpers import ROOT
from .loopback import landed

asked_since: list[date | None] = []


@dataclass
class Fake:
    """A source of three numbers; which of its ways to fail it takes is in its settings."""

    how: str
    since: date | None
    requests: int = 0

    def check(self) -> str:
        if self.how == "refuses":
            raise AccessError("refusing: TOKEN is not set; put a token there")
        return "three numbers"

    def sync(self, landing: Landing) -> None:
        self.requests += 2
        asked_since.append(self.since)
        begin = landing.cursors.get("next", 0)
        landing.append("numbers", ({"n": n} for n in range(begin, 3)))
        landing.commit(next=3)
        if self.how == "refuses":
            raise AccessError("refusing: TOKEN is not set; put a token there")
        if self.how == "breaks":
            raise RuntimeError("Bearer verysecret")


class FakeConfig(SourceConfig):
    how: str = "works"

    def extractor(self, context: Context) -> Fake:
        return Fake(self.how, self.since)


class FakeSources(Sources):
    working: FakeConfig = FakeConfig(owner="team-a")
    refusing: FakeConfig = FakeConfig(owner="team-b", how="refuses", fresh_within_hours=0.001)
    breaking: FakeConfig = FakeConfig(owner="team-c", how="breaks")


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Three fake sources, all switched on."""
    monkeypatch.setattr(extract_run, "read_sources", lambda _: FakeSources())
    (tmp_path / "landing").mkdir()
    environment = {
        "PAYDOWN_HOME": str(tmp_path / "home"),
        "PAYDOWN_LANDING": str(tmp_path / "landing"),
    }
    asked_since.clear()
    return replace(
        Settings.from_environment(environment), sources=("working", "refusing", "breaking")
    )


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as ephemeral:
        yield ephemeral


def execute(settings: Settings, instance: dg.DagsterInstance) -> Any:
    """A run of the step and of a load that waits for it."""

    @dg.asset(deps=[EXTRACT])
    def load() -> None: ...

    definitions = dg.Definitions(
        assets=[*extract_assets(settings), load],
        jobs=[dg.define_asset_job("job")],
        executor=dg.in_process_executor,
    )
    job = definitions.resolve_job_def("job")
    return job.execute_in_process(instance=instance, run_config=QUIET_LOGS)


def checks(result: Any) -> dict[str, tuple[bool, str]]:
    return {
        one.check_name: (one.passed, str(one.metadata["problem"].value))
        for one in result.get_asset_check_evaluations()
    }


def test_what_stops_fails_its_check_and_nothing_else(
    settings: Settings, instance: dg.DagsterInstance
) -> None:
    result = execute(settings, instance)
    assert result.success
    done = {event.asset_key for event in result.get_asset_materialization_events()}
    assert dg.AssetKey(["load"]) in done
    assert EXTRACT in done
    found = checks(result)
    assert found["working_is_complete"] == (True, "none")
    passed, problem = found["refusing_is_complete"]
    assert not passed
    assert problem == "refusing: TOKEN is not set; put a token there (owner: team-b)"
    passed, problem = found["breaking_is_complete"]
    assert not passed
    assert "RuntimeError at test_extract_asset.py" in problem
    assert "verysecret" not in problem
    assert all(
        one.severity == dg.AssetCheckSeverity.ERROR for one in result.get_asset_check_evaluations()
    )
    for source in settings.sources:
        assert [record["n"] for record in landed(settings.landing, source)] == [0, 1, 2]


def test_only_a_complete_sync_makes_its_source_fresh(
    settings: Settings, instance: dg.DagsterInstance
) -> None:
    execute(settings, instance)
    fresh = {
        name
        for name in settings.sources
        if instance.get_latest_materialization_event(source_key(name))
    }
    assert fresh == {"working"}
    event = instance.get_latest_materialization_event(source_key("working"))
    assert event
    assert event.asset_materialization
    assert event.asset_materialization.metadata["records"].value == 3
    assert event.asset_materialization.metadata["requests"].value == 2
    assert last_sync(state_folder(settings), "refusing")["status"] == "stopped"
    assert last_sync(state_folder(settings), "breaking")["status"] == "failed"


def test_a_source_has_a_freshness_policy_from_its_settings(settings: Settings) -> None:
    specs = {a.key: a for a in extract_assets(settings) if isinstance(a, dg.AssetSpec)}
    assert set(specs) == {source_key(name) for name in settings.sources}
    policy = specs[source_key("working")].freshness_policy
    assert policy == dg.FreshnessPolicy.time_window(fail_window=timedelta(hours=3))
    assert "team-a" in str(specs[source_key("working")].description)
    # Dagster takes nothing shorter than a minute.
    shortest = dg.FreshnessPolicy.time_window(fail_window=timedelta(minutes=1))
    assert specs[source_key("refusing")].freshness_policy == shortest


def test_without_a_source_it_does_nothing(settings: Settings, instance: dg.DagsterInstance) -> None:
    result = execute(replace(settings, sources=()), instance)
    assert result.success
    assert checks(result) == {}
    assert list(settings.landing.rglob("*")) == []
    assert not state_folder(settings).exists()


def test_a_wrong_file_fails_every_source_and_keeps_the_load_running(
    tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    (tmp_path / "landing").mkdir()
    (tmp_path / "sources.yaml").write_text(f"{SOURCE_NAMES[0]}:\n  ownr: me\n")
    settings = Settings.from_environment(
        {
            "PAYDOWN_HOME": str(tmp_path / "home"),
            "PAYDOWN_LANDING": str(tmp_path / "landing"),
            "PAYDOWN_MODERNIZATION": str(tmp_path),
            "PAYDOWN_SOURCES": SOURCE_NAMES[0],
        }
    )
    result = execute(settings, instance)
    assert result.success
    passed, problem = checks(result)[f"{SOURCE_NAMES[0]}_is_complete"]
    assert not passed
    assert "sources.yaml:2" in problem
    assert "write owner" in problem


def test_progress_is_printed_for_the_screen(
    settings: Settings,
    instance: dg.DagsterInstance,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def speaking(self: FakeConfig, context: Context) -> Fake:
        context.progress("working numbers 2026-05: 3")
        return Fake(self.how, self.since)

    monkeypatch.setattr(FakeConfig, "extractor", speaking)
    execute(replace(settings, sources=("working",)), instance)
    assert "sync: working numbers 2026-05: 3" in capsys.readouterr().out


def test_since_reads_again_from_that_day_and_no_sync_that_fails_at_once_forgets(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ["working"]
    sync_sources(settings, names)
    assert sync_sources(settings, names)[0].records == 0
    (again,) = sync_sources(settings, names, since=date(2024, 1, 1))
    assert again.records == 3
    assert asked_since == [None, None, date(2024, 1, 1)]
    assert sync_sources(settings, names)[0].records == 0

    def no_token(*_: object) -> Fake:
        raise AccessError("no token")

    monkeypatch.setattr(FakeConfig, "extractor", no_token)
    sync_sources(settings, names, since=date(2024, 1, 1))
    monkeypatch.undo()
    monkeypatch.setattr(extract_run, "read_sources", lambda _: FakeSources())
    assert sync_sources(settings, names)[0].records == 0


def test_what_syncs_write_starts_no_run(settings: Settings, instance: dg.DagsterInstance) -> None:
    """Else each run would start the next one."""
    sensor = landing_sensor(settings)
    settings_file = settings.landing / "postmortems"
    settings_file.mkdir()
    first = sensor.evaluate_tick(dg.build_sensor_context(instance))
    sync_sources(settings, ["working"])
    second = sensor.evaluate_tick(dg.build_sensor_context(instance, cursor=first.cursor))
    assert not second.run_requests
    (settings_file / "2026-06-01.md").write_text("# Postmortem")
    third = sensor.evaluate_tick(dg.build_sensor_context(instance, cursor=second.cursor))
    assert third.run_requests
    assert fingerprint([settings.landing]) != third.cursor


def test_the_owners_reach_the_warehouse_with_their_defaults(tmp_path: Path) -> None:
    path = tmp_path / "sources.yaml"
    path.write_text(f"{SOURCE_NAMES[0]}: {{owner: team-x}}\n")
    (line,) = READERS["sources"](path)
    assert line.reason is None
    assert (
        f'{{"source": "{SOURCE_NAMES[0]}", "owner": "team-x", "fresh_within_hours": ' in line.text
    )
    assert line.text.count('"source":') == len(SOURCE_NAMES)
    path.write_text("nobody: {}\n")
    (line,) = READERS["sources"](path)
    assert line.reason


def test_the_file_that_ships_names_every_source_with_its_defaults() -> None:
    path = ROOT / "modernization" / "sources.yaml"
    assert load_model(path, Sources) == Sources()
    named = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert tuple(named) == SOURCE_NAMES
    assert all({"owner", "fresh_within_hours"} <= set(source) for source in named.values())
