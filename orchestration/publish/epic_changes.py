"""Tells open epics what is new, and closes those that nobody needs or touched; each once."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TypeVar

from orchestration.ledger import EpicRecord, EpicState, Evidence, Told
from orchestration.publish.epic_document import draft_change
from orchestration.publish.epic_plan import TOUCHED, AddEvidence, Close, Section
from orchestration.publish.epic_report import ReportBuilder
from orchestration.publish.epic_run import STALLED, UNKNOWN, PublishRun, kind_of
from orchestration.publish.epic_state import EpicStates
from orchestration.publish.figures import named, remembered_edits, written_figures
from orchestration.trackers.document import Document, Paragraph, Span, spans
from orchestration.trackers.protocol import (
    AmbiguousError,
    EpicChange,
    EpicRef,
    TrackerError,
)

Answer = TypeVar("Answer")


class _UndeliveredError(Exception):
    """Another run is at it, or the tracker refused; `section` is where that is reported."""

    def __init__(self, section: Section, why: str) -> None:
        super().__init__(why)
        self.section = section


def change_of(action: AddEvidence, run: PublishRun, shared: EpicRecord | None) -> EpicChange:
    """What to send for an action; `shared` is the open epic of the shared fix to be told of."""
    record = action.record
    change = draft_change(
        action.candidate,
        key=record.key,
        told=record.evidence,
        written=record.figures,
        update_count=record.update_count,
        now=run.now,
    )
    body: Document = change.body
    if shared:
        body += (Paragraph((Span("One change serves this service and others: "), _link(shared))),)
    if names := _untold(record):
        text = f"People set the {named(names)} here; paydown leaves it as it is."
        body += (Paragraph(spans(text)),)
    evidence = record.pending_evidence
    is_same = evidence is not None and evidence.digest == action.candidate.evidence.digest
    change_id = change_id_of(change.change_id, record, is_same=is_same)
    return replace(change, change_id=change_id, body=body)


def closing_of(action: Close, record: EpicRecord, run: PublishRun) -> EpicChange:
    """What to say when closing `record`, the action's epic or a story of it."""
    digest = hashlib.sha256(f"{record.key} {record.update_count}".encode()).hexdigest()
    is_same = (record.pending_change_id or "").startswith("close-")
    text = (
        f"Closed as hygiene: {action.why}, and nobody has worked on this. An incident that brings "
        "the service above the band again opens a new epic."
    )
    is_story = record.parent_key is not None
    pending = record.pending_figures if record.pending_change_id else None
    return EpicChange(
        change_id=change_id_of(f"close-{digest[:12]}", record, is_same=is_same),
        at=run.now,
        body=(Paragraph(spans(text)),),
        figures=pending or action.candidate.figures,
        written=None if is_story else record.figures,
    )


def change_id_of(fresh: str, record: EpicRecord, *, is_same: bool) -> str:
    """The id of a change to `record`: that of the pending one, if it says the same.

    Otherwise one that also hangs on what is pending: evidence that goes back and forth between
    two runs that died must not be told under one id twice.
    """
    if record.pending_change_id is None:
        return fresh
    if is_same:
        return record.pending_change_id
    kind, _, _ = fresh.partition("-")
    seed = f"{fresh} {record.pending_change_id}"
    return f"{kind}-{hashlib.sha256(seed.encode()).hexdigest()[:12]}"


@dataclass
class EpicChanger:
    """Carries out changes for one run, and reports them."""

    run: PublishRun
    states: EpicStates
    report: ReportBuilder

    def add_evidence(self, action: AddEvidence) -> None:
        """Tell new evidence in an open epic, once."""
        candidate, record = action.candidate, action.record
        shared = self.states.open_epic(action.shared_key)
        if not action.is_news and shared is None:
            why = "the epic of its shared fix is not open yet"
            self.report.add_epic(candidate, Section.ALREADY_OPEN, why, record)
            return
        change = change_of(action, self.run, shared)
        try:
            change, edited = self._update(record, change, action.why, candidate.evidence)
        except _UndeliveredError as error:
            self.report.add_epic(candidate, error.section, str(error), record)
            return
        written = written_figures(change.figures, change.written, edited)
        self.run.ledger.record_updated(
            self.run.hold(),
            record.tracker,
            record.key,
            change.change_id,
            Told(candidate.evidence, written),
            remembered_edits(record, edited, _untold(record)),
            shared.key if shared else None,
        )
        why = action.why
        if news := edited - record.edited.keys():
            why += f"; people set the {named(news)} there, which stays"
        self.report.add_epic(candidate, action.section, why, record)

    def _update(
        self, record: EpicRecord, change: EpicChange, why: str, evidence: Evidence
    ) -> tuple[EpicChange, frozenset[str]]:
        """Send an update; what was sent at last, and the figures that people edited.

        Figures that an earlier update may have written are sent before newer ones: a field must
        hold what the ledger knows of, or it would be taken for a person's.
        """
        update = self.run.tracker.update
        pending = record.pending_figures if record.pending_change_id else None
        if pending in (None, change.figures) or change.written is None:
            return change, self._deliver(record, change, "update", why, update, evidence)
        earlier = replace(change, figures=pending)
        edited = self._deliver(record, earlier, "update", why, update, evidence)
        written = written_figures(pending, change.written, edited)
        self.run.ledger.record_written(
            self.run.hold(), record.tracker, record.key, change.change_id, written
        )
        change = replace(change, written=written)
        return change, self._deliver(record, change, "update", why, update, evidence)

    def close_hygiene(self, actions: Sequence[Close]) -> None:
        """Close the epics of `actions` that nobody touched, their stories first."""
        judged = self.judged(actions)
        touched = [a for a, not_ in judged if not_ and not_[0] is Section.CLOSED_AS_HYGIENE]
        self._remember_touched(touched)
        for action, why_not in judged:
            if why_not is None:
                self._close(action)
            else:
                section, why = why_not
                self.report.add_epic(action.candidate, section, why, action.record)

    def judged(self, actions: Sequence[Close]) -> list[tuple[Close, tuple[Section, str] | None]]:
        """Each action with why it is not carried out, None if it is. Asks the tracker once."""
        if not actions or self.run.stopped:
            why = f"not attempted: {self.run.stopped}"
            return [(action, (Section.FAILED, why)) for action in actions]
        parts = {action.record.key: self._parts(action.record) for action in actions}
        refs = [_ref(record) for records in parts.values() for record in records]
        try:
            answers: Mapping[str, bool | TrackerError] = self.run.tracker.untouched(refs)
        except TrackerError as error:
            self.run.stop_on(error)
            answers = {ref.key: error for ref in refs}
        return [(a, _why_not(a, parts[a.record.key], answers)) for a in actions]

    def _remember_touched(self, actions: Sequence[Close]) -> None:
        """Write down that people touched the epics of `actions`: they are not asked for again."""
        if keys := [action.record.key for action in actions]:
            self.run.ledger.record_touched(self.run.hold(), self.run.tracker.name, keys)

    def _close(self, action: Close) -> None:
        record = action.record
        try:
            for part in reversed(self._parts(record)):
                change = closing_of(action, part, self.run)
                self._deliver(part, change, "close", action.why, self.run.tracker.close)
                closed_at = max(self.run.now, part.opened_at or self.run.now)
                closed = self.run.ledger.record_closed(
                    self.run.hold(), part.tracker, part.key, closed_at, "hygiene", by_us=True
                )
                if part.parent_key:
                    self.states.stories[part.key] = closed
        except _UndeliveredError as error:
            self.report.add_epic(action.candidate, error.section, str(error), record)
            return
        why = f"{action.why}, and nobody had worked on it"
        self.report.add_epic(action.candidate, Section.CLOSED, why, record)

    def _deliver(
        self,
        record: EpicRecord,
        change: EpicChange,
        kind: str,
        why: str,
        send: Callable[[EpicRef, EpicChange], Answer],
        evidence: Evidence | None = None,
    ) -> Answer:
        """Commit the intent and send; raises _UndeliveredError, with the outcome committed."""
        run = self.run
        if run.stopped:
            raise _UndeliveredError(Section.FAILED, f"not attempted: {run.stopped}")
        sent = {"why": why, "change": asdict(change)}
        was_attempted = None
        for _ in run.tries():
            claim = run.ledger.claim_change(
                run.hold(),
                record.tracker,
                record.key,
                change.change_id,
                record.update_count,
                evidence,
                change.figures,
                kind,
                sent,
            )
            if not claim.is_granted:
                raise _UndeliveredError(Section.ALREADY_OPEN, "another run is adding to it")
            # A renewed claim finds its own intent.
            was_attempted = claim.was_attempted if was_attempted is None else was_attempted
            if run.is_in_time():
                break
            # Another run may have taken over, and died, in between.
            was_attempted = True
        else:
            self._record_failure(
                record, kind, "stalled", STALLED, is_unknown=False, was_pending=True
            )
            raise _UndeliveredError(Section.FAILED, STALLED)
        try:
            return send(_ref(record), replace(change, is_retry=bool(was_attempted)))
        except TrackerError as error:
            is_unknown = isinstance(error, AmbiguousError)
            self._record_failure(
                record,
                kind,
                kind_of(error),
                str(error),
                is_unknown=is_unknown,
                was_pending=bool(was_attempted or record.pending_change_id),
            )
            run.stop_on(error)
            why = f"{error}; {UNKNOWN}" if is_unknown else str(error)
            raise _UndeliveredError(Section.FAILED, why) from None

    def _record_failure(
        self,
        record: EpicRecord,
        kind: str,
        event: str,
        reason: str,
        *,
        is_unknown: bool,
        was_pending: bool,
    ) -> None:
        self.run.ledger.record_change_failed(
            self.run.hold(),
            record.tracker,
            record.key,
            f"{kind}_{event}",
            reason,
            is_unknown=is_unknown,
            was_pending=was_pending,
        )

    def _parts(self, record: EpicRecord) -> list[EpicRecord]:
        """The epic, then its stories that are open as far as the ledger knows."""
        stories = self.states.stories_of(record.key)
        return [record, *(s for s in stories if s.state is EpicState.OPENED)]


def _why_not(
    action: Close, parts: Sequence[EpicRecord], answers: Mapping[str, bool | TrackerError]
) -> tuple[Section, str] | None:
    told = [answers.get(part.key) for part in parts]
    if any(answer is False for answer in told):
        return Section.CLOSED_AS_HYGIENE, f"{action.why}; {TOUCHED}"
    for part, answer in zip(parts, told, strict=True):
        if answer is not True:
            fault = answer or "the tracker doesn't say"
            why = f"not closed, it can't be told whether people worked on {part.key}: {fault}"
            return Section.FAILED, why
    return None


def _untold(record: EpicRecord) -> list[str]:
    return [name for name, is_told in record.edited.items() if not is_told]


def _ref(record: EpicRecord) -> EpicRef:
    return EpicRef(record.key, record.ref_id or "", record.url or "")


def _link(record: EpicRecord) -> Span:
    return Span(record.key, record.url or "")
