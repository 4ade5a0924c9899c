"""Learns what the ledger and the tracker know of each service's newest epic."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from orchestration.epics.candidates import Candidate
from orchestration.epics.plan import Action, Open, plan
from orchestration.epics.run import PublishRun
from orchestration.epics.wip import limit_work
from orchestration.ledger import EpicRecord, EpicState, Hold, Ledger
from orchestration.trackers.protocol import (
    EpicRef,
    EpicStatus,
    ForbiddenError,
    RejectedError,
    TrackerError,
)
from orchestration.trackers.text import one_line

MISSING = "the tracker doesn't have it, long after the attempt: it was not created"


@dataclass
class EpicStates:
    """The newest epic of each service (by service hash), as tracker and ledger agree on it.

    stories: by key, as the ledger has them; the tracker is asked how they are doing only where
    their epic is to be closed.
    problems: by key, why the tracker can't tell the state. adopted: keys that the tracker had
    and the ledger didn't have as opened.
    """

    records: dict[str, EpicRecord]
    stories: dict[str, EpicRecord] = field(default_factory=dict)
    problems: dict[str, str] = field(default_factory=dict)
    adopted: set[str] = field(default_factory=set)

    def actions(self, candidates: Sequence[Candidate]) -> list[Action]:
        """What to do about each candidate."""
        return limit_work(plan(candidates, self.records, self.problems), self.records)

    def open_epic(self, key: str | None) -> EpicRecord | None:
        """The open epic with this key."""
        for record in self.records.values():
            if record.key == key and record.state is EpicState.OPENED:
                return record
        return None

    def stories_of(self, epic_key: str) -> list[EpicRecord]:
        """The stories of an epic, as the ledger has them."""
        return [story for story in self.stories.values() if story.parent_key == epic_key]


def learn_states(candidates: Sequence[Candidate], run: PublishRun, *, dry_run: bool) -> EpicStates:
    """Ask the tracker for the state of all known epics, and for those about to be opened.

    One `status` call in the steady state, one `find` when something is to be opened; more only
    when epics turn up that the ledger doesn't know (a crash, a lost ledger). What is learnt goes
    into the ledger unless `dry_run`. Raises TrackerError.
    """
    ledger, tracker = run.ledger, run.tracker
    records = ledger.records(tracker.name)
    states = EpicStates(
        {record.service_hash: record for record in records if not record.parent_key},
        {record.key: record for record in records if record.parent_key},
    )
    is_lost = not records
    checked: set[str] = set()
    looked_up: set[str] = set()
    while True:
        unchecked = [r for r in states.records.values() if r.ref_id and r.key not in checked]
        if unchecked:
            checked |= {record.key for record in unchecked}
            learn_status(states, unchecked, run, dry_run=dry_run)
        actions = (
            # A ledger that knows nothing can't count what is open.
            plan(candidates, states.records, states.problems)
            if is_lost
            else states.actions(candidates)
        )
        wanted = {k: r for k, r in _wanted(actions, states).items() if k not in looked_up}
        if not wanted:
            return states
        looked_up |= wanted.keys()
        before = run.hold()
        found = tracker.find(wanted.keys())
        for key, ref in found.items():
            _adopt(states, wanted[key], ref, run, dry_run=dry_run)
        opening = {action.key for action in actions if isinstance(action, Open)}
        leftover = wanted.keys() - found.keys() - opening
        if leftover and not dry_run:
            _settle(states, leftover, ledger, before, tracker.name)


def _wanted(actions: Sequence[Action], states: EpicStates) -> dict[str, EpicRecord]:
    """What the tracker may hold: attempts without outcome, and what is to be opened."""
    wanted = {
        record.key: record
        for record in (*states.records.values(), *states.stories.values())
        if record.is_attempted
    }
    for action in actions:
        if isinstance(action, Open) and action.key not in wanted:
            record = states.records.get(action.candidate.service_hash)
            is_known = record is not None and record.key == action.key
            wanted[action.key] = record if record and is_known else planned(action)
    return wanted


def planned(action: Open) -> EpicRecord:
    """The record of an epic that the ledger doesn't know; its `tracker` is empty."""
    return EpicRecord(
        tracker="",
        key=action.key,
        service_hash=action.candidate.service_hash,
        service=one_line(action.candidate.service_name),
        cycle=action.cycle,
        state=EpicState.INTENDED,
        team=action.candidate.team or None,
        previous_key=action.previous_key,
    )


def _as_opened(record: EpicRecord, ref: EpicRef) -> EpicRecord:
    """`record` as the epic that the tracker turned out to hold.

    What it tells is known only if it stems from the attempt that the ledger wrote down.
    """
    return replace(
        record,
        state=EpicState.OPENED,
        ref_id=ref.id,
        url=ref.url,
        evidence=record.evidence if record.is_attempted else None,
        figures=record.figures if record.is_attempted else None,
    )


def _adopt(
    states: EpicStates, record: EpicRecord, ref: EpicRef, run: PublishRun, *, dry_run: bool
) -> None:
    opened = _as_opened(record, ref)
    if not dry_run:
        opened = adopt(opened, run, is_known=bool(record.tracker))
    states.adopted.add(record.key)
    if record.parent_key:
        states.stories[record.key] = opened
    else:
        states.records[record.service_hash] = opened


def adopt(opened: EpicRecord, run: PublishRun, *, is_known: bool) -> EpicRecord:
    """Write down what the tracker holds; `is_known`: the ledger has a row of it."""
    ledger, tracker = run.ledger, run.tracker.name
    if not is_known:
        return ledger.adopt(run.hold(), replace(opened, tracker=tracker))
    ref = (opened.ref_id or "", opened.url or "")
    return ledger.record_opened(
        run.hold(), tracker, opened.key, ref, run.now, opened.told, is_adopted=True
    )


def _settle(
    states: EpicStates, keys: Collection[str], ledger: Ledger, before: Hold, tracker: str
) -> None:
    """Attempts that came to nothing and that nobody wants any more, so that each is asked once."""
    settled = ledger.record_missing(before, tracker, keys, MISSING)
    for group in (states.records, states.stories):
        for name, record in group.items():
            if record.key in settled:
                group[name] = replace(record, state=EpicState.FAILED, attempted_at=None)


def learn_status(
    states: EpicStates, records: Collection[EpicRecord], run: PublishRun, *, dry_run: bool
) -> None:
    """Ask for the state of `records` and follow what people did to them. Raises TrackerError."""
    outcomes = run.tracker.status([record.ref for record in records])
    for record in records:
        status = outcomes.get(record.key)
        if isinstance(status, EpicStatus):
            change = _change_of_state(record, status, run.now)
            if change is not None and not dry_run:
                change = _write_state(run.ledger, run.hold(), change, status)
            group, name = (
                (states.stories, record.key)
                if record.parent_key
                else (states.records, record.service_hash)
            )
            group[name] = change or record
        elif problem := _problem(record, status):
            states.problems[record.key] = problem


def _problem(record: EpicRecord, answer: TrackerError | None) -> str | None:
    """Why the state of `record` can't be told; None where it is closed and can't be seen again."""
    is_lasting = answer is None or isinstance(answer, RejectedError | ForbiddenError)
    if is_lasting and record.state is EpicState.CLOSED:
        return None
    by_hand = f"; if it is gone for good: paydown ledger close {record.key}" if is_lasting else ""
    if answer is None:
        return (
            f"{record.key} was opened as {record.ref_id}, and the tracker shows it no more: "
            f"restore it, or see to it that paydown may read it{by_hand}"
        )
    return f"the tracker can't tell the state of {record.key}: {answer}{by_hand}"


def _change_of_state(record: EpicRecord, status: EpicStatus, now: datetime) -> EpicRecord | None:
    """`record` after a person closed or reopened the epic; None if nobody did.

    Without a closing time from the tracker, the epic was closed when it was noticed.
    """
    if status.is_open and record.state is EpicState.CLOSED:
        return replace(record, state=EpicState.OPENED, closed_at=None, touched_at=now)
    if not status.is_open and record.state is EpicState.OPENED:
        closed_at = status.closed_at or now
        # Clocks differ: no epic is closed before it is opened.
        closed_at = max(closed_at, record.opened_at or closed_at)
        touched_at = record.touched_at if record.is_closing else record.touched_at or now
        return replace(record, state=EpicState.CLOSED, closed_at=closed_at, touched_at=touched_at)
    return None


def _write_state(ledger: Ledger, hold: Hold, change: EpicRecord, status: EpicStatus) -> EpicRecord:
    if change.state is EpicState.CLOSED and change.closed_at is not None:
        return ledger.record_closed(
            hold, change.tracker, change.key, change.closed_at, status.status_name
        )
    return ledger.record_reopened(hold, change.tracker, change.key, status.status_name)
