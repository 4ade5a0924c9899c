"""The screen of `paydown doctor`: what is set, what came in, what needs a person."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

import duckdb
from rich.console import Console
from rich.text import Text
from sqlalchemy.exc import SQLAlchemyError

from orchestration.configuration import check_configuration
from orchestration.ledger import EpicState, Ledger
from orchestration.publish.run import read_mart
from orchestration.rubric import Scoring
from orchestration.screens.tables import plain_table, published_database, shown_path, text_row
from orchestration.settings import Settings

SHOWN_PROBLEMS = 20
STYLES = {"ok": "green", "note": "yellow", "bad": "bold red"}


@dataclass(frozen=True)
class Finding:
    """One line of the doctor. `bad` needs a person, `note` is worth knowing."""

    state: Literal["ok", "note", "bad"]
    subject: str
    text: str


def show_doctor(console: Console, settings: Settings) -> bool:
    """Print all findings; False where one is bad."""
    checks: list[Callable[[Settings], Iterator[Finding]]] = [
        _settings, _rubric, _landing, _warehouse, _services, _ledger,
    ]  # fmt: skip
    findings = [finding for check in checks for finding in check(settings)]
    table = plain_table("", "what", "finding")
    for finding in findings:
        style = STYLES[finding.state]
        table.add_row(Text(finding.state, style), *text_row(finding.subject, finding.text))
    console.print(table)
    bad = sum(finding.state == "bad" for finding in findings)
    console.print(
        Text(f"{bad} to mend" if bad else "nothing to mend", "bold red" if bad else "green")
    )
    return not bad


def _settings(settings: Settings) -> Iterator[Finding]:
    mode = "demo (PAYDOWN_LANDING is not set)" if settings.is_demo else "live"
    moment = settings.as_of.strftime("%Y-%m-%d %H:%M UTC") if settings.as_of else "now"
    yield Finding("ok", "mode", f"{mode}, as of {moment}, target {settings.target}")
    yield Finding("ok", "home", shown_path(settings.home))


def _rubric(settings: Settings) -> Iterator[Finding]:
    for file in check_configuration(settings.modernization):
        if file.problem:
            yield Finding("bad", shown_path(file.path), file.problem)
        else:
            rubric = file.model
            detail = f"rubric {rubric.rubric_hash}" if isinstance(rubric, Scoring) else "valid"
            yield Finding("ok", shown_path(file.path), detail)


def _landing(settings: Settings) -> Iterator[Finding]:
    folders = sorted(p for p in settings.landing.iterdir() if p.is_dir())
    if not folders:
        yield Finding(
            "bad", "landing", f"{shown_path(settings.landing)} is empty; drop exports there"
        )
    for folder in folders:
        files = [p for p in folder.rglob("*") if p.is_file()]
        size = sum(p.stat().st_size for p in files) / 1e6
        yield Finding("ok", f"landing/{folder.name}", f"{len(files)} files, {size:.1f} MB")


def _warehouse(settings: Settings) -> Iterator[Finding]:
    if not settings.warehouse.exists():
        yield Finding("note", "warehouse", "nothing loaded yet; run `paydown run`")
        return
    try:
        with duckdb.connect(str(settings.warehouse), read_only=True) as con:
            yield from _loads(con)
            yield from _quarantine(con)
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


def _quarantine(con: duckdb.DuckDBPyConnection) -> Iterator[Finding]:
    rows = con.execute(
        "select file, line, field, value, reason from raw.quarantine order by file, line"
    ).fetchall()
    for file, line, field, value, reason in rows[:SHOWN_PROBLEMS]:
        what = f"{field}={value!r}: " if field and value else ""
        yield Finding("note", f"{file}:{line}", what + reason)
    if len(rows) > SHOWN_PROBLEMS:
        more = len(rows) - SHOWN_PROBLEMS
        yield Finding("note", "raw.quarantine", f"and {more:,} more records")


def _services(settings: Settings) -> Iterator[Finding]:
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


def _ledger(settings: Settings) -> Iterator[Finding]:
    try:
        epics = Ledger(settings.ledger_url).epics("local")
    except SQLAlchemyError as error:
        # The address may hold a password; the driver's message does not repeat it.
        yield Finding(
            "bad", "ledger", f"not reachable: {type(error).__name__}; check PAYDOWN_LEDGER"
        )
        return
    counts = {state: sum(epic.state == state for epic in epics) for state in EpicState}
    text = ", ".join(f"{count} {state.value}" for state, count in counts.items() if count)
    yield Finding("ok", "ledger", text or "no epics yet")
