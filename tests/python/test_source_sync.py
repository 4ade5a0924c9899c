"""The asset of a source: a sync that stops is retried, then fails its check and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any, cast

import dagster as dg
import pytest
import yaml

from orchestration.components import source_sync
from orchestration.components.resources import Workspace, workspace
from orchestration.components.source_sync import SourceSync, api_key, sync_key
from orchestration.documents import load_model
from orchestration.http import AccessError
from orchestration.landing import last_sync
from orchestration.settings import Settings
from orchestration.vendors import SOURCE_NAMES
from orchestration.vendors.sources import Sources
from orchestration.vendors.sync import state_folder, sync_sources

from .fake_sources import FakeConfig, FakeSources, asked_since, fake_settings
from .flow_helpers import ROOT
from .loopback import landed

QUIET_LOGS = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
NO_CONTEXT = cast(dg.ComponentLoadContext, None)
Shown = tuple[bool, str]


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    settings = fake_settings(tmp_path, monkeypatch, "good", "refusing", "breaking")
    monkeypatch.setattr(Workspace, "settings", lambda _: settings)
    return settings


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as ephemeral:
        yield ephemeral


def checked(
    instance: dg.DagsterInstance, *names: str, retries: int = 0, since: str = ""
) -> dict[str, Shown]:
    """A run of the sources and of a load that comes after them: source -> whether its check
    passed, and the problem."""

    @dg.asset(deps=[sync_key(name) for name in names])
    def load() -> None: ...

    components = [SourceSync(source=n, retries=retries, retry_seconds=0) for n in names]
    definitions = dg.Definitions.merge(
        *(component.build_defs(NO_CONTEXT) for component in components),
        dg.Definitions(
            assets=[load],
            jobs=[dg.define_asset_job("job")],
            resources={"workspace": workspace()},
            executor=dg.in_process_executor,
        ),
    )
    config: dict[str, Any] = dict(QUIET_LOGS)
    if since:
        config["ops"] = {f"{names[0]}__sync": {"config": {"since": since}}}
    job = definitions.resolve_job_def("job")
    result = job.execute_in_process(instance=instance, run_config=config, raise_on_error=False)
    assert result.success
    done = {event.asset_key for event in result.get_asset_materialization_events()}
    assert {dg.AssetKey(["load"]), *map(sync_key, names)} <= done
    return {
        one.asset_key.path[0]: (one.passed, str(one.metadata["problems"].value))
        for one in result.get_asset_check_evaluations()
    }


def test_what_stops_fails_its_check_and_keeps_nothing_from_running(
    settings: Settings, instance: dg.DagsterInstance
) -> None:
    found = checked(instance, *settings.sources)
    assert found["good"] == (True, "none")
    problem = "- `refusing: TOKEN is not set; put a token there (owner: team-b)`"
    assert found["refusing"] == (False, problem)
    passed, problem = found["breaking"]
    assert not passed
    assert "RuntimeError at fake_sources.py" in problem
    assert "verysecret" not in problem
    for source, status in (("good", "complete"), ("refusing", "stopped"), ("breaking", "failed")):
        assert [record["n"] for record in landed(settings.landing, source)] == [0, 1, 2]
        assert last_sync(state_folder(settings), source)["status"] == status
        # Only a complete sync makes its source fresh.
        event = instance.get_latest_materialization_event(api_key(source))
        assert bool(event) == (status == "complete")
        if event and event.asset_materialization:
            assert event.asset_materialization.metadata["records"].value == 3


def test_a_source_alone_is_retried_by_its_own_policy(
    settings: Settings, instance: dg.DagsterInstance
) -> None:
    assert not checked(instance, "refusing", retries=2)["refusing"][0]
    assert len(asked_since) == 3


def test_one_source_can_be_read_again_from_a_day_on(
    settings: Settings, instance: dg.DagsterInstance
) -> None:
    checked(instance, "good", since="2024-01-01")
    assert asked_since == [date(2024, 1, 1)]


def test_a_source_that_is_switched_off_does_nothing(
    settings: Settings, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Workspace, "settings", lambda _: replace(settings, sources=()))
    assert checked(instance, "refusing")["refusing"] == (True, "none")
    assert list(settings.landing.iterdir()) == [settings.landing / "postmortems"]
    assert not state_folder(settings).exists()


@pytest.mark.parametrize(
    ("source", "window"),
    # Dagster accepts nothing shorter than a minute.
    [("good", timedelta(hours=3)), ("refusing", timedelta(minutes=1))],
)
def test_a_source_has_a_freshness_policy_from_its_settings(
    monkeypatch: pytest.MonkeyPatch, source: str, window: timedelta
) -> None:
    monkeypatch.setattr(source_sync, "configured_sources", lambda _: FakeSources())
    spec = next(iter(SourceSync(source=source).build_defs(NO_CONTEXT).assets or []))
    assert isinstance(spec, dg.AssetSpec)
    assert spec.freshness_policy == dg.FreshnessPolicy.time_window(fail_window=window)
    assert f"belongs to {getattr(FakeSources(), source).owner}" in str(spec.description)


def test_a_wrong_file_fails_every_source_and_keeps_the_load_running(
    tmp_path: Path, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = SOURCE_NAMES[0]
    (tmp_path / "sources.yaml").write_text(f"{name}:\n  ownr: me\n")
    folders = ("PAYDOWN_HOME", "PAYDOWN_LANDING", "PAYDOWN_MODERNIZATION")
    environment = dict.fromkeys(folders, str(tmp_path)) | {"PAYDOWN_SOURCES": name}
    settings = Settings.from_environment(environment)
    monkeypatch.setattr(Workspace, "settings", lambda _: settings)
    passed, problem = checked(instance, name)[name]
    assert not passed
    assert "sources.yaml:2" in problem
    assert "write owner" in problem


def test_since_reads_again_and_a_sync_that_cannot_begin_forgets_nothing(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise AccessError("no token")

    def records(since: date | None = None) -> int:
        return sync_sources(settings, ["good"], since=since)[0].records

    day = date(2024, 1, 1)
    assert [records(), records(), records(day)] == [3, 0, 3]
    assert asked_since == [None, None, day]
    with monkeypatch.context() as patch:
        patch.setattr(FakeConfig, "extractor", refuse)
        records(day)
    assert records() == 0


def test_the_file_that_ships_names_every_source_with_its_defaults() -> None:
    path = ROOT / "modernization" / "sources.yaml"
    assert load_model(path, Sources) == Sources()
    named = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert tuple(named) == SOURCE_NAMES
    assert all({"owner", "fresh_within_hours"} <= set(source) for source in named.values())
