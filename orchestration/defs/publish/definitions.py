"""The analysts' copy of the marts, and the days that it shows as scored."""

import dagster as dg

from orchestration import steps
from orchestration.components.resources import Workspace
from orchestration.defs.dbt.definitions import materialized_days
from orchestration.defs.dbt.project import dbt_project, static_manifest
from orchestration.publish.analyst_copy import Mart, public_marts


@dg.definitions
def publish() -> dg.Definitions:
    """The copy, after every public mart."""
    return dg.Definitions(assets=[copy_asset(public_marts(static_manifest(dbt_project())))])


def copy_asset(marts: list[Mart]) -> dg.AssetsDefinition:
    """The asset that leaves the warehouse for analysts and BI tools."""

    @dg.asset(
        deps=[dg.AssetKey([mart.name]) for mart in marts],
        group_name="publish",
        kinds={"duckdb", "parquet"},
        owners=["team:data-platform"],
        description="Every mart as a read-only DuckDB file and as Parquet, replaced atomically.",
        pool="warehouse",
        automation_condition=dg.AutomationCondition.eager(),
    )
    def analysts_copy(
        context: dg.AssetExecutionContext, workspace: Workspace
    ) -> dg.MaterializeResult:
        settings = workspace.settings()
        copy = steps.publish(settings)
        context.log.info("analysts' copy %s", "replaced" if copy.changed else "unchanged")
        for event in materialized_days(context.instance, steps.scored_days(settings)):
            context.log_event(event)
        return dg.MaterializeResult(
            metadata={
                "database": dg.MetadataValue.path(str(copy.database)),
                "parquet": dg.MetadataValue.path(str(copy.parquet)),
                "changed": copy.changed,
                "rows": sum(copy.rows.values()),
            }
        )

    return analysts_copy
