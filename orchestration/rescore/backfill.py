"""Score past days again, each with what was known on it, and keep the rest of the history."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from orchestration.dbt_project import DbtError, build_arguments, dbt_variables, run_dbt
from orchestration.settings import Settings, SettingsError

# The models between the days to be scored and the marts that show them.
SCORED = "int_scoring__dates+,+fct_service_scores int_scoring__dates+,+fct_service_score_factors"
# int_scoring__dates counts back 4,000 days, of which some lead in.
OLDEST_DAYS = 3_400


def backfill_scores(settings: Settings, first: date, last: date) -> None:
    """Score every day from `first` to `last`, both included, and replace what was there.

    Raises:
        SettingsError: for days in the wrong order, in the future or too long ago.
        DbtError: a model or a test failed.
    """
    today = settings.now().date()
    if first > last or last > today or (today - first).days > OLDEST_DAYS:
        raise SettingsError(
            f"{first} to {last} can't be scored; name days in order, up to {today} and at most "
            f"{OLDEST_DAYS:,} days back"
        )
    days = {"history_from": first.isoformat(), "history_to": last.isoformat()}
    _build(settings, {**dbt_variables(settings), **days})
    # The models in between hold the days that were scored last: leave them as every run does.
    _build(settings, dbt_variables(settings))


def _build(settings: Settings, variables: Mapping[str, str]) -> None:
    result = run_dbt(settings, [*build_arguments(settings, variables), "--select", SCORED])
    if not result.succeeded:
        failed = [f"{node.unique_id}: {node.message}" for node in result.nodes if node.has_failed]
        raise DbtError("\n".join(failed))
