"""`paydown run`: what came in, how services rank and why, what was opened."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from typing import Any, TextIO

from rich.console import Console
from rich.text import Text

from orchestration.cli.command import console
from orchestration.cli.epics import show_report
from orchestration.cli.tables import published_rows, say, show_table, shown_path
from orchestration.dbt_project import Progress
from orchestration.epics.report import EpicsReport
from orchestration.flow import FlowResult, run_flow
from orchestration.settings import Settings
from orchestration.steps import UNREAD
from orchestration.trackers.local import LocalTracker

SHOWN_SERVICES = 10
SHOWN_PROBLEMS = 5
STYLES = {"promote": "bold green", "blocked": "bold red", "bundle": "yellow"}
FACTORS = ("burn", "rep", "mttr", "blast", "dep", "rev", "eff", "ai")
# The terminal width from which the table shows more. How stable a band is doesn't fit; it is in the
# JSON, on the page and in `explain`.
WIDE = 100
FULL = ("burn", "repeats", "MTTR", "blast", "depend.", "revenue", "effort", "AI risk")
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
        case
            when scores.lowest_score < scores.highest_score
                then scores.lowest_score || ' to ' || scores.highest_score
            else ''
        end,
        decisions.decision
    from rpt_promotion_candidates as candidates
    inner join fct_service_scores as scores
        on candidates.lead_service_id = scores.service_id and scores.is_latest
    inner join rpt_epic_decisions as decisions on candidates.service_id = decisions.service_id
    order by candidates.score_rank
"""
MACHINES = """
    select
        candidates.service_id, candidates.service_name, candidates.score_rank, candidates.score,
        candidates.score_delta, scores.lowest_score, scores.highest_score,
        columns('points_.*'), stability.same_band_share, decisions.decision,
        decisions.epic_action, decisions.reason
    from rpt_promotion_candidates as candidates
    inner join fct_service_scores as scores
        on candidates.lead_service_id = scores.service_id and scores.is_latest
    left join rpt_rank_stability as stability on candidates.lead_service_id = stability.service_id
    inner join rpt_epic_decisions as decisions on candidates.service_id = decisions.service_id
    order by candidates.score_rank, candidates.service_name
"""
# The most points of each factor, and where the bands begin; one row.
LEGEND = """
    select
        list(format('{:g}', part_value) order by case part_name
            when 'slo_burn' then 1 when 'repeats' then 2 when 'mttr' then 3
            when 'blast_radius' then 4 when 'dependency_centrality' then 5
            when 'revenue_impact' then 6 when 'effort' then 7 else 8
        end) filter (where part_kind = 'factor') as most,
        max(format('{:g}', part_value)) filter (where part_name = 'promote_to_epic') as promote,
        max(format('{:g}', part_value)) filter (where part_name = 'bundle_with_existing') as bundle
    from rpt_rubric
"""
PROMISES = """
    select candidates.service_id, format(
        '{}, due {}, {:g} days ${:,.0f}, target {}',
        candidates.owner, due_date, estimate_days, budget_usd, target_maturity
    ) as promise
    from rpt_promotion_candidates as candidates
    inner join rpt_epic_decisions as decisions using (service_id)
    where decisions.decision = 'promote'
"""


def run_and_show(settings: Settings, *, as_json: bool = False) -> bool:
    """Run the complete flow and print its result; False if something needs a person."""
    # Its own stream: dbt's output is captured while the status line stays visible.
    screen = Console(file=sys.stdout, highlight=False)
    if as_json or not screen.is_terminal:
        result = run_flow(settings, _steps_to(sys.stderr))
    else:
        with screen.status("starting") as status:
            result = run_flow(settings, lambda text: status.update(Text(text[: screen.width - 4])))
    if as_json:
        print(json.dumps(_as_json(settings, result), indent=2, default=str))
    else:
        show_run(settings, result)
    return result.is_clean


def _steps_to(stream: TextIO) -> Progress:
    """Progress as lines, for a file or a pipe: one when another step begins."""
    shown: set[str] = set()

    def print_step(text: str) -> None:
        step = text.split()[0].rstrip(":") if text.strip() else ""
        if step and step not in shown:
            shown.add(step)
            print(step, file=stream, flush=True)

    return print_step


def _as_json(settings: Settings, result: FlowResult) -> dict[str, Any]:
    """The run for other programs: what the screen shows, and nothing else."""
    return {
        "as_of": settings.now(),
        "succeeded": result.succeeded,
        "is_clean": result.is_clean,
        "error": result.error,
        "failed_checks": [asdict(check) for check in result.failed_checks],
        "rows_loaded": result.loaded.rows_loaded if result.loaded else None,
        "epics": result.epics.counts if result.epics else None,
        "ranking": published_rows(settings, MACHINES),
        "page": settings.published_page,
        "database": settings.published_database,
        "seconds": round(result.seconds, 1),
    }


def show_run(settings: Settings, result: FlowResult) -> None:
    """Print the result of a run, within one screen if all is well."""
    demo = "demo data, " if settings.is_demo else ""
    say(f"paydown: {demo}as of {settings.now():%Y-%m-%d %H:%M} UTC", "bold")
    _show_loading(result)
    if result.succeeded and result.epics:
        say("")
        _show_ranking(settings, [[*row.values()] for row in published_rows(settings, RANKING)])
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
    if result.checks:
        say(f"checked  {len(result.checks):,} checks, {len(result.failed_checks)} failed{unbuilt}")


def _show_ranking(settings: Settings, rows: list[list[Any]]) -> None:
    if not rows:
        say("No service is scored: no incident, postmortem or catalog entry names one.", "bold")
        say("paydown doctor shows what came in; docs/guides/data-engineer.md how to load yours")
        return
    decided = [row for row in rows if row[-1] != "close"] or rows[:SHOWN_SERVICES]
    table = [[*row[:-1], Text(row[-1], STYLES.get(row[-1], ""))] for row in decided]
    factors = FULL if console.width >= WIDE else FACTORS
    columns = ("#", "service", "score", "7d", *factors, "could be", "decision")
    show_table(columns, table, right=[c for c in columns if c not in ("service", "decision")])
    for legend in published_rows(settings, LEGEND):
        most = ", ".join(f"{name} {n}" for name, n in zip(factors, legend["most"], strict=True))
        bands = f"promote from {legend['promote']}, bundle from {legend['bundle']}"
        say(f"at most: {most}; {bands}; 7d: change in 7 days", "dim")
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
    say(f"review page  {shown_path(settings.published_page)} (open it in a browser)", "bold")
    say("why a score  paydown explain SERVICE (.venv/bin/paydown, or activate .venv)")
    say(f"epics        {epics}")
    say(f"database     {shown_path(settings.published_database)} (read-only copy)")
    say("Dagster      make dev, then http://localhost:3000")
    say("docs         README.md and docs/")


def _first_lines(text: str) -> str:
    lines = text.splitlines()
    more = len(lines) - SHOWN_PROBLEMS
    return "\n".join(lines[:SHOWN_PROBLEMS] + ([f"and {more} more"] if more > 0 else []))
