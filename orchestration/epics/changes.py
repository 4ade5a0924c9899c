"""Tells open epics what is new, each thing once."""

from __future__ import annotations

from dataclasses import dataclass, replace

from orchestration.epics.content.document import draft_change
from orchestration.epics.delivery import Delivery, UndeliveredError, change_id_of
from orchestration.epics.plan import AddEvidence, Section
from orchestration.epics.report import ReportBuilder
from orchestration.epics.run import PublishRun
from orchestration.epics.state import EpicStates
from orchestration.ledger import EpicRecord, Told
from orchestration.trackers.document import Paragraph, Span
from orchestration.trackers.markdown_body import render
from orchestration.trackers.protocol import EpicChange


def change_of(action: AddEvidence, run: PublishRun, shared: EpicRecord | None) -> EpicChange:
    """What to send for an action; `shared` is the open epic of the shared fix to be told of."""
    record = action.record
    change = draft_change(
        action.candidate,
        key=record.key,
        told=record.evidence,
        update_count=record.update_count,
        now=run.now,
    )
    body = change.body
    if shared:
        link = Paragraph((Span("One change serves this service and others: "), _link(shared)))
        body = f"{body}\n\n{render((link,))}"
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
            delivery = Delivery(record, change, "update", action.why, candidate.evidence)
            delivery.send(self.run, self.run.tracker.update)
        except UndeliveredError as error:
            self.report.add_epic(candidate, error.section, str(error), record)
            return
        self.run.ledger.record_updated(
            self.run.hold(),
            record.tracker,
            record.key,
            change.change_id,
            Told(candidate.evidence, candidate.figures),
            {},
            shared.key if shared else None,
        )
        self.report.add_epic(candidate, action.section, action.why, record)


def _link(record: EpicRecord) -> Span:
    return Span(record.key, record.url or "")
