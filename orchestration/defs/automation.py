"""When assets are materialized: by their conditions, hourly all together, or when a file lands.

All three are off until switched on. Conditions are the finest: each source is synced by its own
cron, and whatever depends on the new data follows.
"""

import hashlib
from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from pathlib import Path

import dagster as dg

from orchestration.components.resources import Workspace, workspace
from orchestration.settings import Settings

# Past days are scored again only on request; a list is proposed once a week.
EVERYTHING = dg.AssetSelection.all() - dg.AssetSelection.assets(
    "digest", "score_days", "prioritized"
)

flow_job = dg.define_asset_job(
    "paydown",
    selection=EVERYTHING,
    description="The loop: sources, landing files to raw, dbt build, analysts' copy, epics.",
    executor_def=dg.in_process_executor,
)

# Incidents change all day; the digest and the weekly review need data from the last hour.
hourly = dg.ScheduleDefinition(
    name="hourly",
    job=flow_job,
    cron_schedule="15 * * * *",
    description="Every hour at a quarter past (UTC). Off until switched on.",
)

automation = dg.AutomationConditionSensorDefinition(
    "automation",
    target=EVERYTHING,
    default_status=dg.DefaultSensorStatus.STOPPED,
    description="Syncs each source by its own cron and then what depends on it. Off until "
    "switched on; use it or `hourly`, not both.",
)


@dg.sensor(
    job=flow_job,
    minimum_interval_seconds=60,
    description="A file landed, changed or was removed. Off until switched on.",
)
def landing_folder(context: dg.SensorEvaluationContext, workspace: Workspace) -> dg.SensorResult:
    """Requests the flow when a file changed below one of the loaded folders.

    What runs write themselves is left out: folders of sources that are switched on, and the
    ledger's export.
    """
    settings = workspace.settings()
    seen = fingerprint(settings.roots.values(), written_by_runs(settings))
    if context.cursor == seen:
        return dg.SensorResult(skip_reason="nothing new in the landing folder")
    return dg.SensorResult(run_requests=[dg.RunRequest(run_key=seen)], cursor=seen)


def written_by_runs(settings: Settings) -> set[Path]:
    """Folders that each run writes: a change there must not start the next run."""
    if not settings.sources:
        return {settings.ledger_export}
    synced = {settings.landing / name for name in (*settings.sources, "paydown")}
    return {settings.ledger_export, *synced, *settings.landing.glob("*/git")}


def fingerprint(roots: Iterable[Path], left_out: AbstractSet[Path]) -> str:
    """A hash of name, size and time of each file below the folders: equal while nothing changes."""
    digest = hashlib.sha256()
    for root in sorted(roots):
        for path in sorted(root.rglob("*")):
            if path.is_file() and left_out.isdisjoint(path.parents):
                stat = path.stat()
                digest.update(f"{path}:{stat.st_size}:{stat.st_mtime_ns}\n".encode())
    return digest.hexdigest()


@dg.definitions
def definitions() -> dg.Definitions:
    """How runs begin, and the resource of every asset and sensor."""
    return dg.Definitions(
        jobs=[flow_job],
        schedules=[hourly],
        sensors=[automation, landing_folder],
        resources={"workspace": workspace()},
    )
