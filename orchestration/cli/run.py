"""`paydown run`: what came in, who ranks where and why, what was opened."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.text import Text

from orchestration.cli.tables import (
    DECISION_STYLES,
    FACTORS,
    money,
    plain_table,
    points,
    published_rows,
    shown_path,
    signed,
    text_row,
)
from orchestration.epics.report import EpicEntry, EpicsReport
from orchestration.flow import FlowResult
from orchestration.settings import Settings
from orchestration.trackers.local import LocalTracker

SHOWN_SERVICES = 10
SHOWN_PROBLEMS = 5

Row = Mapping[str, Any]

RANKING = """
    select candidates.*, columns(scores.*) as 'scored_\\0'
    from rpt_promotion_candidates as candidates
    inner join fct_service_scores as scores
        on candidates.lead_service_id = scores.service_id and scores.is_latest
    order by candidates.score_rank
"""
# Part of the report -> its title, where the run wrote to the tracker and where it was a dry run.
TITLES = {
    "opened": ("epics opened", "epics that would be opened"),
    "updated": ("evidence added to the open epic", "evidence for the open epic"),
    "bundled": ("bundled into the open epic", "to be bundled into the open epic"),
    "closed": ("epics closed as hygiene", "epics that would be closed as hygiene"),
    "already_open": ("already open",) * 2,
    "shared": ("part of a shared fix",) * 2,
    "blocked": ("blocked: above the band, but no epic without",) * 2,
    "waiting": ("waiting for their team, or for the next incident",) * 2,
    "failed": ("rejected by the tracker",) * 2,
    "stories_failed": ("stories rejected by the tracker",) * 2,
}


def show_run(console: Console, settings: Settings, result: FlowResult) -> None:
    """Print the result of a run, within one screen where all is well."""
    demo = "demo data, " if settings.is_demo else ""
    moment = settings.now().strftime("%Y-%m-%d %H:%M UTC")
    console.print(Text(f"paydown: {demo}as of {moment}", style="bold"))
    _show_loading(console, result)
    if result.succeeded and result.epics:
        rows = published_rows(settings, RANKING)
        _show_ranking(console, rows)
        _show_epics(console, result.epics, {row["service_id"]: row for row in rows})
        _show_next(console, settings, result, result.epics)
    for check in result.failed_checks:
        name = f"{check.asset}: {check.name}" if check.asset else check.name
        console.print(Text(f"FAILED {name}", style="bold red"))
        console.print(Text(_first_lines(check.details)))
    if result.error:
        console.print(Text(f"FAILED: {_first_lines(result.error)}", style="bold red"))
    steps = [f"{name} {took:.0f} s" for name, took in result.step_seconds.items() if took >= 1]
    parts = f" ({', '.join(steps)})" if steps else ""
    console.print(Text(f"took {result.seconds:.0f} s{parts}", style="dim"))


def _show_loading(console: Console, result: FlowResult) -> None:
    if result.synced:
        complete = [one.source for one in result.synced if one.status == "complete"]
        parts = [f"from {', '.join(complete)}"] if complete else []
        parts += [f"{r.source} {r.status}" for r in result.synced if r.status != "complete"]
        records = sum(one.records for one in result.synced)
        console.print(Text(f"synced   {records:,} records, {'; '.join(parts)}"))
    if loaded := result.loaded:
        new = loaded.files_loaded
        line = f"{loaded.rows_loaded:,} rows from {new:,} new files" if new else "no new files"
        if loaded.rows_quarantined:
            line += f", {loaded.rows_quarantined:,} records quarantined (paydown doctor says why)"
        console.print(Text(f"loaded   {line}"))
    checks, failed = len(result.checks), len(result.failed_checks)
    unbuilt = "" if result.is_built or not result.succeeded else "; models are up to date"
    console.print(Text(f"checked  {checks:,} checks, {failed} failed{unbuilt}"))


def _show_ranking(console: Console, rows: Sequence[Row]) -> None:
    decided = [row for row in rows if row["decision"] != "close"]
    shown = decided or rows[:SHOWN_SERVICES]
    table = plain_table(
        "#", "service", "score", "7d", *FACTORS.values(), "data", "decision",
        right=("#", "score", "7d", *FACTORS.values(), "data"),
    )  # fmt: skip
    for row in shown:
        table.add_row(
            *text_row(row["score_rank"], row["service_name"], row["score"]),
            Text(signed(row["score_delta"])),
            *(points(row[f"scored_points_{factor}"]) for factor in FACTORS),
            Text(f"{row['coverage']:.0%}"),
            Text(row["decision"], style=DECISION_STYLES.get(row["decision"], "")),
        )
    console.print()
    console.print(table)
    if closed := [row for row in rows if row not in shown]:
        names = [f"{row['service_name']} {row['score']}" for row in closed[:SHOWN_SERVICES]]
        more = len(closed) - len(names)
        listed = ", ".join(names) + (f" and {more} more" if more else "")
        console.print(Text(f"closed as hygiene, below the bundle band: {listed}"))


def _show_epics(console: Console, report: EpicsReport, rows: Mapping[str, Row]) -> None:
    console.print()
    for part, titles in TITLES.items():
        entries: Sequence[EpicEntry] = getattr(report, part)
        if part == "waiting":
            bundled = [e for e in entries if rows[e.service_id]["decision"] == "bundle"]
            if bundled:
                names = ", ".join(entry.service for entry in bundled)
                console.print(Text(f"bundle band, no open epic to join: {names}"))
            entries = [entry for entry in entries if entry not in bundled]
        if entries:
            console.print(Text(titles[report.dry_run], style="bold"))
        for entry in entries:
            line = _entry(part, entry, rows[entry.service_id])
            console.print(Text(f"  {entry.service}: {line}"))
    if report.stories:
        would = "that would be " if report.dry_run else ""
        console.print(Text(f"stories {would}opened below their epics: {len(report.stories)}"))


def _entry(part: str, entry: EpicEntry, row: Row) -> str:
    if part == "blocked":
        return row["missing_fields"].replace(",", ", ")
    if part in ("opened", "already_open") and row["decision"] == "promote":
        return (
            f"{row['owner']}, due {row['due_date']}, {row['estimate_days']:g} days "
            f"{money(row['budget_usd'])}, target {row['target_maturity']} [{entry.key}]"
        )
    return entry.reason


def _show_next(
    console: Console, settings: Settings, result: FlowResult, report: EpicsReport
) -> None:
    has_written = report.has_changes and not report.dry_run
    loaded = result.loaded
    is_new = loaded is not None and bool(loaded.files_loaded or loaded.files_removed)
    is_published = result.published is not None and result.published.changed
    console.print()
    if not (has_written or is_new or is_published):
        console.print(Text("Nothing changed since the last run.", style="bold green"))
    is_local = report.tracker == LocalTracker.name
    epics = f"{shown_path(settings.epics)}/*.md" if is_local else report.tracker
    if report.dry_run:
        epics += " (dry run: paydown epics shows each request, PAYDOWN_DRY_RUN=0 sends them)"
    database = shown_path(settings.published_database)
    for line in (
        "why a score  paydown explain SERVICE (.venv/bin/paydown, or activate .venv)",
        f"epics        {epics}",
        f"database     {database} (read-only copy)",
        "Dagster      make dev, then http://localhost:3000",
        "docs         README.md and docs/",
    ):
        console.print(Text(line))


def _first_lines(text: str) -> str:
    lines = text.splitlines()
    more = len(lines) - SHOWN_PROBLEMS
    return "\n".join(lines[:SHOWN_PROBLEMS] + ([f"and {more} more"] if more > 0 else []))
