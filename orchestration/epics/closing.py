"""Closes epics that nobody needs any more and no person ever touched, their stories first."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from orchestration.epics.delivery import Delivery, UndeliveredError, change_id_of
from orchestration.epics.plan import TOUCHED, Close, Section
from orchestration.epics.report import ReportBuilder
from orchestration.epics.run import PublishRun
from orchestration.epics.state import EpicStates, learn_status
from orchestration.ledger import EpicRecord, EpicState
from orchestration.trackers.document import Paragraph, spans
from orchestration.trackers.markdown_body import render
from orchestration.trackers.protocol import EpicChange, TrackerError


@dataclass(frozen=True)
class Verdict:
    """Why an epic is not closed, and the section that says so."""

    section: Section
    why: str
    is_touched: bool = False


def closing_of(action: Close, record: EpicRecord, run: PublishRun) -> EpicChange:
    """What to say when closing `record`, the action's epic or a story of it."""
    digest = hashlib.sha256(f"{record.key} {record.update_count}".encode()).hexdigest()
    text = (
        f"Closed as hygiene: {action.why}, and nobody has worked on this. An incident that brings "
        "the service above the band again opens a new epic."
    )
    return EpicChange(
        change_id=change_id_of(f"close-{digest[:12]}", record, is_same=record.is_closing),
        at=run.now,
        body=render((Paragraph(spans(text)),)),
        score=action.candidate.score,
        slo_burn=None if record.parent_key else action.candidate.slo_burn,
    )


@dataclass
class EpicCloser:
    """Carries out closings for one run, and reports them."""

    run: PublishRun
    states: EpicStates
    report: ReportBuilder

    def close(self, actions: Sequence[Close]) -> None:
        """Close the epics of `actions` that nobody touched."""
        for action in actions:
            # Right before it is closed: somebody may begin to work while others are closed.
            verdict = self.judge(action, dry_run=False) or self._close(action)
            if verdict is None:
                continue
            if verdict.is_touched:
                # Nobody asks for it again.
                self.run.ledger.record_touched(
                    self.run.hold(), self.run.tracker.name, [action.record.key]
                )
            self.report.add_epic(action.candidate, verdict.section, verdict.why, action.record)

    def judge(self, action: Close, *, dry_run: bool) -> Verdict | None:
        """Why the epic is not to be closed, None if it is.

        Follows what people did to its stories: what they closed or deleted is work of theirs.
        """
        if self.run.stopped:
            return Verdict(Section.FAILED, f"not attempted: {self.run.stopped}")
        if begun := self._begun_stories(action.record):
            why = f"{action.why}; it is closed once it is known whether {begun[0].key} was opened"
            return Verdict(Section.WAITING, why)
        try:
            if stories := self._open_stories(action.record):
                learn_status(self.states, stories, self.run, dry_run=dry_run)
            if any(s.touched_at for s in self.states.stories_of(action.record.key)):
                return _touched(action)
            parts = self._parts(action.record)
            for part in parts:
                if part.key in self.states.problems:
                    return _untold(part, self.states.problems[part.key])
        except TrackerError as error:
            self.run.stop_on(error)
            return _untold(action.record, str(error))
        return self._judge_parts(action, parts)

    def _judge_parts(self, action: Close, parts: Sequence[EpicRecord]) -> Verdict | None:
        """Why not all of `parts`, the epic and stories of it, are as paydown left them."""
        # To be decided by `EpicStatus.version`, which the ledger doesn't store yet.
        return _touched(action) if parts else None

    def _close(self, action: Close) -> Verdict | None:
        """Close the epic and its stories; why the rest was left open where that was so."""
        record = action.record
        try:
            for number, part in enumerate(reversed(self._parts(record))):
                # People hear of the first story that is closed, and may object.
                if number and (verdict := self._judge_parts(action, [part])):
                    return verdict
                change = closing_of(action, part, self.run)
                Delivery(part, change, "close", action.why).send(self.run, self.run.tracker.close)
                closed_at = max(self.run.now, part.opened_at or self.run.now)
                closed = self.run.ledger.record_closed(
                    self.run.hold(), part.tracker, part.key, closed_at, "hygiene", by_us=True
                )
                if part.parent_key:
                    self.states.stories[part.key] = closed
        except UndeliveredError as error:
            return Verdict(error.section, str(error))
        why = f"{action.why}, and nobody had worked on it"
        self.report.add_epic(action.candidate, Section.CLOSED, why, record)
        return None

    def _parts(self, record: EpicRecord) -> list[EpicRecord]:
        return [record, *self._open_stories(record)]

    def _begun_stories(self, record: EpicRecord) -> list[EpicRecord]:
        """The stories that the tracker may have, or get, without its search knowing it yet."""
        return [s for s in self.states.stories_of(record.key) if s.is_attempted]

    def _open_stories(self, record: EpicRecord) -> list[EpicRecord]:
        """The stories of an epic that are open as far as the ledger knows."""
        return [s for s in self.states.stories_of(record.key) if s.state is EpicState.OPENED]


def _touched(action: Close) -> Verdict:
    return Verdict(Section.CLOSED_AS_HYGIENE, f"{action.why}; {TOUCHED}", is_touched=True)


def _untold(part: EpicRecord, fault: str) -> Verdict:
    why = f"not closed, it can't be told whether people worked on {part.key}: {fault}"
    return Verdict(Section.FAILED, why)
