"""Acts on what dbt decided: each decision is claimed, sent and recorded, once."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, cast

from orchestration.epics.candidates import Candidate, Section, read_candidates
from orchestration.epics.changing import Changer, Verdict
from orchestration.epics.content import draft_epic, epic_key
from orchestration.epics.opening import Opener, Opening, Outcome
from orchestration.epics.playbooks import Playbooks, read_playbooks
from orchestration.epics.preview import PreviewTracker
from orchestration.epics.report import EpicsReport, ReportBuilder
from orchestration.epics.run import Run, ref_of, utc_now
from orchestration.epics.stories import draft_stories
from orchestration.ledger import EpicRecord, EpicState, Intent, Ledger
from orchestration.ledger.models import UNFINISHED
from orchestration.trackers.protocol import EpicDraft, Tracker
from orchestration.trackers.text import one_line

_SECTIONS = {
    "opened": Section.OPENED,
    "found": Section.ALREADY_OPEN,
    "taken": Section.WAITING,
    "failed": Section.FAILED,
}


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

    rows: mappings with the columns of `rpt_promotion_candidates` and `rpt_epic_decisions`. now:
    business time, aware. clock, sleep: wall-clock time for claims, and waiting out a tracker's
    search lag. dry_run: the same with a copy of the ledger and a tracker that only remembers.

    Running again with the same rows changes nothing. A run that was killed at any point is
    completed by the next one. Bad rows raise ValueError before anything is done; what a tracker
    rejects is in the report.
    """
    candidates = read_candidates(rows)
    if not dry_run:
        return _publish(candidates, Run(ledger, tracker, run_id, now, clock, sleep), {})
    preview = PreviewTracker(tracker)
    with TemporaryDirectory() as folder:
        copy = Ledger(f"sqlite:///{Path(folder) / 'ledger.db'}")
        ledger.copy_to(copy)
        run = Run(copy, cast(Tracker, preview), run_id, now, clock, sleep)
        return _publish(candidates, run, preview.previews, dry_run=True)


def _publish(
    candidates: Sequence[Candidate], run: Run, previews: Mapping[str, Any], *, dry_run: bool = False
) -> EpicsReport:
    records = {r.key: r for r in run.ledger.records(run.tracker.name)}
    report = ReportBuilder(candidates)
    for candidate in candidates:
        if record := records.get(candidate.epic_key or ""):
            report.put(candidate, candidate.section, candidate.reason, record.key, record.url)
    playbooks = read_playbooks()
    fresh = _open_epics(candidates, records, playbooks, run, report)
    _open_stories(candidates, records, fresh, playbooks, run, report)
    _change_epics(candidates, run, report)
    away = next((c.tracker_problem for c in candidates if c.tracker_problem), None)
    return report.build(run, dry_run=dry_run, stopped=run.stopped or away, previews=previews)


def _open_epics(
    candidates: Sequence[Candidate],
    records: dict[str, EpicRecord],
    playbooks: Playbooks,
    run: Run,
    report: ReportBuilder,
) -> set[str]:
    """Open epics; returns the keys of those that this run opened, which have no stories yet."""
    wanted = {_key(c): c for c in candidates if c.epic_action == "open"}
    outcomes = Opener(run).open([_opening(c, k, playbooks, run) for k, c in wanted.items()])
    for key, outcome in outcomes.items():
        shown = outcome.record.key if outcome.record else key
        section = _SECTIONS[outcome.kind]
        url = outcome.record.url if outcome.record else None
        report.put(wanted[key], section, outcome.reason, shown, url)
        if outcome.record and outcome.kind == "opened":  # How others are is known next time.
            records[outcome.record.key] = outcome.record
    return {key for key, outcome in outcomes.items() if outcome.kind == "opened"}


def _key(candidate: Candidate) -> str:
    """Of the candidate's epic, which may not be open yet."""
    return candidate.epic_key or epic_key(candidate.service_id, candidate.cycle_number or 1)


def _opening(candidate: Candidate, key: str, playbooks: Playbooks, run: Run) -> Opening:
    previous = candidate.previous_epic_key
    draft = draft_epic(candidate, playbooks, key=key, previous_key=previous, now=run.now)
    intent = Intent(
        key=key,
        service_hash=candidate.service_hash,
        service=draft.service,
        cycle=candidate.cycle_number or 1,
        previous_key=previous,
        evidence=candidate.evidence,
        why=candidate.reason,
        # A database refuses control characters.
        team=one_line(candidate.team) or None,
        draft=asdict(draft),
    )
    return Opening(intent, draft)


def _open_stories(
    candidates: Sequence[Candidate],
    records: Mapping[str, EpicRecord],
    fresh: set[str],
    playbooks: Playbooks,
    run: Run,
    report: ReportBuilder,
) -> None:
    """Open what is missing below open epics, as many a call as epics."""
    finished = {key for key, record in records.items() if record.state not in UNFINISHED}
    owners: dict[str, Candidate] = {}
    openings = []
    for candidate in candidates:
        epic = records.get(_key(candidate))
        if run.stopped or not candidate.has_stories:
            continue
        if epic is None or epic.state is not EpicState.OPENED:
            continue
        drafts = draft_stories(candidate, playbooks, epic=ref_of(epic), now=run.now, known=finished)
        for draft in drafts:
            owners[draft.key] = candidate
            openings.append(Opening(story_intent(draft), draft, epic.key in fresh))
    outcomes: Mapping[str, Outcome] = Opener(run).open(openings)
    for key, outcome in outcomes.items():
        if outcome.kind in ("opened", "failed"):
            is_failed = outcome.kind == "failed"
            url = outcome.record.url if outcome.record else None
            report.add_story(owners[key], key, outcome.reason, url, is_failed=is_failed)


def story_intent(draft: EpicDraft) -> Intent:
    """A story as it is committed before anything is sent."""
    parent_key = draft.parent.key if draft.parent else None
    return Intent(
        key=draft.key,
        service_hash=sha256(draft.key.encode()).hexdigest(),
        service=draft.service,
        cycle=1,
        previous_key=None,
        evidence=None,
        why=f"{draft.title}, a story of {parent_key}",
        parent_key=parent_key,
        draft=asdict(draft),
    )


def _change_epics(candidates: Sequence[Candidate], run: Run, report: ReportBuilder) -> None:
    """Update what has news, then close what is over."""
    wanted = [c for action in ("update", "close") for c in candidates if c.epic_action == action]
    if not wanted:
        return
    records = {r.key: r for r in run.ledger.records(run.tracker.name)}
    stories: dict[str, list[EpicRecord]] = defaultdict(list)
    for record in records.values():
        if record.parent_key:
            stories[record.parent_key].append(record)
    changer = Changer(run, stories)
    for candidate in wanted:
        record = records.get(candidate.epic_key or "")
        if record is None or record.state is not EpicState.OPENED:
            why = "the ledger has changed since this was decided; the next run decides again"
            verdict = Verdict(Section.WAITING, why)
        elif candidate.epic_action == "update":
            shared = records.get(candidate.shared_epic_key or "")
            verdict = changer.update(candidate, record, shared)
        else:
            verdict = changer.close(candidate, record)
        url = record.url if record else None
        report.put(candidate, verdict.section, verdict.reason, candidate.epic_key, url)
