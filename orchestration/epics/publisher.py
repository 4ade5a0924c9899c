"""Turns rows of `rpt_promotion_candidates` into epics, exactly once each."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from orchestration.epics.candidates import Candidate, read_candidates
from orchestration.epics.executor import EpicExecutor
from orchestration.epics.plan import Say, Section, decide
from orchestration.epics.rehearsal import EpicRehearsal
from orchestration.epics.report import EpicEntry, EpicsReport, ReportBuilder
from orchestration.epics.run import PublishRun
from orchestration.epics.state import EpicStates, learn_states
from orchestration.ledger import Ledger
from orchestration.trackers.protocol import Tracker, TrackerError

__all__ = ["EpicEntry", "EpicsReport", "publish_epics", "utc_now"]


def utc_now() -> datetime:
    return datetime.now(UTC)


def publish_epics(
    rows: Iterable[Mapping[str, Any]],
    ledger: Ledger,
    tracker: Tracker,
    *,
    dry_run: bool,
    now: datetime,
    run_id: str,
    clock: Callable[[], datetime] = utc_now,
    sleep: Callable[[float], None] = time.sleep,
) -> EpicsReport:
    """Make the tracker true to `rows`, and report what became of each row.

    rows: mappings with the mart's columns. now: business time, aware; epics are opened and
    compared with incidents by it. clock, sleep: wall-clock time for leases, and waiting out a
    tracker's search lag. dry_run: read the ledger and the tracker, write nothing, and report what
    would be sent.

    Running again with the same rows changes nothing. A run that was killed at any point is
    completed by the next one. Bad rows raise KeyError or ValueError before anything is done;
    what a tracker refuses is in the report.
    """
    if now.tzinfo is None:
        raise ValueError("now has no time zone")
    candidates = read_candidates(rows)
    report = ReportBuilder(candidates)
    run = PublishRun(ledger, tracker, run_id, now, clock, sleep)
    try:
        states = learn_states(candidates, run, dry_run=dry_run)
    except TrackerError as error:
        run.stopped = str(error)
        _report_unattempted(candidates, report, run.stopped)
    else:
        actions = states.actions(candidates)
        for action in actions:
            if isinstance(action, Say):
                _say(action, states, report)
        if dry_run:
            EpicRehearsal(run, states, report).foretell(actions)
        else:
            EpicExecutor(run, states, report).carry_out(actions)
    return report.build(run_id=run_id, tracker=tracker.name, dry_run=dry_run, stopped=run.stopped)


def _say(action: Say, states: EpicStates, report: ReportBuilder) -> None:
    record = states.records.get(action.candidate.service_hash)
    why = action.why
    if action.section is Section.ALREADY_OPEN and action.key in states.adopted:
        why = "found in the tracker, from a run that was cut short or another ledger"
    is_record = record is not None and record.key == action.key
    url = record.url if record and is_record else None
    report.add(action.candidate, action.section, why, key=action.key, url=url)


def _report_unattempted(
    candidates: Sequence[Candidate], report: ReportBuilder, stopped: str
) -> None:
    """The report when the tracker could not be read: only what needs no tracker is said."""
    for candidate in candidates:
        action = decide(candidate, None, {})
        if isinstance(action, Say) and action.section is not Section.WAITING:
            report.add(candidate, action.section, action.why)
        else:
            report.add(candidate, Section.FAILED, f"not attempted: {stopped}")
