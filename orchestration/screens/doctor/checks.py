"""What the doctor looks at besides sources: settings, files, warehouse, ledger."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import duckdb
from sqlalchemy.exc import SQLAlchemyError

from orchestration.configuration import check_configuration
from orchestration.epics.published import read_mart
from orchestration.ledger import EpicState, Ledger
from orchestration.loader.quarantine import QuarantineError
from orchestration.rubric import Scoring
from orchestration.screens.doctor.finding import SHOWN_PROBLEMS, Finding
from orchestration.screens.quarantine import opened, shown
from orchestration.screens.tables import published_database, shown_path
from orchestration.settings import Settings


def check_settings(settings: Settings) -> Iterator[Finding]:
    """What is in force."""
    mode = "demo (PAYDOWN_LANDING is not set)" if settings.is_demo else "live"
    moment = settings.as_of.strftime("%Y-%m-%d %H:%M UTC") if settings.as_of else "now"
    yield Finding("ok", "mode", f"{mode}, as of {moment}, target {settings.target}")
    yield Finding("ok", "home", shown_path(settings.home))


def check_rubric(settings: Settings) -> Iterator[Finding]:
    """The files that people edit, each with what is wrong in it."""
    for file in check_configuration(settings.modernization):
        if file.problem:
            yield Finding("bad", shown_path(file.path), file.problem)
        else:
            rubric = file.model
            detail = f"rubric {rubric.rubric_hash}" if isinstance(rubric, Scoring) else "valid"
            yield Finding("ok", shown_path(file.path), detail)


def check_landing(settings: Settings) -> Iterator[Finding]:
    """What lies in the landing folder."""
    folders = sorted(p for p in settings.landing.iterdir() if p.is_dir())
    if not folders and settings.sources:
        yield Finding("note", "landing", "nothing has landed yet; run `paydown sync`")
    elif not folders:
        yield Finding(
            "bad", "landing", f"{shown_path(settings.landing)} is empty; drop exports there"
        )
    for folder in folders:
        files = [p for p in folder.rglob("*") if p.is_file()]
        size = sum(p.stat().st_size for p in files) / 1e6
        yield Finding("ok", f"landing/{folder.name}", f"{len(files)} files, {size:.1f} MB")


def check_warehouse(settings: Settings) -> Iterator[Finding]:
    """What the loads of each source brought, and which files could not be read."""
    if not settings.warehouse.exists():
        yield Finding("note", "warehouse", "nothing loaded yet; run `paydown run`")
        return
    try:
        with duckdb.connect(str(settings.warehouse), read_only=True) as con:
            yield from _loads(con)
    except duckdb.IOException:
        yield Finding("note", "warehouse", "a run is writing it; ask again when it is done")
    except duckdb.CatalogException:
        yield Finding("note", "warehouse", "no load has finished yet; run `paydown run`")


def _loads(con: duckdb.DuckDBPyConnection) -> Iterator[Finding]:
    rows = con.execute(
        """
        select
            source, sum(records), sum(rows_loaded), sum(rows_quarantined),
            strftime(max(_loaded_at), '%Y-%m-%d %H:%M')
        from raw.loads
        group by source order by source
        """
    ).fetchall()
    for source, records, loaded, quarantined, newest in rows:
        yield Finding(
            "ok" if records == loaded + quarantined else "bad",
            f"raw.{source}",
            f"{records:,} records = {loaded:,} loaded + {quarantined:,} quarantined, "
            f"newest load {newest} UTC",
        )
    rejected = con.execute(
        """
        select file, any_value(problem)
        from (
            select *, row_number() over (
                partition by source, stream, file order by _loaded_at desc
            ) as recency
            from raw.loads
        )
        where recency = 1 and status = 'rejected'
        group by file order by file
        """
    ).fetchall()
    for file, problem in rejected:
        yield Finding("bad", file, problem)


def check_quarantine(settings: Settings) -> Iterator[Finding]:
    """The records that are still set aside, newest first."""
    try:
        with opened(settings) as quarantine:
            problems = quarantine.problems()
    except QuarantineError:
        return  # There is no warehouse to read, which `check_warehouse` tells.
    for problem in problems[:SHOWN_PROBLEMS]:
        what = f"{problem.field}={problem.value!r}: " if problem.field and problem.value else ""
        yield Finding("note", shown(problem.place), shown(what + problem.reason))
    if len(problems) > SHOWN_PROBLEMS:
        more = len(problems) - SHOWN_PROBLEMS
        yield Finding("note", "quarantine", f"and {more:,} more: `paydown quarantine list`")


def check_services(settings: Settings) -> Iterator[Finding]:
    """Services that incidents name and the catalog lacks."""
    database = published_database(settings)
    if not database.exists():
        return
    rows: list[dict[str, Any]] = read_mart(database, "rpt_unmatched_services")
    for row in sorted(rows, key=lambda r: -r["incident_count"])[:SHOWN_PROBLEMS]:
        yield Finding(
            "note",
            f"{row['source_name']} service {row['stated_name'] or '(none given)'}",
            f"{row['incident_count']} incidents; not in the catalog, add it or an alias to it",
        )


def check_ledger(settings: Settings) -> Iterator[Finding]:
    """Whether the ledger can be read, and what is in it."""
    try:
        epics = [r for r in Ledger(settings.ledger_url).records() if not r.parent_key]
    except SQLAlchemyError as error:
        # The address may hold a password; the driver's message does not repeat it.
        yield Finding(
            "bad", "ledger", f"not reachable: {type(error).__name__}; check PAYDOWN_LEDGER"
        )
        return
    counts = {state: sum(epic.state == state for epic in epics) for state in EpicState}
    text = ", ".join(f"{count} {state.value}" for state, count in counts.items() if count)
    yield Finding("ok", "ledger", text or "no epics yet")
