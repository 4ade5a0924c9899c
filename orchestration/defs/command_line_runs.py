"""What `paydown run` did on the command line, shown in Dagster like the assets of other runs."""

import json
from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

import dagster as dg

from orchestration.components.resources import Workspace, check_result
from orchestration.defs.dbt.definitions import materialized_days
from orchestration.steps import Check

REPORTS_A_TICK = 5


@dg.sensor(
    minimum_interval_seconds=30,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Records assets and checks of `paydown run`, which runs without Dagster.",
)
def command_line_runs(context: dg.SensorEvaluationContext, workspace: Workspace) -> dg.SensorResult:
    """Reads the reports that runs left since the last tick, oldest first."""
    paths = sorted(workspace.settings().runs.glob("*T*-*.json"))
    new = [path for path in paths if path.name > (context.cursor or "")][:REPORTS_A_TICK]
    if not new or not context.repository_def:
        return dg.SensorResult(skip_reason="no new run on the command line")
    reports = [json.loads(path.read_text(encoding="utf-8")) for path in new]
    graph = context.repository_def.asset_graph
    events = [event for report in reports for event in _events(report, graph)]
    days = map(date.fromisoformat, reports[-1]["scored_days"])
    events += materialized_days(context.instance, days)
    return dg.SensorResult(asset_events=events, cursor=new[-1].name)


def _events(
    report: Mapping[str, Any], graph: Any
) -> Iterator[dg.AssetMaterialization | dg.AssetCheckEvaluation]:
    run = {"run": report["run_id"]}
    for name, metadata in report["assets"].items():
        key = dg.AssetKey(name.split("/"))
        if graph.has(key):
            yield dg.AssetMaterialization(key, metadata={**metadata, **run})
    # A dbt test names no asset; its own name is unique.
    assets = {key.name: key.asset_key.to_user_string() for key in graph.asset_check_keys}
    for check in (Check(**one) for one in report["checks"]):
        result = check_result(check)
        key = dg.AssetKey((check.asset or assets.get(check.name, "")).split("/"))
        if dg.AssetCheckKey(key, check.name) in graph.asset_check_keys:
            yield dg.AssetCheckEvaluation(
                asset_key=key,
                check_name=check.name,
                passed=check.passed,
                severity=result.severity,
                metadata={**result.metadata, **run},
            )
