"""`paydown run`: what came in, who ranks where and why, what was opened."""

from __future__ import annotations

import sys
from typing import Any

from rich.console import Console
from rich.text import Text

from orchestration.cli.epics import show_report
from orchestration.cli.tables import published_rows, say, show_table, shown_path
from orchestration.epics.report import EpicsReport
from orchestration.flow import FlowResult, run_flow
from orchestration.settings import Settings
from orchestration.steps import UNREAD
from orchestration.trackers.local import LocalTracker

SHOWN_SERVICES = 10
SHOWN_PROBLEMS = 5
STYLES = {"promote": "bold green", "blocked": "bold red", "bundle": "yellow"}
COLUMNS = ("#", "service", "score", "7d", "burn", "rep", "mttr", "blast", "dep", "rev", "eff", "ai",
           "data", "decision")  # fmt: skip
# In the order of the columns.
RANKING = """
    select
        candidates.score_rank, candidates.service_name, candidates.score,
        case
            when candidates.score_delta = 0 then '0'
            else coalesce(format('{:+d}', candidates.score_delta), '')
        end,
        scores.points_slo_burn, scores.points_repeats, scores.points_mttr,
        scores.points_blast_radius, scores.points_dependency_centrality,
        scores.points_revenue_impact, scores.points_effort, scores.points_ai_risk,
        format('{:.0f}%', candidates.coverage * 100),
        candidates.decision
    from rpt_promotion_candidates as candidates
    inner join fct_service_scores as scores
        on candidates.lead_service_id = scores.service_id and scores.is_latest
    order by candidates.score_rank
"""
PROMISES = """
    select service_id, format(
        '{}, due {}, {:g} days ${:,.0f}, target {}',
        owner, due_date, estimate_days, budget_usd, target_maturity
    ) as promise
    from rpt_promotion_candidates
    where decision = 'promote'
"""


def run_and_show(settings: Settings) -> bool:
    """Run the whole flow and print its result; False where something needs a person."""
    # Its own stream: what dbt prints is captured while the status line lives on.
    screen = Console(file=sys.stdout, highlight=False)
    with screen.status("starting") as status:
        result = run_flow(settings, lambda text: status.update(Text(text[: screen.width - 4])))
    show_run(settings, result)
    return result.is_clean


def show_run(settings: Settings, result: FlowResult) -> None:
    """Print the result of a run, within one screen where all is well."""
    demo = "demo data, " if settings.is_demo else ""
    say(f"paydown: {demo}as of {settings.now():%Y-%m-%d %H:%M} UTC", "bold")
    _show_loading(result)
    if result.succeeded and result.epics:
        say("")
        _show_ranking([[*row.values()] for row in published_rows(settings, RANKING)])
        say("")
        promises = {r["service_id"]: r["promise"] for r in published_rows(settings, PROMISES)}
        show_report(result.epics, ("stories",), promises)
        say("")
        _show_next(settings, result, result.epics)
    for check in result.failed_checks:
        say("FAILED " + ": ".join(filter(None, (check.asset, check.name))), "bold red")
        say(_first_lines(check.details))
    if result.error:
        say(f"FAILED: {_first_lines(result.error)}", "bold red")
    steps = [f"{name} {took:.0f} s" for name, took in result.step_seconds.items() if took >= 1]
    listed = f" ({', '.join(steps)})" if steps else ""
    say(f"took {result.seconds:.0f} s{listed}", "dim")


def _show_loading(result: FlowResult) -> None:
    if result.synced:
        complete = [one.source for one in result.synced if one.status == "complete"]
        parts = [f"from {', '.join(complete)}"] if complete else []
        parts += [f"{r.source} {r.status}" for r in result.synced if r.status != "complete"]
        records = sum(one.records for one in result.synced)
        say(f"synced   {records:,} records, {'; '.join(parts)}")
    if loaded := result.loaded:
        new = loaded.files_loaded
        line = f"{loaded.rows_loaded:,} rows from {new:,} new files" if new else "no new files"
        if loaded.files_again:
            kept = f", {loaded.files_kept:,} of them gone" if loaded.files_kept else ""
            line += f"; {loaded.files_again:,} files read again by a changed contract{kept}"
        if loaded.rows_quarantined:
            line += f", {loaded.rows_quarantined:,} records quarantined (paydown doctor says why)"
        say(f"loaded   {line}")
    unread = "\n".join(c.details for c in result.checks if c.name == UNREAD and c.is_warning)
    notes = "\n".join(map(str, loaded.notes)) if loaded else ""
    for what, lines in (("unread", unread), ("note", notes)):
        if lines:
            say(f"{what:9}" + _first_lines(lines).replace("\n", "\n" + " " * 9), "yellow")
    unbuilt = "" if result.is_built or not result.succeeded else "; models are up to date"
    say(f"checked  {len(result.checks):,} checks, {len(result.failed_checks)} failed{unbuilt}")


def _show_ranking(rows: list[list[Any]]) -> None:
    decided = [row for row in rows if row[-1] != "close"] or rows[:SHOWN_SERVICES]
    table = [[*row[:-1], Text(row[-1], STYLES.get(row[-1], ""))] for row in decided]
    numbers = [column for column in COLUMNS if column not in ("service", "decision")]
    show_table(COLUMNS, table, right=numbers)
    if closed := [f"{row[1]} {row[2]}" for row in rows if row not in decided]:
        more = f" and {len(closed) - SHOWN_SERVICES} more" if len(closed) > SHOWN_SERVICES else ""
        listed = ", ".join(closed[:SHOWN_SERVICES])
        say(f"closed as hygiene, below the bundle band: {listed}{more}")


def _show_next(settings: Settings, result: FlowResult, report: EpicsReport) -> None:
    loaded = result.loaded
    is_new = loaded is not None and bool(loaded.files_loaded or loaded.files_removed)
    is_published = result.published is not None and result.published.changed
    if not (is_new or is_published or (report.has_changes and not report.dry_run)):
        say("Nothing changed since the last run.", "bold green")
    is_local = report.tracker == LocalTracker.name
    epics = f"{shown_path(settings.epics)}/*.md" if is_local else report.tracker
    if report.dry_run:
        epics += " (dry run: paydown epics shows each request, PAYDOWN_DRY_RUN=0 sends them)"
    say("why a score  paydown explain SERVICE (.venv/bin/paydown, or activate .venv)")
    say(f"epics        {epics}")
    say(f"database     {shown_path(settings.published_database)} (read-only copy)")
    say("Dagster      make dev, then http://localhost:3000")
    say("docs         README.md and docs/")


def _first_lines(text: str) -> str:
    lines = text.splitlines()
    more = len(lines) - SHOWN_PROBLEMS
    return "\n".join(lines[:SHOWN_PROBLEMS] + ([f"and {more} more"] if more > 0 else []))
