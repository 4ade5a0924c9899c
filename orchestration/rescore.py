"""Scores again: past days with what was known then, or today with other rubric or postmortems."""

from __future__ import annotations

import dataclasses
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import duckdb

from orchestration.configuration import READERS
from orchestration.dbt_project import DbtError, build_arguments, manifest, parsed, run_dbt
from orchestration.documents import load_model
from orchestration.loader import contracts_from_manifest, load_landing
from orchestration.rubric import Scoring
from orchestration.settings import Settings, SettingsError
from orchestration.warehouse import warehouse_of
from orchestration.warehouse.file import copy_warehouse

# The models between the days to be scored and the marts that show them.
SCORED = "int_scoring__dates+,+fct_service_scores int_scoring__dates+,+fct_service_score_factors"
# int_scoring__dates counts back 4,000 days, some of which are lead-in.
OLDEST_DAYS = 3_400
DAYS_A_MONTH = 31
RESCORED = {
    "modernization": "stg_modernization__scoring+ stg_modernization__scoring_factors+ "
    "stg_modernization__scoring_levels+ stg_modernization__scoring_bands+",
    "postmortems": "path:models/staging/postmortems+,+rpt_promotion_candidates "
    "path:models/staging/postmortems+,+fct_service_score_factors",
}
# A copy of a server's tables has no views.
VIEWS = "config.materialized:view"
INLINE = ("view", "ephemeral")
WORKING = "warehouse.duckdb"


@dataclass(frozen=True)
class WhatIf:
    """What would change: `moves` is a row of `COLUMNS` for each service that moves, best rank
    first; `factors` a line for each whose score changes; `months` one for each past month, newest
    first."""

    headline: str
    moves: list[tuple[str, ...]]
    factors: list[str]
    months: list[str]


COLUMNS = ("#", "was", "service", "score", "", "band", "epic")


def backfill_scores(settings: Settings, first: date, last: date) -> None:
    """Score every day from `first` to `last`, both included, and replace what was there.

    Raises:
        SettingsError: days are in the wrong order, in the future or too long ago, or nothing has
            run.
        WarehouseBusyError: another program has the warehouse open.
        DbtError: a model or a test failed.
    """
    today = settings.now().date()
    if first > last or last > today or (today - first).days > OLDEST_DAYS:
        raise SettingsError(
            f"{first} to {last} can't be scored; name days in order, up to {today} and at most "
            f"{OLDEST_DAYS:,} days back"
        )
    _check_scored(settings)
    days = {"history_from": first.isoformat(), "history_to": last.isoformat()}
    # The models in between have the days that were scored last: restore the state of a run.
    for variables in (days, {}):
        _run(settings, [*build_arguments(settings, **variables), "--select", SCORED])


def what_if(
    settings: Settings,
    scoring: Path | None = None,
    months: int = 0,
    *,
    postmortems: Sequence[Path] = (),
) -> WhatIf:
    """Score the warehouse's facts with the rubric in `scoring`, or with these postmortems too, in a
    temporary copy.

    Args:
        months: how many past months are compared as well, for another rubric.

    Raises:
        ConfigError: the rubric has problems; with line, field and fix.
        OSError: a file can't be read.
        SettingsError: no run has finished yet, or the warehouse can't be reached.
        WarehouseBusyError: another program has the warehouse open.
        DbtError: a model failed.
    """
    rubric = load_model(scoring, Scoring) if scoring else None
    _check_scored(settings)
    first = settings.now().date() - timedelta(days=DAYS_A_MONTH * months) if months else None
    with tempfile.TemporaryDirectory(prefix="paydown-whatif-") as folder, duckdb.connect() as con:
        known = warehouse_of(settings).as_file(Path(folder, WORKING), _facts(settings))
        before = known
        if first:
            before = scored_with(settings, known, Path(folder, "before"), None, first)
        after = scored_with(settings, known, Path(folder, "after"), scoring, first, postmortems)
        for name, database in (("before", before), ("after", after)):
            quoted = str(database).replace("'", "''")
            con.execute(f"attach '{quoted}' as {name} (read_only)")
        con.execute(COMPARED)
        old_hash, services, moved, opening = con.execute(COUNTS).fetchall()[0]
        moves = con.execute(MOVES).fetchall()
        factors = con.execute(FACTORS).fetchall()
        past = con.execute(MONTHS).fetchall() if months else []
    what = (
        f"{moved} of {services} services move, {opening} more epics would open"
        if moved
        else f"none of {services} services moves"
    )
    why = f"rubric {old_hash or ''} -> {rubric.rubric_hash}" if rubric else "with these reviews"
    return WhatIf(
        f"{why}: {what}", moves, [line for (line,) in factors], [line for (line,) in past]
    )


STANDINGS = """
    select
        service_id, scores.service_name, scores.score_rank as place, scores.score,
        case scores.band
            when 'promote_to_epic' then 'promote'
            when 'bundle_with_existing' then 'bundle'
            when 'close_as_hygiene' then 'hygiene'
            else '-'
        end as band,
        coalesce(candidates.decision, '-') as decision
    from {0}.paydown_marts.fct_service_scores as scores
    left join {0}.paydown_marts.rpt_promotion_candidates as candidates using (service_id)
    where scores.is_latest
"""
COMPARED = f"""
    create temp table compared as
    with old as ({STANDINGS.format("before")}), new as ({STANDINGS.format("after")})
    select
        service_id, coalesce(new.service_name, old.service_name) as service,
        new.place, old.place as old_place,
        new.score, new.score - old.score as change,
        coalesce(new.band, '-') as band, coalesce(old.band, '-') as old_band,
        coalesce(new.decision, '-') as decision, coalesce(old.decision, '-') as old_decision,
        (new.place, new.score, new.band, new.decision)
            is distinct from (old.place, old.score, old.band, old.decision) as has_moved
    from old full join new using (service_id)
"""
COUNTS = """
    select
        (select max(rubric_hash) from before.paydown_marts.fct_service_scores where is_latest),
        count(*),
        count(*) filter (where has_moved),
        count(*) filter (where decision = 'promote' and old_decision <> 'promote')
    from compared
"""
MOVES = """
    select
        coalesce(place::varchar, '-'), coalesce(old_place::varchar, '-'), service,
        coalesce(score::varchar, '-'),
        case when change = 0 then '0' else coalesce(format('{:+d}', change), '') end,
        if(band = old_band, band, old_band || ' -> ' || band),
        if(decision = old_decision, decision, old_decision || ' -> ' || decision)
    from compared
    where has_moved
    order by place, old_place
"""
FACTORS = """
    select
        compared.service || ': ' || string_agg(
            format('{} {} -> {}', new.factor, old.points, new.points), ', ' order by new.factor
        )
    from compared
    inner join after.paydown_marts.fct_service_score_factors as new using (service_id)
    inner join before.paydown_marts.fct_service_score_factors as old using (score_factor_id)
    where
        compared.change <> 0 and new.points <> old.points
        and new.scoring_date
            = (select max(scoring_date) from after.paydown_marts.fct_service_scores where is_latest)
    group by compared.service, compared.place
    order by compared.place
"""
# On the last scored day of each month.
MONTHS = """
    with scores as (
        select
            old.scoring_date,
            max(old.scoring_date) over (partition by date_trunc('month', old.scoring_date)) as day,
            services.service_name as name,
            old.band = 'promote_to_epic' as was_in,
            new.band = 'promote_to_epic' as is_in
        from before.paydown_marts.fct_service_scores as old
        inner join after.paydown_marts.fct_service_scores as new using (score_id)
        inner join after.paydown_marts.dim_services as services
            on old.service_id = services.service_id
    )
    select concat_ws(
        '; ',
        format(
            '{}: {} -> {} above the promotion band',
            strftime(day, '%Y-%m'), count(*) filter (where was_in), count(*) filter (where is_in)
        ),
        'in: ' || string_agg(name, ', ' order by name) filter (where is_in and not was_in),
        'out: ' || string_agg(name, ', ' order by name) filter (where was_in and not is_in)
    )
    from scores
    where scoring_date = day
    group by day
    order by day desc
"""


def _check_scored(settings: Settings) -> None:
    """Reject immediately what dbt would reject much later, and less clearly."""
    warehouse = warehouse_of(settings)
    if not warehouse.exists():
        raise SettingsError(f"{warehouse.identity}: is empty; `paydown run` fills it")
    scores = (
        "select table_name from information_schema.tables "
        "where lower(table_name) = 'fct_service_scores' and lower(table_schema) = 'paydown_marts'"
    )
    if not warehouse.ask(scores):
        raise SettingsError("no run has scored anything yet; let `paydown run` finish once")


def _facts(settings: Settings) -> set[str]:
    """The tables that scoring reads and computes, as `schema.table`; no views."""
    nodes = manifest(settings)
    found = {"raw.loads", "raw.quarantine"}
    for node in (*nodes["nodes"].values(), *nodes["sources"].values()):
        if node["resource_type"] in ("seed", "source") or (
            node["resource_type"] == "model" and node["config"]["materialized"] not in INLINE
        ):
            table = node.get("identifier") or node["alias"]
            found.add(f"{node['schema']}.{table}".lower())
    return found


def scored_with(
    settings: Settings,
    known: Path,
    home: Path,
    scoring: Path | None,
    first: date | None = None,
    postmortems: Sequence[Path] = (),
) -> Path:
    """A copy of the warehouse's file, scored with the rubric or the postmortems, or unchanged."""
    landing, modernization = home / "landing", home / "modernization"
    landing.mkdir(parents=True)
    shutil.copytree(settings.modernization, modernization)
    if postmortems:
        # Otherwise those of the landing folder would count as removed.
        landing = settings.landing
    copy = dataclasses.replace(
        settings, home=home, modernization=modernization, landing=landing, is_demo=False,
        target="duckdb",
    )  # fmt: skip
    copy_warehouse(known, copy.warehouse)
    if settings.target == copy.target:
        # The parsed project is the same, and parsing it takes longest of all.
        shutil.copytree(parsed(settings), copy.dbt_target_path, dirs_exist_ok=True)
    copy.export()
    try:
        source = "postmortems" if postmortems else "modernization"
        for path in postmortems:
            (modernization / "postmortems").mkdir(exist_ok=True)
            shutil.copyfile(path, modernization / "postmortems" / path.name)
        if scoring:
            shutil.copyfile(scoring, modernization / "scoring.yaml")
        if scoring or postmortems:
            contracts = [
                contract
                for contract in contracts_from_manifest(manifest(settings))
                if contract.source == source and contract.reader in ("scoring", "postmortem")
            ]
            load_landing(contracts, copy.roots, warehouse_of(copy), READERS)
        days = {"history_from": first.isoformat()} if first else {}
        selected = RESCORED[source]
        selected += "" if settings.target == copy.target else f" {VIEWS}"
        command = build_arguments(copy, "run", "--full-refresh", "--select", selected, **days)
        _run(copy, command)
    finally:
        settings.export()
    return copy.warehouse


def _run(settings: Settings, arguments: list[str]) -> None:
    result = run_dbt(settings, arguments)
    if not result.succeeded:
        raise DbtError("\n".join(result.failed))
