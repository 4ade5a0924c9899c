"""Learns what the ledger and the tracker know of each service's newest epic."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from orchestration.ledger import EpicRecord, EpicState, Hold, Ledger
from orchestration.publish.candidates import Candidate
from orchestration.publish.epic_plan import Open, decide
from orchestration.trackers.protocol import EpicRef, EpicStatus, Tracker, TrackerError
from orchestration.trackers.text import one_line


@dataclass
class EpicStates:
    """The newest epic of each service (by service hash), as tracker and ledger agree on it.

    problems: by key, why the tracker can't tell the state. adopted: keys that the tracker had
    and the ledger didn't have as opened.
    """

    records: dict[str, EpicRecord]
    problems: dict[str, str] = field(default_factory=dict)
    adopted: set[str] = field(default_factory=set)


def learn_states(
    candidates: Sequence[Candidate],
    ledger: Ledger,
    tracker: Tracker,
    hold: Callable[[], Hold],
    *,
    dry_run: bool,
    now: datetime,
) -> EpicStates:
    """Ask the tracker for the state of all known epics, and for those about to be opened.

    One `status` call in the steady state, one `find` when something is to be opened; more only
    when epics turn up that the ledger doesn't know (a crash, a lost ledger). What is learnt goes
    into the ledger unless `dry_run`. Raises TrackerError.
    """
    states = EpicStates(ledger.latest(tracker.name))
    checked: set[str] = set()
    looked_up: set[str] = set()
    while True:
        unchecked = [r for r in states.records.values() if r.ref_id and r.key not in checked]
        if unchecked:
            checked |= {record.key for record in unchecked}
            _learn_status(states, unchecked, ledger, tracker, hold, dry_run=dry_run, now=now)
        wanted = _wanted(candidates, states)
        wanted = {key: record for key, record in wanted.items() if key not in looked_up}
        if not wanted:
            return states
        looked_up |= wanted.keys()
        found = tracker.find(wanted.keys())
        for key, ref in found.items():
            record = wanted[key]
            states.adopted.add(key)
            states.records[record.service_hash] = (
                _as_opened(record, ref)
                if dry_run
                else _adopt(ledger, hold(), record, ref, tracker=tracker.name, now=now)
            )


def _wanted(candidates: Sequence[Candidate], states: EpicStates) -> dict[str, EpicRecord]:
    """Epics that the tracker may hold: attempts without outcome, and what is to be opened."""
    wanted = {
        record.key: record
        for record in states.records.values()
        if record.state is EpicState.INTENDED and record.attempted_at is not None
    }
    for candidate in candidates:
        record = states.records.get(candidate.service_hash)
        action = decide(candidate, record, states.problems)
        if isinstance(action, Open) and action.key not in wanted:
            is_known = record is not None and record.key == action.key
            wanted[action.key] = record if record and is_known else _planned(action)
    return wanted


def _planned(action: Open) -> EpicRecord:
    return EpicRecord(
        tracker="",
        key=action.key,
        service_hash=action.candidate.service_hash,
        service=one_line(action.candidate.service_name),
        cycle=action.cycle,
        state=EpicState.INTENDED,
        previous_key=action.previous_key,
    )


def _as_opened(record: EpicRecord, ref: EpicRef) -> EpicRecord:
    """`record` as the epic that the tracker turned out to hold.

    What it tells is known only if it stems from the attempt that the ledger wrote down.
    """
    is_own_attempt = record.state is EpicState.INTENDED and record.attempted_at is not None
    return replace(
        record,
        state=EpicState.OPENED,
        ref_id=ref.id,
        url=ref.url,
        evidence=record.evidence if is_own_attempt else None,
    )


def _adopt(
    ledger: Ledger, hold: Hold, record: EpicRecord, ref: EpicRef, *, tracker: str, now: datetime
) -> EpicRecord:
    opened = _as_opened(record, ref)
    if not record.tracker:
        return ledger.adopt(hold, replace(opened, tracker=tracker))
    return ledger.record_opened(
        hold, tracker, record.key, (ref.id, ref.url), now, opened.evidence, is_adopted=True
    )


def _learn_status(
    states: EpicStates,
    records: Collection[EpicRecord],
    ledger: Ledger,
    tracker: Tracker,
    hold: Callable[[], Hold],
    *,
    dry_run: bool,
    now: datetime,
) -> None:
    refs = [EpicRef(record.key, record.ref_id or "", record.url or "") for record in records]
    outcomes = tracker.status(refs)
    for record in records:
        status = outcomes.get(record.key)
        if isinstance(status, EpicStatus):
            change = _change_of_state(record, status, now)
            if change is not None and not dry_run:
                change = _write_state(ledger, hold(), tracker.name, change, status)
            states.records[record.service_hash] = change or record
        else:
            states.problems[record.key] = (
                f"the tracker can't tell the state of {record.key}: {status}"
                if isinstance(status, TrackerError)
                else f"{record.key} was opened as {record.ref_id}, and the tracker shows it no "
                "more: restore it, or see to it that paydown may read it"
            )


def _change_of_state(record: EpicRecord, status: EpicStatus, now: datetime) -> EpicRecord | None:
    """`record` after a person closed or reopened the epic; None if nobody did.

    Without a closing time from the tracker, the epic was closed when it was noticed.
    """
    if status.is_open and record.state is EpicState.CLOSED:
        return replace(record, state=EpicState.OPENED, closed_at=None)
    if not status.is_open and record.state is EpicState.OPENED:
        closed_at = status.closed_at or now
        # Clocks differ: no epic is closed before it is opened.
        closed_at = max(closed_at, record.opened_at or closed_at)
        return replace(record, state=EpicState.CLOSED, closed_at=closed_at)
    return None


def _write_state(
    ledger: Ledger, hold: Hold, tracker: str, change: EpicRecord, status: EpicStatus
) -> EpicRecord:
    if change.state is EpicState.CLOSED and change.closed_at is not None:
        return ledger.record_closed(hold, tracker, change.key, change.closed_at, status.status_name)
    return ledger.record_reopened(hold, tracker, change.key, status.status_name)
