"""What `paydown run` did on the command line, shown in Dagster as any other run's assets."""

import json
from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Any

import dagster as dg

from orchestration.components.checks import problems, severity
from orchestration.components.resources import Workspace
from orchestration.defs.dbt.definitions import materialized_days
from orchestration.steps import Check

SENSOR_SECONDS = 30
REPORTS_A_TICK = 5
Event = dg.AssetMaterialization | dg.AssetCheckEvaluation


@dg.sensor(
    minimum_interval_seconds=SENSOR_SECONDS,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Records assets and checks of `paydown run`, which runs without Dagster.",
)
def command_line_runs(context: dg.SensorEvaluationContext, workspace: Workspace) -> dg.SensorResult:
    """Reads the reports that runs left since the last tick, oldest first."""
    reports = sorted(workspace.settings().runs.glob("*T*-*.json"))
    new = [path for path in reports if path.name > (context.cursor or "")][:REPORTS_A_TICK]
    if not new:
        return dg.SensorResult(skip_reason="no new run on the command line")
    if not context.repository_def:
        return dg.SensorResult(skip_reason="no definitions are loaded")
    graph = context.repository_def.asset_graph
    keys = {key.name: key for key in graph.asset_check_keys}
    events = [event for path in new for event in _events(path, graph, keys)]
    days = json.loads(new[-1].read_text(encoding="utf-8"))["scored_days"]
    events += materialized_days(context.instance, map(date.fromisoformat, days))
    return dg.SensorResult(asset_events=events, cursor=new[-1].name)


def _events(
    path: Path, graph: Any, checks_by_name: Mapping[str, dg.AssetCheckKey]
) -> Iterator[Event]:
    report = json.loads(path.read_text(encoding="utf-8"))
    for name, metadata in report["assets"].items():
        key = dg.AssetKey(name.split("/"))
        if graph.has(key):
            yield dg.AssetMaterialization(key, metadata={**metadata, "run": report["run_id"]})
    for check in (Check(**one) for one in report["checks"]):
        # A dbt test names no asset; its own name is unique.
        key = (
            dg.AssetCheckKey(dg.AssetKey(check.asset.split("/")), check.name)
            if check.asset
            else checks_by_name.get(check.name)
        )
        if key and key in graph.asset_check_keys:
            yield dg.AssetCheckEvaluation(
                asset_key=key.asset_key,
                check_name=key.name,
                passed=check.passed,
                severity=severity(check),
                metadata={"problems": problems(check), "run": report["run_id"]},
            )
