"""Scores computed again: past days with what was known on them, or today with another rubric."""

from __future__ import annotations

import dataclasses
import json
import shutil
import tempfile
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import duckdb

from orchestration.configuration import READERS
from orchestration.dbt_project import (
    DbtError,
    build_arguments,
    dbt_variables,
    manifest,
    parsed,
    run_dbt,
)
from orchestration.documents import load_model
from orchestration.loader import contracts_from_manifest, load_landing
from orchestration.rubric import Scoring
from orchestration.settings import Settings, SettingsError
from orchestration.warehouse import loading_warehouse

# The models between the days to be scored and the marts that show them.
SCORED = "int_scoring__dates+,+fct_service_scores int_scoring__dates+,+fct_service_score_factors"
# int_scoring__dates counts back 4,000 days, of which some lead in.
OLDEST_DAYS = 3_400
DAYS_A_MONTH = 31
RESCORED = (
    "stg_modernization__scoring+ stg_modernization__scoring_factors+ "
    "stg_modernization__scoring_levels+ stg_modernization__scoring_bands+"
)


@dataclass(frozen=True)
class Standing:
    """A service under one rubric. None: it isn't scored by it."""

    rank: int | None
    score: int | None
    band: str | None
    decision: str | None


@dataclass(frozen=True)
class Move:
    """A service under both rubrics."""

    service: str
    before: Standing
    after: Standing

    @property
    def opens(self) -> bool:
        """An epic would open that doesn't open now."""
        return self.after.decision == "promote" and self.before.decision != "promote"


@dataclass(frozen=True)
class Month:
    """Services above the promotion band under both rubrics, on the last scored day of a month."""

    last_day: date
    promoted_before: list[str]
    promoted_after: list[str]


@dataclass(frozen=True)
class WhatIf:
    """What the other rubric changes, best rank first."""

    rubric_before: str
    rubric_after: str
    moves: list[Move]
    months: list[Month]


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
    # The models in between hold the days that were scored last: leave them as every run does.
    for variables in ({**dbt_variables(settings), **days}, dbt_variables(settings)):
        _run(settings, [*build_arguments(settings, variables), "--select", SCORED])


def what_if(settings: Settings, scoring: Path, months: int = 0) -> WhatIf:
    """Score the warehouse's facts with the rubric in `scoring`, in a copy that is thrown away.

    Args:
        months: so many past months are compared as well.

    Raises:
        ConfigError: the rubric has problems; with line, field and fix.
        SettingsError: no warehouse exists yet, or it isn't a DuckDB file.
        DbtError: a model failed.
    """
    rubric = load_model(scoring, Scoring)
    if settings.target != "duckdb" or not settings.warehouse.exists():
        raise SettingsError(f"{settings.warehouse}: doesn't exist yet; `paydown run` makes it")
    first = settings.now().date() - timedelta(days=DAYS_A_MONTH * months) if months else None
    with tempfile.TemporaryDirectory(prefix="paydown-whatif-") as folder, duckdb.connect() as con:
        before = _scored(settings, Path(folder, "before"), None, first) if first else None
        after = _scored(settings, Path(folder, "after"), scoring, first)
        for name, database in (("before", before or settings.warehouse), ("after", after)):
            quoted = str(database).replace("'", "''")
            con.execute(f"attach '{quoted}' as {name} (read_only)")
        hashes = con.execute(RUBRIC).fetchall()
        moves = con.execute(MOVES).fetchall()
        past = con.execute(MONTHS).fetchall() if months else []
    return WhatIf(
        rubric_before=hashes[0][0] or "",
        rubric_after=rubric.rubric_hash,
        moves=[Move(row[0], Standing(*row[1:5]), Standing(*row[5:])) for row in moves],
        months=[Month(*row) for row in past],
    )


RUBRIC = "select max(rubric_hash) from before.paydown_marts.fct_service_scores where is_latest"
STANDINGS = """
    select
        service_id, services.service_name, scores.score_rank, scores.score, scores.band,
        candidates.decision
    from {0}.paydown_marts.fct_service_scores as scores
    left join {0}.paydown_marts.rpt_promotion_candidates as candidates using (service_id)
    left join {0}.paydown_marts.dim_services as services using (service_id)
    where scores.is_latest
"""
MOVES = f"""
    with old as ({STANDINGS.format("before")}),
    new as ({STANDINGS.format("after")})
    select
        coalesce(new.service_name, old.service_name),
        old.score_rank, old.score, old.band, old.decision,
        new.score_rank, new.score, new.band, new.decision
    from old full join new using (service_id)
    order by new.score_rank, old.score_rank
"""
MONTHS = """
    with scores as (
        select
            old_scores.scoring_date,
            max(old_scores.scoring_date) over (
                partition by date_trunc('month', old_scores.scoring_date)
            ) as last_day,
            services.service_name,
            old_scores.band = 'promote_to_epic' as was_promoted,
            new_scores.band = 'promote_to_epic' as is_promoted
        from before.paydown_marts.fct_service_scores as old_scores
        inner join after.paydown_marts.fct_service_scores as new_scores using (score_id)
        inner join after.paydown_marts.dim_services as services
            on old_scores.service_id = services.service_id
    )
    select
        last_day,
        coalesce(list(service_name order by service_name) filter (where was_promoted), []),
        coalesce(list(service_name order by service_name) filter (where is_promoted), [])
    from scores
    where scoring_date = last_day
    group by last_day
    order by last_day desc
"""


def _scored(settings: Settings, home: Path, scoring: Path | None, first: date | None) -> Path:
    """A copy of the warehouse, scored with the rubric, or with the one it holds."""
    landing, modernization = home / "landing", home / "modernization"
    landing.mkdir(parents=True)
    shutil.copytree(settings.modernization, modernization)
    shutil.copyfile(settings.warehouse, home / "warehouse.duckdb")
    copy = dataclasses.replace(
        settings, home=home, modernization=modernization, landing=landing, is_demo=False
    )
    # The parsed project is the same, and parsing it takes longer than all else.
    shutil.copytree(parsed(settings), copy.dbt_target_path, dirs_exist_ok=True)
    copy.export()
    try:
        if scoring:
            shutil.copyfile(scoring, modernization / "scoring.yaml")
            contracts = [
                contract
                for contract in contracts_from_manifest(manifest(settings))
                if contract.source == "modernization" and contract.reader == "scoring"
            ]
            load_landing(contracts, copy.roots, loading_warehouse(copy), READERS)
        variables = dict(dbt_variables(settings))
        if first:
            variables["history_from"] = first.isoformat()
        arguments = ["run", "--target", settings.target, "--full-refresh", "--select", RESCORED]
        _run(copy, [*arguments, *(["--vars", json.dumps(variables)] if variables else [])])
    finally:
        settings.export()
    return copy.warehouse


def _run(settings: Settings, arguments: list[str]) -> None:
    result = run_dbt(settings, arguments)
    if not result.succeeded:
        failed = [f"{node.unique_id}: {node.message}" for node in result.nodes if node.has_failed]
        raise DbtError("\n".join(failed))
