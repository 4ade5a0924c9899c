"""When the flow runs: by hand, every hour, and when a file lands."""

from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from pathlib import Path

import dagster as dg

from orchestration.settings import Settings

FLOW_JOB = "paydown"
SENSOR_SECONDS = 60

flow_job = dg.define_asset_job(
    FLOW_JOB,
    # Past days are scored again only when somebody asks for them.
    selection=dg.AssetSelection.all() - dg.AssetSelection.assets("score_days"),
    description="The whole loop: landing files to raw, dbt build, analysts' copy, epics.",
    executor_def=dg.in_process_executor,
)

# Incidents change all day; the digest and the weekly review want them from the last hour.
hourly = dg.ScheduleDefinition(
    name="hourly",
    job=flow_job,
    cron_schedule="15 * * * *",
    description="Every hour at a quarter past (UTC). Off until switched on.",
)


def landing_sensor(settings: Settings) -> dg.SensorDefinition:
    """Starts the flow when a file below one of the folders that are loaded changed.

    What each run writes itself is left out: folders of sources that are switched on, and the
    ledger's export.
    """

    @dg.sensor(
        name="landing_folder",
        job=flow_job,
        minimum_interval_seconds=SENSOR_SECONDS,
        description="A file landed, changed or went. Off until switched on.",
    )
    def landing_folder(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        seen = fingerprint(settings.roots.values(), _written_by_syncs(settings))
        if context.cursor == seen:
            return dg.SensorResult(skip_reason="nothing new in the landing folder")
        return dg.SensorResult(run_requests=[dg.RunRequest(run_key=seen)], cursor=seen)

    return landing_folder


def _written_by_syncs(settings: Settings) -> set[Path]:
    """Folders that each run writes by its syncs: a change there must not start the next run."""
    written = {settings.ledger_export}
    if not settings.sources:
        return written
    written |= {settings.landing / name for name in (*settings.sources, "paydown")}
    return written | set(settings.landing.glob("*/git"))


def fingerprint(roots: Iterable[Path], left_out: AbstractSet[Path] = frozenset()) -> str:
    """The newest change and the count of files below the folders: equal while nothing changes."""
    paths = [
        path
        for root in roots
        for path in root.rglob("*")
        if left_out.isdisjoint((path, *path.parents))
    ]
    newest = max((p.stat().st_mtime_ns for p in paths), default=0)
    return f"{newest}:{len(paths)}"
