"""What Dagster is given: groups, checks, pools, owners, one job, one schedule, one sensor."""

from __future__ import annotations

import subprocess
from pathlib import Path

import dagster as dg
import pytest

from orchestration.automation import fingerprint
from orchestration.dbt_project import manifest
from orchestration.definitions import build_definitions
from orchestration.settings import Settings

from .flow_helpers import Site

pytestmark = pytest.mark.xdist_group("demo")


@pytest.fixture(scope="module")
def definitions(
    demo: tuple[Site, subprocess.CompletedProcess[str]],
) -> dg.Definitions:
    return build_definitions(Settings.from_environment({"PAYDOWN_HOME": str(demo[0].home)}))


def test_the_graph_is_connected_from_files_to_epics(definitions: dg.Definitions) -> None:
    graph = definitions.resolve_asset_graph()
    upstream = {dg.AssetKey(["epics"])}
    todo = list(upstream)
    while todo:
        for parent in graph.get(todo.pop()).parent_keys - upstream:
            upstream.add(parent)
            todo.append(parent)
    names = {key.to_user_string() for key in upstream}
    assert {"pagerduty/incidents", "stg_pagerduty__incidents", "fct_incidents"} <= names
    assert {"rpt_promotion_candidates", "analysts_copy", "modernization/scoring"} <= names


def test_every_asset_has_group_description_and_owner(definitions: dg.Definitions) -> None:
    specs = list(definitions.resolve_all_asset_specs())
    assert {spec.group_name for spec in specs} == {
        "ingest", "staging", "intermediate", "marts", "semantic", "publish", "reference",
    }  # fmt: skip
    assert not [spec.key for spec in specs if not spec.description]
    assert not [spec.key for spec in specs if not spec.owners]
    assert not [spec.key for spec in specs if not spec.kinds]


def test_dbt_tests_are_asset_checks(definitions: dg.Definitions) -> None:
    checks = definitions.resolve_asset_graph().asset_check_keys
    names = {check.name for check in checks}
    assert len(checks) > 150
    assert "unique_fct_incidents_incident_id" in names
    assert {"files_are_readable", "rows_are_accounted_for", "configuration_is_valid"} <= names


def test_whatever_opens_the_warehouse_is_in_one_pool(definitions: dg.Definitions) -> None:
    pools = {
        node.name: node.definition.pool
        for node in definitions.resolve_job_def("paydown").nodes_in_topological_order
        if isinstance(node.definition, dg.OpDefinition)
    }
    assert pools["load_landing"] == pools["dbt_build"] == pools["analysts_copy"] == "warehouse"
    assert pools["epics"] == "ledger"


def test_the_sensor_fires_once_for_a_change(definitions: dg.Definitions, tmp_path: Path) -> None:
    sensor = definitions.resolve_sensor_def("landing_folder")
    with dg.DagsterInstance.ephemeral() as instance:
        first = sensor.evaluate_tick(dg.build_sensor_context(instance))
        assert len(first.run_requests or []) == 1
        second = sensor.evaluate_tick(dg.build_sensor_context(instance, cursor=first.cursor))
    assert not second.run_requests
    before = fingerprint([tmp_path])
    (tmp_path / "new.json").write_text("{}")
    assert fingerprint([tmp_path]) != before


def test_the_schedule_runs_the_whole_flow(definitions: dg.Definitions) -> None:
    schedule = definitions.resolve_schedule_def("hourly")
    assert schedule.job_name == "paydown"
    assert schedule.cron_schedule == "15 * * * *"


def test_a_manifest_that_was_cut_off_is_written_anew(tmp_path: Path) -> None:
    settings = Settings.from_environment({"PAYDOWN_HOME": str(tmp_path)})
    settings.dbt_target_path.mkdir(parents=True)
    broken = settings.dbt_target_path / "manifest.json"
    broken.write_text('{"nodes": {}}{"cut', encoding="utf-8")
    assert manifest(settings)["sources"]
