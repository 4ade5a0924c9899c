"""Tells open epics what is new, each thing once."""

from __future__ import annotations

from dataclasses import dataclass, replace

from orchestration.epics.content.document import draft_change
from orchestration.epics.delivery import Delivery, UndeliveredError, change_id_of
from orchestration.epics.figures import named, remembered_edits, written_figures
from orchestration.epics.plan import AddEvidence, Section
from orchestration.epics.report import ReportBuilder
from orchestration.epics.run import PublishRun
from orchestration.epics.state import EpicStates
from orchestration.ledger import EpicRecord, Evidence, Told
from orchestration.trackers.document import Document, Paragraph, Span, spans
from orchestration.trackers.protocol import EpicChange


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


@dataclass
class EpicChanger:
    """Tells for one run, and reports them."""

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
        except UndeliveredError as error:
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

        def deliver(change: EpicChange) -> frozenset[str]:
            return Delivery(record, change, "update", why, evidence).send(self.run, update)

        pending = record.pending_figures if record.pending_change_id else None
        if pending in (None, change.figures) or change.written is None:
            return change, deliver(change)
        earlier = replace(change, figures=pending)
        edited = deliver(earlier)
        written = written_figures(pending, change.written, edited)
        self.run.ledger.record_written(
            self.run.hold(), record.tracker, record.key, change.change_id, written
        )
        change = replace(change, written=written)
        return change, deliver(change)


def _untold(record: EpicRecord) -> list[str]:
    return [name for name, is_told in record.edited.items() if not is_told]


def _link(record: EpicRecord) -> Span:
    return Span(record.key, record.url or "")
