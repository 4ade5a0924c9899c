"""The component of a live source: one asset that syncs it, and the system itself as an external
asset that knows how fresh it is. `defs/<source>/defs.yaml` holds the settings of each."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import dagster as dg

from orchestration import steps
from orchestration.components.checks import check_result
from orchestration.components.resources import Workspace
from orchestration.settings import Settings
from orchestration.vendors import SOURCE_NAMES
from orchestration.vendors.base import SourceConfig
from orchestration.vendors.sync import SyncResult, configured_sources

# Dagster accepts no shorter freshness window.
SHORTEST_WINDOW = timedelta(minutes=1)
# Raw sources whose files a sync of another name may land.
LANDED_BY = {
    "backstage": ("backstage", "git"),
    "postmortems": ("git",),
    "slo": ("git",),
    "paydown": SOURCE_NAMES,
}


def api_key(source: str) -> dg.AssetKey:
    """The live system, as far as it has landed: materialized by complete syncs only."""
    return dg.AssetKey([source, "api"])


def sync_key(source: str) -> dg.AssetKey:
    """The asset that syncs the source."""
    return dg.AssetKey([source, "sync"])


def syncs_of(raw_source: str) -> list[dg.AssetKey]:
    """The syncs that a raw table waits for; none for what only people drop."""
    own = (raw_source,) if raw_source in SOURCE_NAMES else ()
    return [sync_key(name) for name in LANDED_BY.get(raw_source, own)]


class SyncConfig(dg.Config):
    """since: read everything from this day (2026-01-31, UTC) on again, to back-fill one source."""

    since: str = ""


class SourceSync(dg.Component, dg.Model, dg.Resolvable):
    """One live source. A sync that stops is retried; after that it fails its check, not the run.

    cron: when automation syncs it (UTC). retry_seconds: the first wait; each next one is longer.
    """

    source: str
    cron: str = "15 * * * *"
    retries: int = 2
    retry_seconds: float = 30

    def build_defs(self, context: dg.ComponentLoadContext) -> dg.Definitions:
        """The external asset and its sync."""
        sources = configured_sources(Settings.from_environment())
        config = getattr(sources, self.source)
        return dg.Definitions(assets=[_system(self.source, config), _sync(self, config)])


def _system(source: str, config: SourceConfig) -> dg.AssetSpec:
    window = max(timedelta(hours=config.fresh_within_hours), SHORTEST_WINDOW)
    return dg.AssetSpec(
        api_key(source),
        group_name="ingest",
        kinds={"api"},
        owners=["team:data-platform"],
        metadata={"owner": config.owner},
        description=(
            f"{source}, as far as it has landed: materialized by each complete sync, which must "
            f"begin every {config.fresh_within_hours:g} hours. It belongs to {config.owner}."
        ),
        freshness_policy=dg.FreshnessPolicy.time_window(fail_window=window),
    )


def _sync(component: SourceSync, config: SourceConfig) -> dg.AssetsDefinition:
    source = component.source

    @dg.asset(
        key=sync_key(source),
        deps=[api_key(source)],
        check_specs=[
            dg.AssetCheckSpec(
                "is_complete",
                asset=sync_key(source),
                description=f"The sync of {source} ran to its end. It belongs to {config.owner}.",
            )
        ],
        group_name="ingest",
        kinds={"python"},
        owners=["team:data-platform"],
        description=(
            f"What changed in {source} since the last sync, in the landing folder. Does nothing "
            "while PAYDOWN_SOURCES does not name it."
        ),
        retry_policy=dg.RetryPolicy(
            max_retries=component.retries,
            delay=component.retry_seconds,
            backoff=dg.Backoff.EXPONENTIAL,
        ),
        automation_condition=dg.AutomationCondition.on_cron(component.cron),
        pool=f"sync_{source}",
    )
    def sync(
        context: dg.AssetExecutionContext, config: SyncConfig, workspace: Workspace
    ) -> Iterator[Any]:
        settings = workspace.settings()
        if source not in settings.sources:
            yield dg.MaterializeResult(metadata={"status": "switched off"})
            yield check_result(steps.sync_check(source, "", ""))
            return
        yield from _synced(context, settings, source, config.since, component.retries)

    return sync


def _synced(
    context: dg.AssetExecutionContext, settings: Settings, source: str, since: str, retries: int
) -> Iterator[Any]:
    results, checks = steps.sync(settings, [source], context.log.info, since=since)
    if results and results[0].message and context.retry_number < retries:
        raise dg.Failure(results[0].message)
    # The load comes after this asset and must run whatever happened here, so it is materialized.
    metadata = _metadata(results[0]) if results else {"status": "failed", "records": 0}
    if metadata["status"] == "complete":
        context.log_event(dg.AssetMaterialization(api_key(source), metadata=metadata))
    yield dg.MaterializeResult(metadata=metadata)
    yield from (check_result(check) for check in checks)


def _metadata(result: SyncResult) -> dict[str, Any]:
    streams = {name: report.records for name, report in result.streams.items()}
    return {
        "status": result.status,
        "records": result.records,
        "requests": result.requests,
        "seconds": result.seconds,
        "streams": dg.MetadataValue.json(streams),
    }
