"""dbt: every model is an asset, every test a check; past days can be scored again.

Only `dagster dev` parses the project by itself, if a file is newer than the manifest. Everywhere
else the manifest must exist: `make manifest` writes it.
"""

import json
import os
import shutil
import sys
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, timedelta
from functools import cache
from itertools import takewhile
from pathlib import Path
from typing import Any

import dagster as dg
from dagster_dbt import (
    DagsterDbtTranslator,
    DagsterDbtTranslatorSettings,
    DbtCliResource,
    DbtProject,
    dbt_assets,
)

from orchestration.components.resources import Workspace
from orchestration.dbt_project import GRAPH_FOLDER, build_arguments
from orchestration.rescore import backfill_scores
from orchestration.settings import PROJECT_ROOT

SCORE_DAYS = dg.AssetKey("score_days")
# Fixed, so that a partition never disappears; a backfill reaches back some nine years.
FIRST_DAY = date(2020, 1, 1)
DAYS = dg.DailyPartitionsDefinition(FIRST_DAY.isoformat(), end_offset=1)


@cache
def dbt_project() -> DbtProject:
    """The project; under `dagster dev`, and only there, its manifest is written first."""
    if not shutil.which("dbt"):
        # For `.venv/bin/dagster dev` without an activated .venv.
        beside_python = str(Path(sys.executable).parent)
        os.environ["PATH"] = os.pathsep.join((beside_python, os.environ.get("PATH", "")))
    profiles = PROJECT_ROOT / "profiles"
    project = DbtProject(PROJECT_ROOT, target_path=GRAPH_FOLDER, profiles_dir=profiles)
    project.prepare_if_dev()
    return project


def static_manifest() -> Mapping[str, Any]:
    """The current manifest.

    Raises:
        FileNotFoundError: it was never written; the message says how.
    """
    path = dbt_project().manifest_path
    if not path.exists():
        raise FileNotFoundError(f"{path}: is missing; `make manifest` writes it")
    return json.loads(path.read_text(encoding="utf-8"))


class LayerTranslator(DagsterDbtTranslator):
    """Assets are named as in dbt, without the schema, and grouped by layer."""

    def get_asset_key(self, dbt_resource_props: Mapping[str, Any]) -> dg.AssetKey:
        if dbt_resource_props["resource_type"] == "source":
            return super().get_asset_key(dbt_resource_props)
        return dg.AssetKey([dbt_resource_props["name"]])

    def get_group_name(self, dbt_resource_props: Mapping[str, Any]) -> str | None:
        if dbt_resource_props["resource_type"] == "seed":
            return "reference"
        return dbt_resource_props["fqn"][1]

    def get_automation_condition(
        self, dbt_resource_props: Mapping[str, Any]
    ) -> dg.AutomationCondition:
        return dg.AutomationCondition.eager()

    def get_asset_check_spec(
        self,
        asset_spec: dg.AssetSpec,
        manifest: Mapping[str, Any],
        unique_id: str,
        project: DbtProject | None,
    ) -> dg.AssetCheckSpec | None:
        spec = super().get_asset_check_spec(asset_spec, manifest, unique_id, project)
        return spec and spec._replace(description=described(manifest["nodes"][unique_id]))


def described(test: Mapping[str, Any]) -> str:
    """What a dbt test verifies: its own description, its opening comment, or its arguments."""
    if test.get("description"):
        return test["description"]
    if generic := test.get("test_metadata"):
        arguments = {k: v for k, v in generic["kwargs"].items() if k != "model"}
        rules = "; ".join(f"{name}: {json.dumps(value)}" for name, value in arguments.items())
        return f"{generic['name']}: {rules}"
    lines = takewhile(lambda line: line.startswith("--"), test["raw_code"].splitlines())
    return " ".join(line.removeprefix("--").strip() for line in lines)


def materialized_days(
    instance: dg.DagsterInstance, days: Iterable[date]
) -> Iterator[dg.AssetMaterialization]:
    """An event for each scored day that Dagster doesn't know of yet."""
    known = instance.get_materialized_partitions(SCORE_DAYS)
    for day in days:
        if day >= FIRST_DAY and day.isoformat() not in known:
            yield dg.AssetMaterialization(SCORE_DAYS, partition=day.isoformat())


@dg.asset(
    key=SCORE_DAYS,
    partitions_def=DAYS,
    backfill_policy=dg.BackfillPolicy.single_run(),
    deps=[dg.AssetKey(["fct_service_scores"])],
    group_name="marts",
    kinds={"dbt"},
    owners=["team:reliability"],
    description=(
        "Days of fct_service_scores. The usual run scores the newest ones; materialize past days "
        "to score them again, each with what was known on it."
    ),
    pool="warehouse",
)
def score_days(context: dg.AssetExecutionContext, workspace: Workspace) -> dg.MaterializeResult:
    """One partition a day; any range is one run."""
    window = context.partition_time_window
    first, last = window.start.date(), (window.end - timedelta(seconds=1)).date()
    backfill_scores(workspace.settings(), first, last)
    return dg.MaterializeResult(metadata={"from": str(first), "to": str(last)})


@dg.definitions
def dbt_definitions() -> dg.Definitions:
    """All models, seeds and data tests, run by one `dbt build`, and the days that they score. Tests
    of the code run in `make test`."""
    project = dbt_project()

    @dbt_assets(
        manifest=project.manifest_path,
        project=project,
        name="dbt_build",
        exclude="tag:ci resource_type:unit_test",
        dagster_dbt_translator=LayerTranslator(
            DagsterDbtTranslatorSettings(enable_source_tests_as_checks=True)
        ),
        pool="warehouse",
    )
    def build(
        context: dg.AssetExecutionContext, dbt: DbtCliResource, workspace: Workspace
    ) -> Iterator[Any]:
        settings = workspace.settings()
        settings.export()
        target = settings.dbt_target_path
        yield from dbt.cli(build_arguments(settings), context=context, target_path=target).stream()

    return dg.Definitions(
        assets=[build, score_days], resources={"dbt": DbtCliResource(project_dir=project)}
    )
