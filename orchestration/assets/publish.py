"""Publish: the analysts' copy first, then the epics from it."""

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import dagster as dg

from orchestration.dbt_project import manifest
from orchestration.epics.published import CANDIDATES, run_epics
from orchestration.epics.publisher import EpicsReport
from orchestration.publish.analyst_copy import public_marts, publish_copy
from orchestration.settings import Settings


def publish_assets(settings: Settings) -> list[dg.AssetsDefinition]:
    """The assets that leave the warehouse."""
    marts = public_marts(manifest(settings))

    @dg.asset(
        deps=[dg.AssetKey([mart.name]) for mart in marts],
        group_name="publish",
        kinds={"duckdb", "parquet"},
        owners=["team:data-platform"],
        description="Every mart as a read-only DuckDB file and as Parquet, swapped at once.",
        pool="warehouse",
    )
    def analysts_copy(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
        copy = publish_copy(settings.warehouse, settings.published, marts)
        context.log.info("analysts' copy %s", "replaced" if copy.changed else "unchanged")
        return dg.MaterializeResult(
            metadata={
                "database": dg.MetadataValue.path(str(copy.database)),
                "parquet": dg.MetadataValue.path(str(copy.parquet)),
                "changed": copy.changed,
                "rows": sum(copy.rows.values()),
            }
        )

    @dg.asset(
        deps=[dg.AssetKey([CANDIDATES]), analysts_copy],
        check_specs=[
            dg.AssetCheckSpec(
                "tracker_took_everything",
                asset="epics",
                description="The tracker refused nothing and the run got to every row.",
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
    )
    def epics(context: dg.AssetExecutionContext) -> Iterator[Any]:
        report = run_epics(settings, context.run_id)
        yield dg.MaterializeResult(
            metadata={
                **report.counts,
                "tracker": report.tracker,
                "dry_run": report.dry_run,
                "stories": len(report.stories),
                "report": dg.MetadataValue.json(asdict(report)),
            }
        )
        yield _took_everything(report)

    return [analysts_copy, epics]


def _took_everything(report: EpicsReport) -> dg.AssetCheckResult:
    failed = (*report.failed, *report.stories_failed)
    problems = [f"- {entry.service}: {entry.reason}" for entry in failed]
    return dg.AssetCheckResult(
        check_name="tracker_took_everything",
        passed=report.is_clean,
        severity=dg.AssetCheckSeverity.ERROR,
        metadata={"problems": dg.MetadataValue.md("\n".join(problems) or "none")},
    )
