"""Score past days again, each with what was known on it, and keep the rest of the history."""

from __future__ import annotations

import json
from datetime import date

from orchestration.dbt_project import dbt_project, dbt_resource, dbt_variables
from orchestration.settings import Settings, SettingsError

# The models between the days to be scored and the marts that show them.
SCORED = "int_scoring__dates+,+fct_service_scores int_scoring__dates+,+fct_service_score_factors"
# int_scoring__dates counts back 4,000 days, of which some lead in.
OLDEST_DAYS = 3_400


def backfill_scores(settings: Settings, first: date, last: date) -> None:
    """Score every day from `first` to `last`, both included, and replace what was there.

    Raises:
        SettingsError: for days in the wrong order, in the future or too long ago.
        dagster_dbt.DagsterDbtCliRuntimeError: a model or a test failed.
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


def _build(settings: Settings, variables: dict[str, str]) -> None:
    project = dbt_project(settings)
    arguments = ["build", "--target", settings.target, "--exclude-resource-type", "unit_test"]
    arguments += ["--select", SCORED]
    if variables:
        arguments += ["--vars", json.dumps(variables)]
    dbt_resource(project).cli(arguments, target_path=settings.dbt_target_path).wait()
