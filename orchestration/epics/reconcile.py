"""Brings the ledger in line with the tracker: reads the tracker and writes only the ledger.

`refresh` records before each load what people did, as a basis for decisions; `reconcile` looks
further, after a crash, a restored backup or a lost ledger.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from orchestration.epics.candidates import Candidate
from orchestration.epics.content import draft_stories
from orchestration.epics.opening import story_record
from orchestration.epics.playbooks import read_playbooks
from orchestration.epics.run import Run
from orchestration.http import AccessError, RefusedError, SourceError
from orchestration.ledger import EpicRecord, EpicState, Ledger, Writer
from orchestration.trackers.protocol import EpicRef, EpicStatus, StatusOutcome

_LONGEST_CHAIN = 100
_MISSING = "the tracker doesn't have it, long after the attempt: it was not created"


@dataclass(frozen=True)
class Finding:
    """One finding; `is_open` if a person or the next run must act."""

    key: str
    what: str
    url: str | None = None
    is_open: bool = False


@dataclass
class Refreshed:
    """The tracker's answers. problems: by key, why an epic's state is not known.

    unreachable: why it could not be asked; then the previous state is kept.
    """

    findings: list[Finding] = field(default_factory=list)
    problems: dict[str, str] = field(default_factory=dict)
    unreachable: str | None = None

    def add(self, key: str, what: str, url: str | None = None, *, is_open: bool = False) -> None:
        """Add a finding."""
        self.findings.append(Finding(key, what, url, is_open))


def refresh(run: Run) -> Refreshed:
    """Ask the tracker about its epics in the ledger, and record what people did to them.

    One `status` call, and one `find` where attempts have no outcome; nothing is asked about an
    empty ledger. An epic that others have changed since paydown's last write loses its version.
    """
    refreshed = Refreshed()
    try:
        _settle_attempts(run, refreshed)
        _follow_people(run, (r for r in run.records().values() if not r.parent_key), refreshed)
    except SourceError as error:
        refreshed.unreachable = str(error)
    return refreshed


def _settle_attempts(run: Run, refreshed: Refreshed) -> None:
    """Find out the outcome of attempts that have none. Raises SourceError."""
    attempts = {key: record for key, record in run.records().items() if record.is_attempted}
    searched = run.writer()
    found = run.find(attempts.keys())
    for ref in run.adopt(attempts, found):
        refreshed.add(ref.key, f"was opened as {ref.id}, by a run that was cut short", ref.url)
    if missing := sorted(attempts.keys() - found.keys()):
        settled = run.ledger.record_missing(searched, missing, _MISSING)
        for key in missing:
            until = (attempts[key].attempted_at or searched.at) + searched.lease
            what = (
                "was not created; the next run that needs it opens it"
                if key in settled
                else "is being created, or may still turn up; ask again at "
                f"{until + timedelta(seconds=1):%H:%M:%S} UTC"
            )
            refreshed.add(key, what, is_open=key not in settled)


def _follow_people(run: Run, records: Iterable[EpicRecord], refreshed: Refreshed) -> None:
    """Record which of these were closed, reopened or changed by people. Raises SourceError."""
    known = [record for record in records if record.ref_id]
    answers = run.status(known)
    changed: dict[str, None] = {}
    for record in known:
        answer = answers.get(record.key)
        if isinstance(answer, EpicStatus):
            if what := _follow_one(run, record, answer):
                refreshed.add(record.key, what, record.url)
            if record.version not in (None, answer.version) and not record.is_closing:
                changed[record.key] = None
        elif problem := _problem(record, answer):
            refreshed.problems[record.key] = problem
            refreshed.add(record.key, problem, record.url, is_open=True)
    if changed:
        run.ledger.record_versions(run.writer(), changed)


def _follow_one(run: Run, record: EpicRecord, status: EpicStatus) -> str | None:
    """Record that a person closed or reopened it; what happened, None if nothing did."""
    ledger, writer, name = run.ledger, run.writer(), status.status_name
    if status.is_open and record.state is EpicState.CLOSED:
        now = ledger.record_reopened(writer, record.key, name)
        return "was reopened in the tracker" if now.state is EpicState.OPENED else None
    if not status.is_open and record.state is EpicState.OPENED:
        closed_at = status.closed_at or run.now  # Or when it was noticed.
        ledger.record_closed(writer, record.key, closed_at, name, by_us=record.is_closing)
        return "was closed in the tracker"
    return None


def _problem(record: EpicRecord, answer: StatusOutcome | None) -> str | None:
    """Why an epic's state isn't known; None if it is closed and can no longer be seen."""
    is_lasting = answer is None or isinstance(answer, RefusedError | AccessError)
    if is_lasting and record.state is EpicState.CLOSED:
        return None
    by_hand = f"; if it is gone for good: paydown ledger close {record.key}" if is_lasting else ""
    if answer is None:
        return (
            f"{record.key} was opened as {record.ref_id}, and the tracker no longer shows it: "
            f"restore it, or make sure that paydown may read it{by_hand}"
        )
    return f"the tracker doesn't show the state of {record.key}: {answer}{by_hand}"


def reconcile(candidates: Sequence[Candidate], run: Run) -> list[Finding]:
    """Ask the tracker about everything the ledger knows or could have lost.

    Attempts without an outcome, epics and stories that people closed, reopened or deleted, labels
    of `candidates` that the ledger doesn't know, keys that several items carry.
    Raises SourceError.
    """
    refreshed = Refreshed()
    _settle_attempts(run, refreshed)
    _follow_people(run, run.records().values(), refreshed)
    _adopt_epics(candidates, run, refreshed)
    _adopt_stories(candidates, run, refreshed)
    _find_duplicates(run, refreshed)
    for record in run.records().values():
        # A story is only ever closed, and only if its epic is to be closed still.
        if record.pending_change_id and record.state is EpicState.OPENED and not record.parent_key:
            what = f"{record.pending_change_id} may have been sent; the next run looks and finishes"
            refreshed.add(record.key, what, record.url, is_open=True)
    return refreshed.findings


def _adopt_epics(candidates: Sequence[Candidate], run: Run, refreshed: Refreshed) -> None:
    """Epics of each service, cycle by cycle until there is none."""
    wanted = list(candidates)
    for cycle in range(1, _LONGEST_CHAIN + 1):
        records = run.records()
        epics = {c.service_id: c.epic(run.tracker.name, cycle) for c in wanted}
        asked = {epic.key: epic for epic in epics.values() if epic.key not in records}
        found = run.find(asked.keys())
        hashes = {asked[key].service_hash for key in found}
        for record in records.values():
            is_before = record.service_hash in hashes and record.cycle < cycle
            if is_before and record.state is EpicState.OPENED:
                # There is one open epic a service: it is over since the later one was opened.
                why = "a later cycle was opened"
                run.ledger.record_closed(run.writer(), record.key, run.now, why)
        adopted = run.adopt(asked, found)
        _follow_people(run, adopted.values(), Refreshed())
        _report(adopted, refreshed)
        wanted = [c for c in wanted if epics[c.service_id].key in {*records, *found}]
        if not wanted:
            break


def _adopt_stories(candidates: Sequence[Candidate], run: Run, refreshed: Refreshed) -> None:
    records, playbooks = run.records(), read_playbooks()
    open_epics = {r.service_hash: r for r in records.values() if r.state is EpicState.OPENED}
    stories: dict[str, EpicRecord] = {}
    for candidate in candidates:
        epic = open_epics.get(candidate.epic(run.tracker.name).service_hash)
        if epic and candidate.has_stories:
            for draft in draft_stories(candidate, playbooks, epic, run.now, records):
                stories[draft.key] = story_record(run.tracker.name, draft)
    _report(run.adopt(stories, run.find(stories.keys())), refreshed)


def _report(adopted: Mapping[EpicRef, EpicRecord], refreshed: Refreshed) -> None:
    for ref, record in adopted.items():
        if is_other := record.key != ref.key:
            what = f"is in the tracker as {ref.id}, beside {record.key}: close one of them"
        else:
            what = f"adopted {ref.id}, which the ledger didn't know"
        refreshed.add(ref.key, what, ref.url, is_open=is_other)


def _find_duplicates(run: Run, refreshed: Refreshed) -> None:
    records = {key: record for key, record in run.records().items() if record.ref_id}
    for key, ref in sorted(run.find(records.keys()).items()):
        if others := [other for other in (ref.id, *ref.duplicates) if other != records[key].ref_id]:
            what = f"{', '.join(others)} carries its label too: remove the label there, or close it"
            refreshed.add(key, what, records[key].url, is_open=True)


class NotOpenError(Exception):
    """No single open thing has that key; `str(error)` says what there is."""


def close_by_hand(
    ledger: Ledger, key: str, *, tracker: str | None, why: str, now: datetime, at: datetime
) -> list[EpicRecord]:
    """Record that an epic, with its open stories, or one story is closed; stories come first.

    For what no tracker shows any more, which would occupy its team's place forever. If the tracker
    shows it open after all, the next run follows that.
    tracker: needed only if several have the key. now: business time, at which it is closed.
    at: wall-clock time, for the history.
    """
    records = ledger.records(tracker)
    named = sorted((r for r in records if r.key == key), key=lambda r: r.tracker)
    if [r.state for r in named].count(EpicState.OPENED) != 1:
        states = ", ".join(f"{r.state} in {r.tracker}" for r in named) or "not in the ledger"
        fix = (
            "name one with --tracker"
            if len(named) > 1
            else "paydown ledger show lists what is open"
        )
        raise NotOpenError(f"{key} is {states}; {fix}")
    (epic,) = (r for r in named if r.state is EpicState.OPENED)
    stories = [r for r in records if (r.tracker, r.parent_key) == (epic.tracker, key)]
    writer, status = Writer(epic.tracker, "by-hand", "by-hand", at), f"closed by hand: {why}"
    closing = [r for r in (*stories, epic) if r.state is EpicState.OPENED]
    return [ledger.record_closed(writer, each.key, now, status) for each in closing]
