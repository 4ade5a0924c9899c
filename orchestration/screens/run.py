"""The screen of `paydown run`: what came in, who ranks where and why, what was opened."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from rich.console import Console
from rich.text import Text

from orchestration.epics.published import CANDIDATES, read_mart
from orchestration.flow import FlowResult
from orchestration.screens.tables import (
    DECISION_STYLES,
    FACTORS,
    money,
    plain_table,
    points,
    published_database,
    shown_path,
    signed,
    text_row,
)
from orchestration.settings import Settings
from orchestration.trackers.local import LocalTracker

SHOWN_SERVICES = 10
SHOWN_PROBLEMS = 5

Row = Mapping[str, Any]


def show_run(console: Console, settings: Settings, result: FlowResult) -> None:
    """Print the result of a run, within one screen where all is well."""
    demo = "demo data, " if settings.is_demo else ""
    moment = settings.now().strftime("%Y-%m-%d %H:%M UTC")
    console.print(Text(f"paydown: {demo}as of {moment}", style="bold"))
    _show_loading(console, result)
    if result.succeeded:
        _show_ranking(console, settings)
        _show_epics(console, settings, result)
        _show_next(console, settings, result)
    for check in result.failed_checks:
        name = f"{check.asset}: {check.name}" if check.asset else check.name
        console.print(Text(f"FAILED {name}", style="bold red"))
        console.print(Text(_first_lines(check.details)))
    if result.error:
        console.print(Text(f"FAILED: {_first_lines(result.error)}", style="bold red"))
    console.print(Text(_time(result), style="dim"))


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


def _show_ranking(console: Console, settings: Settings) -> None:
    database = published_database(settings)
    candidates = sorted(read_mart(database, CANDIDATES), key=lambda row: row["score_rank"])
    by_service = {
        row["service_id"]: row
        for row in read_mart(database, "fct_service_scores")
        if row["is_latest"]
    }
    decided = [row for row in candidates if row["decision"] != "close"]
    shown = decided or candidates[:SHOWN_SERVICES]
    table = plain_table(
        "#", "service", "score", "7d", *FACTORS.values(), "data", "decision",
        right=("#", "score", "7d", *FACTORS.values(), "data"),
    )  # fmt: skip
    for row in shown:
        score = by_service[row["lead_service_id"]]
        table.add_row(
            *text_row(row["score_rank"], row["service_name"], row["score"]),
            Text(signed(row["score_delta"])),
            *(points(score[f"points_{factor}"]) for factor in FACTORS),
            Text(f"{row['coverage']:.0%}"),
            Text(row["decision"], style=DECISION_STYLES.get(row["decision"], "")),
        )
    console.print()
    console.print(table)
    closed = [row for row in candidates if row["decision"] == "close" and row not in shown]
    if closed:
        console.print(Text(f"closed as hygiene, below the bundle band: {_named(closed)}"))


def _named(rows: Sequence[Row]) -> str:
    names = [f"{row['service_name']} {row['score']}" for row in rows[:SHOWN_SERVICES]]
    more = len(rows) - len(names)
    return ", ".join(names) + (f" and {more} more" if more else "")


def _show_epics(console: Console, settings: Settings, result: FlowResult) -> None:
    report = asdict(result.epics) if result.epics else {}
    rows = {row["service_id"]: row for row in read_mart(published_database(settings), CANDIDATES)}
    would = "would be " if report["dry_run"] else ""
    titles = {
        "opened": f"epics {would}opened",
        "updated": f"evidence {would}added to the open epic",
        "bundled": f"{would}bundled into the open epic",
        "closed": f"epics {would}closed as hygiene",
        "already_open": "already open",
        "shared": "part of a shared fix",
        "blocked": "blocked: above the band, but no epic without",
        "waiting": "waiting for their team, or for the next incident",
        "failed": "refused by the tracker",
        "stories_failed": "stories refused by the tracker",
    }
    console.print()
    for part, title in titles.items():
        entries = report[part]
        if part == "waiting":
            bundled = [e for e in entries if rows[e["service_id"]]["decision"] == "bundle"]
            if bundled:
                names = ", ".join(entry["service"] for entry in bundled)
                console.print(Text(f"bundle band, no open epic to join: {names}"))
            entries = [entry for entry in entries if entry not in bundled]
        if not entries:
            continue
        console.print(Text(title, style="bold"))
        for entry in entries:
            console.print(Text(f"  {entry['service']}: {_entry(part, entry, rows)}"))
    if report["stories"]:
        console.print(Text(f"stories {would}opened below their epics: {len(report['stories'])}"))


def _entry(part: str, entry: Mapping[str, Any], rows: Mapping[str, Row]) -> str:
    row = rows[entry["service_id"]]
    if part == "blocked":
        return row["missing_fields"].replace(",", ", ")
    if part in ("opened", "already_open") and row["decision"] == "promote":
        return (
            f"{row['owner']}, due {row['due_date']}, {row['estimate_days']:g} days "
            f"{money(row['budget_usd'])}, target {row['target_maturity']} [{entry['key']}]"
        )
    return entry["reason"]


def _show_next(console: Console, settings: Settings, result: FlowResult) -> None:
    report = asdict(result.epics) if result.epics else {}
    parts = ("opened", "updated", "bundled", "closed", "stories")
    changes = not report["dry_run"] and any(report[part] for part in parts)
    loaded = result.loaded
    is_new = loaded is not None and bool(loaded.files_loaded or loaded.files_removed)
    is_published = result.published is not None and result.published.changed
    console.print()
    if not (changes or is_new or is_published):
        console.print(Text("Nothing changed since the last run.", style="bold green"))
    is_local = report["tracker"] == LocalTracker.name
    epics = f"{shown_path(settings.epics)}/*.md" if is_local else report["tracker"]
    if report["dry_run"]:
        epics += " (dry run: paydown epics shows each request, PAYDOWN_DRY_RUN=0 sends them)"
    console.print(
        Text("why a score  paydown explain SERVICE (.venv/bin/paydown, or activate .venv)")
    )
    console.print(Text(f"epics        {epics}"))
    console.print(Text(f"database     {shown_path(published_database(settings))} (read-only copy)"))
    console.print(Text("Dagster      make dev, then http://localhost:3000"))
    console.print(Text("docs         README.md and docs/"))


def _time(result: FlowResult) -> str:
    steps = [
        f"{step} {seconds:.0f} s" for step, seconds in result.step_seconds.items() if seconds >= 1
    ]
    return f"took {result.seconds:.0f} s" + (f" ({', '.join(steps)})" if steps else "")


def _first_lines(text: str) -> str:
    lines = text.splitlines()
    more = len(lines) - SHOWN_PROBLEMS
    return "\n".join(lines[:SHOWN_PROBLEMS] + ([f"and {more} more"] if more > 0 else []))
