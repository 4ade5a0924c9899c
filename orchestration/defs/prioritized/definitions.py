"""The ranked epics as a pull request, every Friday."""

import dagster as dg

from orchestration.components.resources import Workspace
from orchestration.decisions.prioritized import ranked
from orchestration.decisions.sync import sync_decisions
from orchestration.vendors.base import Context
from orchestration.vendors.sync import read_sources


@dg.definitions
def prioritized_list() -> dg.Definitions:
    """The list, and when it is proposed."""

    @dg.asset(
        deps=[*map(dg.AssetKey, ("rpt_promotion_candidates", "rpt_epic_decisions")),
              dg.AssetKey(["analysts_copy"])],
        group_name="publish",
        kinds={"git"},
        owners=["team:reliability"],
        description=(
            "modernization/prioritized.yaml, proposed by one pull request; merging it is the "
            "decision. Nothing is pushed if nothing is new."
        ),
        pool="prioritized",
    )  # fmt: skip
    def prioritized(
        context: dg.AssetExecutionContext, workspace: Workspace
    ) -> dg.MaterializeResult:
        settings = workspace.settings()
        config = read_sources(settings).decisions
        is_dry = bool(settings.dry_run)
        done = sync_decisions(
            config, ranked(settings), Context(progress=context.log.info), dry_run=is_dry
        )
        return dg.MaterializeResult(
            metadata={
                "state": done.state,
                "pull_request": dg.MetadataValue.url(done.link) if done.link else "",
                "changes": dg.MetadataValue.json(done.changes),
            }
        )

    fridays = dg.ScheduleDefinition(
        name="sync_decisions",
        job=dg.define_asset_job("sync_decisions", selection=[dg.AssetKey(["prioritized"])]),
        cron_schedule="0 13 * * 5",
        description="Proposes the ranked epics on Fridays at 13:00 (UTC). Off until switched on.",
    )
    return dg.Definitions(assets=[prioritized], schedules=[fridays])
