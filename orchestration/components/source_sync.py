"""The component of a live source: one asset that syncs it, and the system itself as an external
asset that knows how fresh it is. `defs/<source>/defs.yaml` holds the settings of each."""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import dagster as dg

from orchestration import steps
from orchestration.components.resources import Workspace, check_result
from orchestration.settings import Settings
from orchestration.vendors import SOURCE_NAMES
from orchestration.vendors.sync import configured_sources

# Dagster accepts no shorter freshness window.
SHORTEST_WINDOW = timedelta(minutes=1)
# Raw sources whose files may come from a sync of another name.
LANDED_BY = {
    "backstage": ("backstage", "git"),
    "postmortems": ("git",),
    "slo": ("git",),
    "paydown": SOURCE_NAMES,
}
SHARED: dict[str, Any] = {"group_name": "ingest", "owners": ["team:data-platform"]}


def api_key(source: str) -> dg.AssetKey:
    """The live system, as far as it has landed: materialized by complete syncs only."""
    return dg.AssetKey([source, "api"])


def sync_key(source: str) -> dg.AssetKey:
    """The asset that syncs the source."""
    return dg.AssetKey([source, "sync"])


def syncs_of(raw_source: str) -> list[dg.AssetKey]:
    """The syncs that a raw table waits for; none for files that only people drop."""
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
        stated = getattr(configured_sources(Settings.from_environment()), self.source)
        window = max(timedelta(hours=stated.fresh_within_hours), SHORTEST_WINDOW)
        system = dg.AssetSpec(
            api_key(self.source),
            kinds={"api"},
            metadata={"owner": stated.owner},
            description=(
                f"{self.source}, as far as it has landed: materialized by each complete sync. It "
                f"belongs to {stated.owner}."
            ),
            freshness_policy=dg.FreshnessPolicy.time_window(fail_window=window),
            **SHARED,
        )

        @dg.asset(
            key=sync_key(self.source),
            deps=[api_key(self.source)],
            check_specs=[
                dg.AssetCheckSpec(
                    "is_complete",
                    asset=sync_key(self.source),
                    description=f"The sync ran to its end. {self.source} is {stated.owner}'s.",
                )
            ],
            kinds={"python"},
            description=(
                f"What changed in {self.source} since the last sync, in the landing folder. Does "
                "nothing while PAYDOWN_SOURCES does not name it."
            ),
            retry_policy=dg.RetryPolicy(
                max_retries=self.retries, delay=self.retry_seconds, backoff=dg.Backoff.EXPONENTIAL
            ),
            automation_condition=dg.AutomationCondition.on_cron(self.cron),
            pool=f"sync_{self.source}",
            **SHARED,
        )
        def sync(
            context: dg.AssetExecutionContext, config: SyncConfig, workspace: Workspace
        ) -> Iterator[Any]:
            since = date.fromisoformat(config.since) if config.since else None
            yield from self._sync(context, workspace.settings(), since)

        return dg.Definitions(assets=[system, sync])

    def _sync(
        self, context: dg.AssetExecutionContext, settings: Settings, since: date | None
    ) -> Iterator[Any]:
        if self.source not in settings.sources:
            yield dg.MaterializeResult(metadata={"status": "switched off"})
            yield check_result(steps.sync_check(self.source, "", ""))
            return
        results, checks = steps.sync(settings, [self.source], context.log.info, since=since)
        # The load comes after this asset and must run in any case, so it is materialized.
        metadata: dict[str, Any] = {"status": "failed", "records": 0}
        for result in results:
            if result.message and context.retry_number < self.retries:
                raise dg.Failure(result.message)
            streams = {name: report.records for name, report in result.streams.items()}
            metadata = {n: getattr(result, n) for n in ("status", "records", "requests", "seconds")}
            metadata["streams"] = dg.MetadataValue.json(streams)
        if metadata["status"] == "complete":
            context.log_event(dg.AssetMaterialization(api_key(self.source), metadata=metadata))
        yield dg.MaterializeResult(metadata=metadata)
        yield from map(check_result, checks)
