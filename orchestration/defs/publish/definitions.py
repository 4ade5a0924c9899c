"""The analysts' copy of the marts, and its scored days."""

import dagster as dg

from orchestration import steps
from orchestration.components.resources import Workspace
from orchestration.defs.dbt.definitions import materialized_days, static_manifest
from orchestration.publish.analyst_copy import public_marts


@dg.definitions
def publish() -> dg.Definitions:
    """The copy, after every public mart."""

    @dg.asset(
        deps=[dg.AssetKey([mart.name]) for mart in public_marts(static_manifest())],
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
        for event in materialized_days(context.instance, steps.scored_days(settings)):
            context.log_event(event)
        return dg.MaterializeResult(
            metadata={
                "database": dg.MetadataValue.path(str(copy.database)),
                "changed": copy.changed,
                "rows": sum(copy.rows.values()),
            }
        )

    return dg.Definitions(assets=[analysts_copy])
