"""What people meet over: the page after every run, and the digest on Fridays."""

import os

import dagster as dg

from orchestration import steps
from orchestration.alerts.channels import Channels
from orchestration.alerts.weekly import send_digest
from orchestration.components.resources import Workspace


@dg.asset(
    deps=[dg.AssetKey(["analysts_copy"])],
    group_name="publish",
    kinds={"html"},
    owners=["team:reliability"],
    description=(
        "The page of the weekly review: promises, new evidence, who moved and why, what to decide, "
        "whether the loop works and whether the data can be trusted."
    ),
    automation_condition=dg.AutomationCondition.eager(),
)
def review_page(workspace: Workspace) -> dg.MaterializeResult:
    """One file that needs no network and no server."""
    page = steps.write_page(workspace.settings())
    facts = {"page": dg.MetadataValue.path(str(page)), "bytes": page.stat().st_size}
    return dg.MaterializeResult(metadata=facts)


@dg.asset(
    deps=[dg.AssetKey(["review_page"])],
    group_name="rituals",
    kinds={"markdown"},
    owners=["team:reliability"],
    description=(
        "The Friday digest: overdue promises, the top 5 and what moved them, what was promoted and "
        "funded; as Markdown, and to each channel once a week."
    ),
    pool="ledger",
)
def digest(
    context: dg.AssetExecutionContext, alerts: Channels, workspace: Workspace
) -> dg.MaterializeResult:
    """Fails if a channel didn't accept it, so that an alert reports it."""
    path, outcomes = send_digest(workspace.settings(), alerts, context.run_id)
    for channel, outcome in outcomes.items():
        if outcome not in ("sent", "was sent before"):
            raise dg.Failure(f"{channel}: {outcome}", allow_retries=False)
    return dg.MaterializeResult(metadata={"file": dg.MetadataValue.path(str(path)), **outcomes})


@dg.definitions
def rituals() -> dg.Definitions:
    """The page after every run, and the digest on Fridays."""
    job = dg.define_asset_job(
        "friday_digest",
        selection=dg.AssetSelection.assets("digest"),
        executor_def=dg.in_process_executor,
    )
    schedule = dg.ScheduleDefinition(
        name="friday_digest",
        job=job,
        cron_schedule=os.environ.get("PAYDOWN_DIGEST_CRON") or "0 13 * * 5",
        description="Fridays at 13:00 UTC, or as PAYDOWN_DIGEST_CRON says. Off until switched on.",
    )
    return dg.Definitions(assets=[review_page, digest], jobs=[job], schedules=[schedule])
