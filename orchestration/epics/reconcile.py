"""Makes the ledger true to the tracker, after a crash, a restored backup or a lost ledger.

Reads the tracker and writes only the ledger; a run does the same for what it needs itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from orchestration.epics.candidates import Candidate
from orchestration.epics.content import draft_stories
from orchestration.epics.opening import story_record
from orchestration.epics.playbooks import read_playbooks
from orchestration.epics.refresh import Finding, Refreshed, follow_people, settle_attempts
from orchestration.epics.run import Run
from orchestration.ledger import EpicRecord, EpicState, Ledger, Writer
from orchestration.trackers.protocol import EpicRef

_LONGEST_CHAIN = 100


def reconcile(candidates: Sequence[Candidate], run: Run) -> list[Finding]:
    """Ask the tracker about everything the ledger knows, and everything it could have lost.

    * Attempts without an outcome: found by label, or settled as not created once their lease,
      which outlasts the search lag, has expired.
    * Epics and stories that people closed, reopened or deleted.
    * Labels that the tracker has and the ledger doesn't, by the keys of `candidates`.
    * Keys that more than one item carries.

    Raises TrackerError.
    """
    refreshed = Refreshed()
    settle_attempts(run, refreshed)
    follow_people(run, run.records().values(), refreshed)
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
        follow_people(run, adopted.values(), Refreshed())
        _report(adopted, refreshed)
        wanted = [c for c in wanted if epics[c.service_id].key in {*records, *found}]


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
    """There is no one thing open to close under that key; `str(error)` says what there is."""


def close_by_hand(
    ledger: Ledger, key: str, *, tracker: str | None, why: str, now: datetime, at: datetime
) -> list[EpicRecord]:
    """Record that an epic, with its open stories, or one story is closed; stories come first.

    For what was destroyed in the tracker, or moved to where paydown may not read: it would hold
    its team's place in the limit of work in progress forever. Should the tracker show it open
    after all, the next run follows that.

    tracker: the instance's name in the ledger, needed only where several hold the key.
    now: business time, at which it is closed. at: wall-clock time, for the history.
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
