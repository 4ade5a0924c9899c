"""The screen of `paydown run`: what came in, who ranks where and why, what was opened."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
        console.print(Text(f"FAILED {check.asset}: {check.check}", style="bold red"))
        console.print(Text(_first_lines(check.details)))
    if result.error:
        console.print(Text(f"FAILED: {result.error}", style="bold red"))
        console.print(Text(_dbt_failures(result.output)))
    console.print(Text(_time(result), style="dim"))


def _show_loading(console: Console, result: FlowResult) -> None:
    synced = result.metadata.get("paydown/extract", {})
    if synced.get("sources"):
        statuses: dict[str, str] = synced["sources"]
        whole = [name for name, status in statuses.items() if status == "complete"]
        parts = [f"from {', '.join(whole)}"] if whole else []
        parts += [f"{name} {status}" for name, status in statuses.items() if name not in whole]
        console.print(Text(f"synced   {synced['records']:,} records, {'; '.join(parts)}"))
    loads = result.metadata.get("paydown/loads", {})
    new, rows = loads.get("files_loaded", 0), loads.get("rows_loaded", 0)
    quarantined = result.metadata.get("paydown/quarantine", {}).get("rows_quarantined", 0)
    line = f"{rows:,} rows from {new:,} new files" if new else "no new files"
    if quarantined:
        line += f", {quarantined:,} records set aside (paydown doctor says why)"
    console.print(Text(f"loaded   {line}"))
    failed = len(result.failed_checks)
    console.print(Text(f"checked  {result.checks:,} checks, {failed} failed"))


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
    report = result.metadata["epics"]["report"]
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
    report = result.metadata["epics"]["report"]
    parts = ("opened", "updated", "bundled", "closed", "stories")
    changes = not report["dry_run"] and any(report[part] for part in parts)
    loads = result.metadata["paydown/loads"]
    quiet = not (changes or loads["files_loaded"] or loads["files_removed"])
    console.print()
    if quiet and not result.metadata["analysts_copy"]["changed"]:
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
    names = {"load_landing": "load", "dbt_build": "dbt", "analysts_copy": "publish"}
    steps = [
        f"{names.get(step, step)} {seconds:.0f} s"
        for step, seconds in result.step_seconds.items()
        if seconds >= 1
    ]
    return f"took {result.seconds:.0f} s" + (f" ({', '.join(steps)})" if steps else "")


def _first_lines(text: str) -> str:
    lines = text.splitlines()
    more = len(lines) - SHOWN_PROBLEMS
    return "\n".join(lines[:SHOWN_PROBLEMS] + ([f"and {more} more"] if more > 0 else []))


def _dbt_failures(output: str) -> str:
    wanted = ("FAIL ", "ERROR", "Got ", "Error in")
    return _first_lines("\n".join(x for x in output.splitlines() if any(w in x for w in wanted)))
