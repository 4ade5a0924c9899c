"""Epics in the tracker, from the published candidates."""

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import dagster as dg

from orchestration import steps
from orchestration.components.resources import Workspace, check_result

MARTS = (
    "rpt_promotion_candidates", "rpt_epic_decisions", "rpt_epic_case", "rpt_epic_evidence",
)  # fmt: skip


@dg.asset(
    deps=[*map(dg.AssetKey, MARTS), dg.AssetKey(["analysts_copy"])],
    check_specs=[
        dg.AssetCheckSpec(
            "tracker_took_everything",
            asset="epics",
            description="The tracker rejected nothing and the run reached every row.",
        )
    ],
    group_name="publish",
    kinds={"python"},
    owners=["team:reliability"],
    description=(
        "Opens one epic for every service above the promotion band that has owner, due date, "
        "budget and exit criteria, exactly once; adds evidence to those that are open."
    ),
    pool="ledger",
    automation_condition=dg.AutomationCondition.eager(),
)
def epics(context: dg.AssetExecutionContext, workspace: Workspace) -> Iterator[Any]:
    """A dry run if the settings say so."""
    report, check = steps.open_epics(workspace.settings(), context.run_id)
    facts = {"tracker": report.tracker, "dry_run": report.dry_run, "stories": len(report.stories)}
    whole = dg.MetadataValue.json(asdict(report))
    yield dg.MaterializeResult(metadata={**report.counts, **facts, "report": whole})
    yield check_result(check)
