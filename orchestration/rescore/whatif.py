"""What another rubric would change: the same facts, scored beside the present, nothing touched."""

from __future__ import annotations

import dataclasses
import json
import shutil
import tempfile
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb

from orchestration.configuration import READERS
from orchestration.dbt_project import DbtError, dbt_variables, manifest, parsed, run_dbt
from orchestration.documents import load_model
from orchestration.loader import contracts_from_manifest, load_landing
from orchestration.rubric import Scoring
from orchestration.settings import Settings, SettingsError
from orchestration.warehouse import loading_warehouse

SCORING_FILE = "scoring.yaml"
DAYS_A_MONTH = 31
RESCORED = (
    "stg_modernization__scoring+ stg_modernization__scoring_factors+ "
    "stg_modernization__scoring_levels+ stg_modernization__scoring_bands+"
)


@dataclass(frozen=True)
class Move:
    """A service under both rubrics. None: it isn't scored by that one."""

    service: str
    rank_before: int | None
    rank_after: int | None
    score_before: int | None
    score_after: int | None
    band_before: str | None
    band_after: str | None
    decision_before: str | None
    decision_after: str | None

    @property
    def has_changed(self) -> bool:
        return (self.rank_before, self.score_before, self.band_before, self.decision_before) != (
            self.rank_after, self.score_after, self.band_after, self.decision_after,
        )  # fmt: skip

    @property
    def opens(self) -> bool:
        """An epic would open that doesn't open now."""
        return self.decision_after == "promote" and self.decision_before != "promote"


@dataclass(frozen=True)
class Month:
    """Both rubrics on the last scored day of a month."""

    last_day: date
    promoted_before: tuple[str, ...]
    promoted_after: tuple[str, ...]


@dataclass(frozen=True)
class WhatIf:
    """What the other rubric changes, best rank first."""

    rubric_before: str
    rubric_after: str
    moves: list[Move]
    months: list[Month]


def what_if(settings: Settings, scoring: Path, months: int = 0) -> WhatIf:
    """Score the warehouse's facts with the rubric in `scoring`, in a copy that is thrown away.

    Args:
        months: so many past months are compared as well.

    Raises:
        ConfigError: the rubric has problems; with line, field and fix.
        SettingsError: there is no warehouse yet, or it isn't a DuckDB file.
        DbtError: a model failed.
    """
    rubric = load_model(scoring, Scoring)
    if settings.target != "duckdb" or not settings.warehouse.exists():
        raise SettingsError(f"{settings.warehouse}: there is none yet; `paydown run` makes it")
    first = settings.now().date() - timedelta(days=DAYS_A_MONTH * months) if months else None
    with tempfile.TemporaryDirectory(prefix="paydown-whatif-") as folder:
        before = _scored(settings, Path(folder, "before"), None, first) if first else None
        after = _scored(settings, Path(folder, "after"), scoring, first)
        with duckdb.connect() as con:
            _attach(con, "before", before or settings.warehouse)
            _attach(con, "after", after)
            hashes = con.execute(RUBRIC).fetchone()
            moves = con.execute(MOVES).fetchall()
            past = con.execute(MONTHS).fetchall() if months else []
    return WhatIf(
        rubric_before=hashes[0] if hashes else "",
        rubric_after=rubric.rubric_hash,
        moves=[Move(*row) for row in moves],
        months=[Month(day, tuple(old), tuple(new)) for day, old, new in past],
    )


RUBRIC = "select max(rubric_hash) from before.paydown_marts.fct_service_scores where is_latest"
MOVES = """
    select
        coalesce(new_services.service_name, old_services.service_name),
        old_scores.score_rank, new_scores.score_rank,
        old_scores.score, new_scores.score,
        old_scores.band, new_scores.band,
        old_candidates.decision, new_candidates.decision
    from (select * from before.paydown_marts.fct_service_scores where is_latest) as old_scores
    full join (select * from after.paydown_marts.fct_service_scores where is_latest) as new_scores
        using (service_id)
    left join before.paydown_marts.rpt_promotion_candidates as old_candidates using (service_id)
    left join after.paydown_marts.rpt_promotion_candidates as new_candidates using (service_id)
    left join before.paydown_marts.dim_services as old_services using (service_id)
    left join after.paydown_marts.dim_services as new_services using (service_id)
    order by new_scores.score_rank, old_scores.score_rank
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
    home.mkdir(parents=True)
    modernization = home / "modernization"
    shutil.copytree(settings.modernization, modernization)
    landing = home / "landing"
    landing.mkdir()
    shutil.copyfile(settings.warehouse, home / "warehouse.duckdb")
    copy = dataclasses.replace(
        settings, home=home, modernization=modernization, landing=landing, is_demo=False
    )
    # The parsed project is the same, and parsing it takes longer than all else.
    shutil.copytree(parsed(settings), copy.dbt_target_path, dirs_exist_ok=True)
    copy.export()
    try:
        if scoring:
            shutil.copyfile(scoring, modernization / SCORING_FILE)
            contracts = [
                contract
                for contract in contracts_from_manifest(manifest(settings))
                if contract.source == "modernization" and contract.reader == "scoring"
            ]
            load_landing(contracts, copy.roots, loading_warehouse(copy), READERS)
        variables: dict[str, Any] = dict(dbt_variables(settings))
        if first:
            variables["history_from"] = first.isoformat()
        arguments = ["run", "--target", settings.target, "--full-refresh", "--select", RESCORED]
        if variables:
            arguments += ["--vars", json.dumps(variables)]
        result = run_dbt(copy, arguments)
        if not result.succeeded:
            failed = [f"{n.unique_id}: {n.message}" for n in result.nodes if n.has_failed]
            raise DbtError("\n".join(failed))
    finally:
        settings.export()
    return copy.warehouse


def _attach(con: duckdb.DuckDBPyConnection, name: str, database: Path) -> None:
    quoted = str(database).replace("'", "''")
    con.execute(f"attach '{quoted}' as {name} (read_only)")
