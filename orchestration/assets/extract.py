"""Extract: what changed in the live systems that are switched on comes into the landing folder."""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any

import dagster as dg

from orchestration.documents import ConfigError
from orchestration.settings import Settings
from orchestration.vendors.base import SourceConfig
from orchestration.vendors.sync import SyncResult, configured_sources, sync_sources

EXTRACT = dg.AssetKey(["paydown", "extract"])
# What `paydown run` shows while it waits; see `flow.py`.
PROGRESS = "sync: "
# Dagster takes none that is shorter.
SHORTEST_WINDOW = timedelta(minutes=1)


def extract_assets(settings: Settings) -> list[dg.AssetsDefinition | dg.AssetSpec]:
    """One asset that syncs, and for each source one that says up to when it is complete.

    The load waits for the first only, which is always materialized: a source that stops keeps
    neither the others nor the load from running, but its check fails.
    """
    sources = list(configured_sources(settings).enabled(settings.sources))
    owners = {name: config.owner for name, config in sources}

    @dg.asset(
        key=EXTRACT,
        deps=[source_key(name) for name, _ in sources],
        check_specs=[
            dg.AssetCheckSpec(
                _check_name(name),
                asset=EXTRACT,
                description=f"The sync of {name} came to its end. It belongs to {owner}.",
            )
            for name, owner in owners.items()
        ],
        group_name="ingest",
        kinds={"python"},
        owners=["team:data-platform"],
        description="Syncs every source that PAYDOWN_SOURCES names into the landing folder.",
    )
    def extract(context: dg.AssetExecutionContext) -> Iterator[Any]:
        def say(text: str) -> None:
            context.log.info(text)
            print(PROGRESS + text, flush=True)

        try:
            results = sync_sources(settings, progress=say)
        except ConfigError as error:
            yield dg.MaterializeResult(metadata={"records": 0, "problem": str(error)})
            yield from (_check(name, owner, str(error)) for name, owner in owners.items())
            return
        for result in results:
            if result.status == "complete":
                context.log_event(_materialization(result))
        yield dg.MaterializeResult(metadata=_metadata(results))
        yield from (_check(result.source, result.owner, result.message) for result in results)

    return [*(_source_spec(name, config) for name, config in sources), extract]


def source_key(name: str) -> dg.AssetKey:
    """The asset that stands for a source; materialized by complete syncs, and by nothing else."""
    return dg.AssetKey([name, "api"])


def _source_spec(name: str, config: SourceConfig) -> dg.AssetSpec:
    return dg.AssetSpec(
        source_key(name),
        group_name="ingest",
        kinds={"api"},
        owners=["team:data-platform"],
        metadata={"owner": config.owner},
        description=(
            f"{name}, as far as it has landed: materialized by each complete sync, which must "
            f"begin every {config.fresh_within_hours:g} hours. It belongs to {config.owner}."
        ),
        freshness_policy=dg.FreshnessPolicy.time_window(
            fail_window=max(timedelta(hours=config.fresh_within_hours), SHORTEST_WINDOW)
        ),
    )


def _check_name(name: str) -> str:
    return f"{name}_is_complete"


def _check(name: str, owner: str, problem: str) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        check_name=_check_name(name),
        asset_key=EXTRACT,
        passed=not problem,
        severity=dg.AssetCheckSeverity.ERROR,
        metadata={"problem": f"{problem} (owner: {owner})" if problem else "none"},
    )


def _materialization(result: SyncResult) -> dg.AssetMaterialization:
    return dg.AssetMaterialization(
        source_key(result.source),
        metadata={
            "records": result.records,
            "requests": result.requests,
            "seconds": result.seconds,
            "streams": dg.MetadataValue.json(
                {name: report.records for name, report in result.streams.items()}
            ),
        },
    )


def _metadata(results: Sequence[SyncResult]) -> dict[str, Any]:
    return {
        "records": sum(result.records for result in results),
        "requests": sum(result.requests for result in results),
        "sources": dg.MetadataValue.json({r.source: r.status for r in results}),
    }
