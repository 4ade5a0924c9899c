"""Updates and closes open epics: claim, call, outcome; a call is never repeated blindly."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Literal

from orchestration.epics.candidates import Candidate
from orchestration.epics.content import change_body, closing_body
from orchestration.epics.report import Verdict
from orchestration.epics.run import STALLED, UNKNOWN, Run, kind_of, ref_of
from orchestration.http import SourceError, UnknownOutcomeError
from orchestration.ledger import EpicRecord, EpicState, Evidence
from orchestration.trackers.protocol import EpicChange, EpicStatus

TOUCHED = "its epic stays open, because others have worked on it"


def update(run: Run, candidate: Candidate, epic: EpicRecord, shared: EpicRecord | None) -> Verdict:
    """Add what is new to the open epic, once, and point to the epic of a shared fix."""
    body = change_body(candidate, epic.evidence, shared)
    sent = _send(run, candidate, epic, "change", body, candidate.evidence)
    if isinstance(sent, Verdict):
        return sent
    run.ledger.record_changed(run.writer(), epic.key, sent, shared.key if shared else None)
    if epic.version is not None:
        run.read_versions([epic])
    return Verdict(candidate.section, candidate.reason)


def close(
    run: Run, candidate: Candidate, epic: EpicRecord, stories: Sequence[EpicRecord]
) -> Verdict:
    """Close the epic, its stories first, unless somebody else has worked on any of them."""
    if begun := next((story for story in stories if story.is_attempted), None):
        why = f"it is closed once it is known whether {begun.key} was opened"
        return Verdict("waiting", f"{candidate.reason}; {why}")
    parts = [*(story for story in stories if story.state is EpicState.OPENED), epic]
    for number, part in enumerate(parts):
        # Before each one: people notice the first story that is closed, and may object.
        if objection := _objection(run, candidate, epic, parts[number:]):
            return objection
        sent = _send(run, candidate, part, "close", closing_body(candidate.reason))
        if isinstance(sent, Verdict):
            return sent
        run.ledger.record_closed(run.writer(), part.key, run.now, "hygiene", by_us=True)
    return Verdict("closed", f"{candidate.reason}, and nobody had worked on it")


def _objection(
    run: Run, candidate: Candidate, epic: EpicRecord, parts: Sequence[EpicRecord]
) -> Verdict | None:
    """Why `parts` are not all as paydown left them, None if they are."""
    if run.stopped:
        return Verdict("failed", f"not attempted: {run.stopped}")
    try:
        answers = run.status(parts)
    except SourceError as error:
        run.stop_on(error)
        return Verdict("failed", f"not closed: {error}")
    for part in parts:
        status = answers.get(part.key)
        if not isinstance(status, EpicStatus):
            why = f"not closed, the tracker doesn't show the state of {part.key}"
            return Verdict("failed", f"{why}: {status or 'no answer'}")
        if part.is_closing and not status.is_open:
            continue  # Closed by a run that was cut short.
        if part.version is None or status.version != part.version:
            run.ledger.record_versions(run.writer(), {epic.key: None})
            return Verdict("closed_as_hygiene", f"{candidate.reason}; {TOUCHED}")
    return None


def _send(
    run: Run,
    candidate: Candidate,
    record: EpicRecord,
    kind: Literal["change", "close"],
    body: str,
    evidence: Evidence | None = None,
) -> str | Verdict:
    """Send one change, once; its id, or the verdict, with the outcome committed."""
    if run.stopped:
        return Verdict("failed", f"not attempted: {run.stopped}")
    change = EpicChange(
        change_id="",
        at=run.now,
        body=body,
        score=candidate.score,
        slo_burn=None if record.parent_key else candidate.slo_burn,
    )
    decided = record.update_count if record.parent_key else candidate.update_count
    sent = {"why": candidate.reason, "change": asdict(change)}
    claim, is_in_time = run.claim(
        lambda by: run.ledger.claim_change(by, record.key, kind, decided, evidence, sent)
    )
    if not claim.is_granted:
        why = "the ledger has changed since this was decided, or another run works on it"
        return Verdict("waiting", f"{why}; the next run decides again")
    change_id, is_retry = claim.record.pending_change_id or "", claim.was_attempted
    failure, why, may_be_done = "stalled", STALLED, False
    if is_in_time:
        call = run.tracker.close if kind == "close" else run.tracker.update
        try:
            call(ref_of(record), replace(change, change_id=change_id, is_retry=is_retry))
            return change_id
        except SourceError as error:
            run.stop_on(error)
            failure, why = kind_of(error), str(error)
            may_be_done = isinstance(error, UnknownOutcomeError)
    run.ledger.record_failure(
        run.writer(),
        record.key,
        f"{kind}_{failure}",
        why,
        may_be_done=may_be_done,
        was_pending=is_retry or bool(record.pending_change_id),
    )
    return Verdict("failed", f"{why}; {UNKNOWN}" if may_be_done else why)
