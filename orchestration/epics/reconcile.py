"""Makes the ledger true to the tracker, after a crash, a restored backup or a lost ledger.

Reads the tracker and writes only the ledger; a run does the same for what it needs itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from orchestration.epics.candidates import Candidate
from orchestration.epics.content import epic_key
from orchestration.epics.playbooks import read_playbooks
from orchestration.epics.publisher import story_intent
from orchestration.epics.refresh import Finding, Refreshed, follow_people, settle_attempts
from orchestration.epics.run import Run, ref_of
from orchestration.epics.stories import draft_stories
from orchestration.ledger import EpicRecord, EpicState, Intent, Ledger, Writer
from orchestration.trackers.protocol import EpicDraft, EpicRef
from orchestration.trackers.text import one_line

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
    follow_people(run, run.ledger.records(run.tracker.name), refreshed)
    refreshed.findings += _adopt_epics(candidates, run)
    refreshed.findings += _adopt_stories(candidates, run)
    refreshed.findings += _find_duplicates(run)
    for record in run.ledger.records(run.tracker.name):
        # A story is only ever closed, and only if its epic is to be closed still.
        if record.pending_change_id and record.state is EpicState.OPENED and not record.parent_key:
            what = f"{record.pending_change_id} may have been sent; the next run looks and finishes"
            refreshed.findings.append(Finding(record.key, what, record.url, is_open=True))
    return refreshed.findings


def _adopt_epics(candidates: Sequence[Candidate], run: Run) -> Iterator[Finding]:
    """Epics of each service, cycle by cycle until there is none."""
    known = {record.key for record in run.ledger.records(run.tracker.name)}
    wanted = {epic_key(c.service_id, 1): (c, 1) for c in candidates}
    for _ in range(_LONGEST_CHAIN):
        asked = wanted.keys() - known
        found = run.tracker.find(asked) if asked else {}
        for key, ref in sorted(found.items()):
            candidate, cycle = wanted[key]
            yield _adopt_epic(candidate, cycle, ref, run)
        wanted = {
            epic_key(candidate.service_id, cycle + 1): (candidate, cycle + 1)
            for key, (candidate, cycle) in wanted.items()
            if key in known or key in found
        }
        if not wanted:
            break


def _adopt_epic(candidate: Candidate, cycle: int, ref: EpicRef, run: Run) -> Finding:
    name = run.tracker.name
    for record in run.ledger.records(name):
        is_same = record.service_hash == candidate.service_hash
        if is_same and record.state is EpicState.OPENED and record.cycle < cycle:
            # There is one open epic a service: this one is over since the later cycle was opened.
            run.ledger.record_closed(
                run.writer(), name, record.key, run.now, "a later cycle was opened"
            )
    intent = Intent(
        key=ref.key,
        service_hash=candidate.service_hash,
        service=one_line(candidate.name),
        cycle=cycle,
        previous_key=epic_key(candidate.service_id, cycle - 1) if cycle > 1 else None,
        evidence=None,
        why="",
        team=one_line(candidate.team) or None,
    )
    adopted = run.ledger.adopt(run.writer(), name, intent, (ref.id, ref.url), run.now)
    if adopted.key != ref.key:
        what = f"is in the tracker as {ref.id}, beside {adopted.key}: close one of them"
        return Finding(ref.key, what, ref.url, is_open=True)
    follow_people(run, [adopted], Refreshed())
    return Finding(ref.key, f"adopted {ref.id}, which the ledger didn't know", ref.url)


def _adopt_stories(candidates: Sequence[Candidate], run: Run) -> Iterator[Finding]:
    records = run.ledger.records(run.tracker.name)
    known = {record.key for record in records}
    open_epics = {r.service_hash: r for r in records if r.state is EpicState.OPENED}
    playbooks = read_playbooks()
    drafts: dict[str, EpicDraft] = {}
    for candidate in candidates:
        epic = open_epics.get(candidate.service_hash)
        if epic and candidate.has_stories:
            missing = draft_stories(
                candidate, playbooks, epic=ref_of(epic), now=run.now, known=known
            )
            drafts |= {draft.key: draft for draft in missing}
    found = run.tracker.find(drafts.keys()) if drafts else {}
    for key, ref in sorted(found.items()):
        intent = story_intent(drafts[key])
        run.ledger.adopt(run.writer(), run.tracker.name, intent, (ref.id, ref.url), run.now)
        yield Finding(key, f"adopted story {ref.id}, which the ledger didn't know", ref.url)


def _find_duplicates(run: Run) -> Iterator[Finding]:
    records = {r.key: r for r in run.ledger.records(run.tracker.name) if r.ref_id}
    found = run.tracker.find(records.keys()) if records else {}
    duplicates: dict[str, list[str]] = {}
    for key, ref in sorted(found.items()):
        others = [*ref.duplicates]
        if ref.id != records[key].ref_id:
            others.insert(0, ref.id)
        if others:
            duplicates[key] = others
            what = f"{', '.join(others)} carries its label too: remove the label there, or close it"
            yield Finding(key, what, records[key].url, is_open=True)
    run.ledger.record_duplicates(run.writer(), run.tracker.name, duplicates)


class NotOpenError(Exception):
    """There is nothing open to close under that key; `str(error)` says what there is."""


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
    named = [record for record in records if record.key == key]
    is_open = [record for record in named if record.state is EpicState.OPENED]
    if len(is_open) != 1:
        raise NotOpenError(_why_not_one(key, named, is_open))
    (epic,) = is_open
    stories = [
        record
        for record in records
        if (record.tracker, record.parent_key) == (epic.tracker, key)
        and record.state is EpicState.OPENED
    ]
    writer = Writer("by-hand", "by-hand", at)
    return [
        ledger.record_closed(
            writer,
            each.tracker,
            each.key,
            max(now, each.opened_at or now),
            f"closed by hand: {why}",
        )
        for each in (*stories, epic)
    ]


def _why_not_one(key: str, named: list[EpicRecord], is_open: list[EpicRecord]) -> str:
    if is_open:
        names = ", ".join(sorted(record.tracker for record in is_open))
        return f"{key} is open in {names}: name one with --tracker"
    if not named:
        return f"the ledger has no {key}; paydown ledger show lists what it has"
    if named[0].state is EpicState.CLOSED:
        return f"{key} is closed already"
    return f"{key} was never opened ({named[0].state}); the next run takes care of it"
