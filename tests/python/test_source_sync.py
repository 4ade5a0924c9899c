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


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    settings = fake_settings(tmp_path, monkeypatch, "good", "refusing", "breaking")
    monkeypatch.setattr(Workspace, "settings", lambda _: settings)
    return settings


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as ephemeral:
        yield ephemeral


def execute(
    instance: dg.DagsterInstance, names: tuple[str, ...], retries: int = 0, since: str = ""
) -> dg.ExecuteInProcessResult:
    """A run of the sources and of a load that comes after them."""

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
    return job.execute_in_process(instance=instance, run_config=config, raise_on_error=False)


def checks(result: dg.ExecuteInProcessResult) -> dict[str, tuple[bool, str]]:
    """Source -> whether its check passed, and the problem."""
    return {
        one.asset_key.path[0]: (one.passed, str(one.metadata["problems"].value))
        for one in result.get_asset_check_evaluations()
    }


def test_what_stops_fails_its_check_and_keeps_nothing_from_running(
    settings: Settings, instance: dg.DagsterInstance
) -> None:
    result = execute(instance, settings.sources)
    assert result.success
    done = {event.asset_key for event in result.get_asset_materialization_events()}
    assert {dg.AssetKey(["load"]), *map(sync_key, settings.sources)} <= done
    found = checks(result)
    assert found["good"] == (True, "none")
    problem = "- `refusing: TOKEN is not set; put a token there (owner: team-b)`"
    assert found["refusing"] == (False, problem)
    passed, problem = found["breaking"]
    assert not passed
    assert "RuntimeError at fake_sources.py" in problem
    assert "verysecret" not in problem
    for source in settings.sources:
        assert [record["n"] for record in landed(settings.landing, source)] == [0, 1, 2]
    # Only a complete sync makes its source fresh.
    fresh = [s for s in settings.sources if instance.get_latest_materialization_event(api_key(s))]
    assert fresh == ["good"]
    event = instance.get_latest_materialization_event(api_key("good"))
    assert event
    assert event.asset_materialization
    assert event.asset_materialization.metadata["records"].value == 3
    assert last_sync(state_folder(settings), "refusing")["status"] == "stopped"
    assert last_sync(state_folder(settings), "breaking")["status"] == "failed"


def test_a_source_alone_is_retried_by_its_own_policy(
    settings: Settings, instance: dg.DagsterInstance
) -> None:
    result = execute(instance, ("refusing",), retries=2)
    assert result.success
    assert len(asked_since) == 3
    assert not checks(result)["refusing"][0]


def test_one_source_can_be_read_again_from_a_day_on(
    settings: Settings, instance: dg.DagsterInstance
) -> None:
    execute(instance, ("good",), since="2024-01-01")
    assert asked_since == [date(2024, 1, 1)]


def test_a_source_that_is_switched_off_does_nothing(
    settings: Settings, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Workspace, "settings", lambda _: replace(settings, sources=()))
    result = execute(instance, ("refusing",))
    assert result.success
    assert checks(result)["refusing"] == (True, "none")
    assert list(settings.landing.iterdir()) == [settings.landing / "postmortems"]
    assert not state_folder(settings).exists()


def test_a_source_has_a_freshness_policy_from_its_settings(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(source_sync, "configured_sources", lambda _: FakeSources())
    for name, window in [
        ("good", timedelta(hours=3)),
        # Dagster accepts nothing shorter than a minute.
        ("refusing", timedelta(minutes=1)),
    ]:
        spec = next(iter(SourceSync(source=name).build_defs(NO_CONTEXT).assets or []))
        assert isinstance(spec, dg.AssetSpec)
        policy = dg.FreshnessPolicy.time_window(fail_window=window)
        assert spec.freshness_policy == policy
        assert f"belongs to {getattr(FakeSources(), name).owner}" in str(spec.description)


def test_a_wrong_file_fails_every_source_and_keeps_the_load_running(
    tmp_path: Path, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "landing").mkdir()
    name = SOURCE_NAMES[0]
    (tmp_path / "sources.yaml").write_text(f"{name}:\n  ownr: me\n")
    settings = Settings.from_environment(
        {
            "PAYDOWN_HOME": str(tmp_path / "home"),
            "PAYDOWN_LANDING": str(tmp_path / "landing"),
            "PAYDOWN_MODERNIZATION": str(tmp_path),
            "PAYDOWN_SOURCES": name,
        }
    )
    monkeypatch.setattr(Workspace, "settings", lambda _: settings)
    result = execute(instance, (name,))
    assert result.success
    passed, problem = checks(result)[name]
    assert not passed
    assert "sources.yaml:2" in problem
    assert "write owner" in problem


def test_since_reads_again_and_a_sync_that_cannot_begin_forgets_nothing(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ["good"]
    assert [sync_sources(settings, names)[0].records for _ in range(2)] == [3, 0]
    (again,) = sync_sources(settings, names, since=date(2024, 1, 1))
    assert again.records == 3
    assert asked_since == [None, None, date(2024, 1, 1)]

    def no_token(*_: object) -> None:
        raise AccessError("no token")

    with monkeypatch.context() as patch:
        patch.setattr(FakeConfig, "extractor", no_token)
        sync_sources(settings, names, since=date(2024, 1, 1))
    assert sync_sources(settings, names)[0].records == 0


def test_the_file_that_ships_names_every_source_with_its_defaults() -> None:
    path = ROOT / "modernization" / "sources.yaml"
    assert load_model(path, Sources) == Sources()
    named = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert tuple(named) == SOURCE_NAMES
    assert all({"owner", "fresh_within_hours"} <= set(source) for source in named.values())
