"""Makes the ledger true to the tracker, after a crash, a restored backup or a lost ledger.

Reads the tracker and writes only the ledger; a run does the same for what it needs itself.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from orchestration.epics.candidates import Candidate
from orchestration.epics.content.document import epic_key
from orchestration.epics.content.workstreams import draft_workstreams
from orchestration.epics.executor import story_record
from orchestration.epics.run import PublishRun
from orchestration.epics.state import MISSING, EpicStates, adopt, learn_status
from orchestration.epics.stories import wants_stories
from orchestration.ledger import EpicRecord, EpicState
from orchestration.trackers.protocol import EpicRef
from orchestration.trackers.text import one_line

_LONGEST_CHAIN = 100


@dataclass(frozen=True)
class Finding:
    """One thing that reconciling found; `is_open` where a person, or the next run, must act."""

    key: str
    what: str
    url: str | None = None
    is_open: bool = False


def reconcile(candidates: Sequence[Candidate], run: PublishRun) -> list[Finding]:
    """Ask the tracker about everything the ledger knows, and everything it could have lost.

    * Attempts without an outcome: found by label, or settled as not created once their lease,
      which outlasts the search lag, is over.
    * Epics and stories that people closed, reopened or deleted.
    * Labels that the tracker holds and the ledger doesn't, by the keys of `candidates`.
    * Keys that more than one item carries.

    Raises TrackerError.
    """
    return [
        *_settle_attempts(run),
        *_follow_states(run),
        *_adopt_unknown(candidates, run),
        *_report_duplicates(run),
        *_report_pending(run),
    ]


def _settle_attempts(run: PublishRun) -> Iterator[Finding]:
    attempts = {
        record.key: record for record in run.ledger.records(run.tracker.name) if record.is_attempted
    }
    if not attempts:
        return
    before = run.hold()
    found = run.tracker.find(attempts.keys())
    for key, ref in found.items():
        opened = replace(attempts[key], state=EpicState.OPENED, ref_id=ref.id, url=ref.url)
        adopt(opened, run, is_known=True)
        yield Finding(key, f"was opened as {ref.id}, by a run that was cut short", ref.url)
    missing = attempts.keys() - found.keys()
    settled = run.ledger.record_missing(before, run.tracker.name, missing, MISSING)
    for key in sorted(missing):
        if key in settled:
            yield Finding(key, "was not created; the next run that wants it opens it")
        else:
            until = attempts[key].lease_until
            at = f" at {until + timedelta(seconds=1):%H:%M:%S} UTC" if until else ""
            yield Finding(
                key, f"is being created, or may still turn up; ask again{at}", is_open=True
            )


def _follow_states(run: PublishRun) -> Iterator[Finding]:
    records = [r for r in run.ledger.records(run.tracker.name) if r.ref_id]
    newest = {r.service_hash: r.key for r in records if not r.parent_key}
    # Only the newest epic of a service may be reopened, as there is one open epic a service.
    current = [r for r in records if r.parent_key or newest[r.service_hash] == r.key]
    states = EpicStates(
        {r.service_hash: r for r in current if not r.parent_key},
        {r.key: r for r in current if r.parent_key},
    )
    if current:
        learn_status(states, current, run, dry_run=False)
    after = {r.key: r for r in (*states.records.values(), *states.stories.values())}
    for record in current:
        now = after[record.key]
        if record.key in states.problems:
            yield Finding(record.key, states.problems[record.key], record.url, is_open=True)
        elif record.state is not now.state:
            verb = "was closed" if now.state is EpicState.CLOSED else "was reopened"
            yield Finding(record.key, f"{verb} in the tracker", record.url)


def _adopt_unknown(candidates: Sequence[Candidate], run: PublishRun) -> Iterator[Finding]:
    """Epics of each service, cycle by cycle until there is none, and their stories."""
    known = {record.key for record in run.ledger.records(run.tracker.name)}
    wanted = {epic_key(c.service_id, 1): (c, 1) for c in candidates}
    for _ in range(_LONGEST_CHAIN):
        asked = {key: value for key, value in wanted.items() if key not in known}
        found = run.tracker.find(asked.keys()) if asked else {}
        for key, ref in sorted(found.items()):
            candidate, cycle = asked[key]
            yield from _adopt_epic(candidate, cycle, ref, run)
        there = known | found.keys()
        wanted = {
            epic_key(candidate.service_id, cycle + 1): (candidate, cycle + 1)
            for key, (candidate, cycle) in wanted.items()
            if key in there
        }
        if not wanted:
            break
    yield from _adopt_stories(candidates, run)


def _adopt_epic(
    candidate: Candidate, cycle: int, ref: EpicRef, run: PublishRun
) -> Iterator[Finding]:
    previous = epic_key(candidate.service_id, cycle - 1) if cycle > 1 else None
    records = [
        r
        for r in run.ledger.records(run.tracker.name)
        if r.service_hash == candidate.service_hash and r.state is not EpicState.CLOSED
    ]
    if any(record.cycle >= cycle or record.state is not EpicState.OPENED for record in records):
        what = f"is in the tracker as {ref.id}, beside {records[0].key}: close one of them"
        yield Finding(ref.key, what, ref.url, is_open=True)
        return
    for record in records:
        # There is one open epic a service: this one is over since the later cycle was opened.
        run.ledger.record_closed(
            run.hold(), record.tracker, record.key, run.now, "a later cycle was opened"
        )
    opened = EpicRecord(
        tracker="",
        key=ref.key,
        service_hash=candidate.service_hash,
        service=one_line(candidate.service_name),
        cycle=cycle,
        state=EpicState.OPENED,
        team=candidate.team or None,
        previous_key=previous,
        ref_id=ref.id,
        url=ref.url,
    )
    yield Finding(ref.key, f"adopted {ref.id}, which the ledger didn't know", ref.url)
    adopted = adopt(opened, run, is_known=False)
    states = EpicStates({adopted.service_hash: adopted})
    learn_status(states, [adopted], run, dry_run=False)


def _adopt_stories(candidates: Sequence[Candidate], run: PublishRun) -> Iterator[Finding]:
    records = run.ledger.records(run.tracker.name)
    known = {record.key for record in records}
    open_epics = {r.service_hash: r for r in records if r.state is EpicState.OPENED}
    drafts = {}
    for candidate in candidates:
        record = open_epics.get(candidate.service_hash)
        if record and wants_stories(candidate):
            for draft in draft_workstreams(candidate, epic=record.ref, now=run.now):
                if draft.key not in known:
                    drafts[draft.key] = draft
    found = run.tracker.find(drafts.keys()) if drafts else {}
    for key, ref in sorted(found.items()):
        run.ledger.adopt(run.hold(), story_record(drafts[key], run.tracker.name, ref.id, ref.url))
        yield Finding(key, f"adopted story {ref.id}, which the ledger didn't know", ref.url)


def _report_duplicates(run: PublishRun) -> Iterator[Finding]:
    records = {r.key: r for r in run.ledger.records(run.tracker.name) if r.ref_id}
    found = run.tracker.find(records.keys()) if records else {}
    duplicates: dict[str, Collection[str]] = {}
    for key, ref in sorted(found.items()):
        others = [*ref.duplicates]
        if ref.id != records[key].ref_id:
            others.insert(0, ref.id)
        if others:
            duplicates[key] = others
            named = ", ".join(others)
            yield Finding(
                key,
                f"{named} carries its label too: remove the label there, or close it",
                records[key].url,
                is_open=True,
            )
    _note_duplicates(run, duplicates)


def _note_duplicates(run: PublishRun, duplicates: Mapping[str, Collection[str]]) -> None:
    """Write into the history what isn't there yet."""
    news = {}
    for key, others in duplicates.items():
        events = run.ledger.events(run.tracker.name, key)
        noted = {event.detail.get("ref_id") for event in events if event.kind == "duplicate"}
        if fresh := set(others) - noted:
            news[key] = fresh
    if news:
        run.ledger.record_duplicates(run.hold(), run.tracker.name, news)


def _report_pending(run: PublishRun) -> Iterator[Finding]:
    for record in run.ledger.records(run.tracker.name):
        is_open = record.state is EpicState.OPENED
        # A story is only told that it is closed, and only if its epic is to be closed still.
        if record.pending_change_id and is_open and not record.parent_key:
            what = f"{record.pending_change_id} may have been told; the next run looks and finishes"
            yield Finding(record.key, what, record.url, is_open=True)
