"""Score history by day: back-fill any past days from Dagster's UI, as one run."""

import warnings
from datetime import timedelta

import dagster as dg

from orchestration.rescore.backfill import OLDEST_DAYS, backfill_scores
from orchestration.settings import Settings

SCORE_DAYS = dg.AssetKey("score_days")

# Back-fill policies of assets are beta in this Dagster, which every command would print.
warnings.filterwarnings("ignore", "Parameter `backfill_policy`", dg.BetaWarning)


def history_assets(settings: Settings) -> dg.AssetsDefinition:
    """One partition a day; the usual run scores the newest days by itself."""
    # Whoever runs paydown can do nothing about it.
    warnings.filterwarnings("ignore", r"Parameter `backfill_policy`", dg.BetaWarning)
    first = settings.now().date() - timedelta(days=OLDEST_DAYS)

    @dg.asset(
        key=SCORE_DAYS,
        partitions_def=dg.DailyPartitionsDefinition(first.isoformat()),
        backfill_policy=dg.BackfillPolicy.single_run(),
        deps=[dg.AssetKey(["int_incidents__counted"])],
        group_name="marts",
        kinds={"dbt"},
        owners=["team:reliability"],
        description="Days of fct_service_scores scored again, each with what was known on it.",
        pool="warehouse",
    )
    def score_days(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
        settings.export()
        window = context.partition_time_window
        days = window.start.date(), (window.end - timedelta(seconds=1)).date()
        backfill_scores(settings, *days)
        return dg.MaterializeResult(metadata={"from": str(days[0]), "to": str(days[1])})

    return score_days
