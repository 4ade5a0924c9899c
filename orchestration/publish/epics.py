"""Turns rows of `rpt_promotion_candidates` into epics, exactly once each."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from orchestration.ledger import Hold, Ledger
from orchestration.publish.candidates import Candidate, Decision, read_candidates
from orchestration.publish.epic_executor import EpicExecutor
from orchestration.publish.epic_plan import Action, AddEvidence, Open, Say, Section, decide
from orchestration.publish.epic_report import EpicEntry, EpicsReport, ReportBuilder
from orchestration.publish.epic_state import EpicStates, learn_states
from orchestration.trackers.protocol import Tracker, TrackerError
from orchestration.trackers.text import one_line

__all__ = ["EpicEntry", "EpicsReport", "publish_epics"]

# Added to the lease for clocks of two machines that differ, and for the commits around a call.
_LEASE_MARGIN_SECONDS = 60.0


def _utc_now() -> datetime:
    return datetime.now(UTC)


def publish_epics(
    rows: Iterable[Mapping[str, Any]],
    ledger: Ledger,
    tracker: Tracker,
    *,
    dry_run: bool,
    now: datetime,
    run_id: str,
    clock: Callable[[], datetime] = _utc_now,
    sleep: Callable[[float], None] = time.sleep,
) -> EpicsReport:
    """Make the tracker true to `rows`, and report what became of each row.

    rows: mappings with the mart's columns. now: business time, aware; epics are opened and
    compared with incidents by it. clock, sleep: wall-clock time for leases, and waiting out a
    tracker's search lag. dry_run: read the ledger and the tracker, write nothing.

    Running again with the same rows changes nothing. A run that was killed at any point is
    completed by the next one. Bad rows raise KeyError or ValueError before anything is done;
    what a tracker refuses is in the report.
    """
    if now.tzinfo is None:
        raise ValueError("now has no time zone")
    candidates = read_candidates(rows)
    report = ReportBuilder(candidates)
    hold = _holder(tracker, run_id, clock)
    try:
        states = learn_states(candidates, ledger, tracker, hold, dry_run=dry_run, now=now)
    except TrackerError as error:
        report.stopped = one_line(error)
        _report_unattempted(candidates, report)
        return report.build(run_id=run_id, tracker=tracker.name, dry_run=dry_run)

    actions = [
        decide(candidate, states.records.get(candidate.service_hash), states.problems)
        for candidate in candidates
    ]
    if dry_run:
        for action in actions:
            _foretell(action, states, report)
    else:
        executor = EpicExecutor(ledger, tracker, report, hold, sleep, now)
        for action in actions:
            if isinstance(action, Say):
                _foretell(action, states, report)
        executor.open_epics([action for action in actions if isinstance(action, Open)])
        for action in actions:
            if isinstance(action, AddEvidence):
                executor.add_evidence(action)
    return report.build(run_id=run_id, tracker=tracker.name, dry_run=dry_run)


def _holder(tracker: Tracker, run_id: str, clock: Callable[[], datetime]) -> Callable[[], Hold]:
    # Unique for this process: a retried step has the same run id.
    owner = f"{one_line(run_id, 150)}/{uuid.uuid4().hex[:12]}"
    lease = timedelta(
        seconds=tracker.longest_call_seconds + tracker.search_lag_seconds + _LEASE_MARGIN_SECONDS
    )

    def hold() -> Hold:
        at = clock()
        return Hold(owner, one_line(run_id, 150), at, at + lease, tracker.is_idempotent)

    return hold


def _foretell(action: Action, states: EpicStates, report: ReportBuilder) -> None:
    """Report an action as the plan has it."""
    if isinstance(action, Open):
        report.add(action.candidate, Section.OPENED, action.why, key=action.key)
    elif isinstance(action, AddEvidence):
        is_bundle = action.candidate.decision is Decision.BUNDLE
        section = Section.BUNDLED if is_bundle else Section.UPDATED
        report.add_epic(action.candidate, section, action.why, action.record)
    else:
        record = states.records.get(action.candidate.service_hash)
        why = action.why
        if action.section is Section.ALREADY_OPEN and action.key in states.adopted:
            why = "found in the tracker, from a run that was cut short or another ledger"
        is_record = record is not None and record.key == action.key
        url = record.url if record and is_record else None
        report.add(action.candidate, action.section, why, key=action.key, url=url)


def _report_unattempted(candidates: Sequence[Candidate], report: ReportBuilder) -> None:
    """The report when the tracker could not be read: only what needs no tracker is said."""
    for candidate in candidates:
        action = decide(candidate, None, {})
        if isinstance(action, Say) and action.section is not Section.WAITING:
            report.add(candidate, action.section, action.why)
        else:
            report.add(candidate, Section.FAILED, f"not attempted: {report.stopped}")
