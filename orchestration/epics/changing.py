"""Updates and closes open epics: claim, call, outcome, and never the call twice blindly."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace

from orchestration.epics.candidates import Candidate, Section
from orchestration.epics.content import change_body, closing_body
from orchestration.epics.run import STALLED, TRIES, UNKNOWN, Run, kind_of, ref_of
from orchestration.ledger import EpicRecord, EpicState, Evidence
from orchestration.trackers.protocol import (
    AmbiguousError,
    EpicChange,
    EpicRef,
    EpicStatus,
    TrackerError,
)

TOUCHED = "its epic stays open, because others have worked on it"


@dataclass(frozen=True)
class Verdict:
    """Where a row ends in the report, and why."""

    section: Section
    reason: str


class _NotSentError(Exception):
    """Another run is at it, or the tracker rejected it; the outcome is on record."""

    def __init__(self, section: Section, reason: str) -> None:
        super().__init__(reason)
        self.verdict = Verdict(section, reason)


@dataclass
class Changer:
    """Changes epics for one run. stories: by the key of their epic, as the ledger has them."""

    run: Run
    stories: dict[str, list[EpicRecord]]

    def update(
        self, candidate: Candidate, record: EpicRecord, shared: EpicRecord | None
    ) -> Verdict:
        """Add what is new to the open epic, once, and point to the epic of a shared fix."""
        run = self.run
        pointer = (shared.key, shared.url or "") if shared else None
        body = change_body(candidate, record.evidence, pointer)
        try:
            change_id = self._send(
                candidate, record, "change", body, candidate.evidence, run.tracker.update
            )
        except _NotSentError as error:
            return error.verdict
        run.ledger.record_changed(
            run.writer(), record.tracker, record.key, change_id, shared.key if shared else None
        )
        if record.version is not None:
            run.read_versions([record])
        return Verdict(candidate.section, candidate.reason)

    def close(self, candidate: Candidate, record: EpicRecord) -> Verdict:
        """Close the epic, its stories first, unless somebody else has worked on any of them."""
        stories = self.stories.get(record.key, [])
        if begun := [story for story in stories if story.is_attempted]:
            why = f"it is closed once it is known whether {begun[0].key} was opened"
            return Verdict(Section.WAITING, f"{candidate.reason}; {why}")
        is_open = [story for story in stories if story.state is EpicState.OPENED]
        parts = [*is_open, record]
        for number, part in enumerate(parts):
            # Before each one: people hear of the first story that is closed, and may object.
            if objection := self._objection(candidate, record, parts[number:]):
                return objection
            body = closing_body(candidate.reason)
            try:
                self._send(candidate, part, "close", body, None, self.run.tracker.close)
            except _NotSentError as error:
                return error.verdict
            self._record_closed(part, "hygiene")
        return Verdict(Section.CLOSED, f"{candidate.reason}, and nobody had worked on it")

    def _objection(
        self, candidate: Candidate, epic: EpicRecord, parts: Sequence[EpicRecord]
    ) -> Verdict | None:
        """Why not all of `parts` are as paydown left them, None if they are."""
        run = self.run
        if run.stopped:
            return Verdict(Section.FAILED, f"not attempted: {run.stopped}")
        try:
            answers = run.status(parts)
        except TrackerError as error:
            run.stop_on(error)
            return Verdict(Section.FAILED, f"not closed: {error}")
        for part in parts:
            status = answers.get(part.key)
            if not isinstance(status, EpicStatus):
                why = f"not closed, the tracker doesn't say how {part.key} is"
                return Verdict(Section.FAILED, f"{why}: {status or 'no answer'}")
            if part.is_closing and not status.is_open:
                continue  # Closed by a run that was cut short.
            if part.version is None or status.version != part.version:
                versions = {epic.key: None}
                run.ledger.record_versions(run.writer(), epic.tracker, versions)
                why = f"{candidate.reason}; {TOUCHED}"
                return Verdict(Section.CLOSED_AS_HYGIENE, why)
        return None

    def _record_closed(self, part: EpicRecord, status: str) -> None:
        closed_at = max(self.run.now, part.opened_at or self.run.now)
        self.run.ledger.record_closed(
            self.run.writer(), part.tracker, part.key, closed_at, status, by_us=True
        )

    def _send(
        self,
        candidate: Candidate,
        record: EpicRecord,
        kind: str,
        body: str,
        evidence: Evidence | None,
        call: Callable[[EpicRef, EpicChange], None],
    ) -> str:
        """Send one change; its id. Raises _NotSentError, with the outcome committed."""
        run = self.run
        if run.stopped:
            raise _NotSentError(Section.FAILED, f"not attempted: {run.stopped}")
        change = EpicChange(
            change_id="",
            at=run.now,
            body=body,
            score=candidate.score,
            slo_burn=None if record.parent_key else candidate.slo_burn,
        )
        change = self._claim(candidate, record, kind, change, evidence)
        try:
            call(ref_of(record), change)
        except TrackerError as error:
            is_unknown = isinstance(error, AmbiguousError)
            self._record_failure(
                record, f"{kind}_{kind_of(error)}", str(error), is_unknown, change.is_retry
            )
            run.stop_on(error)
            why = f"{error}; {UNKNOWN}" if is_unknown else str(error)
            raise _NotSentError(Section.FAILED, why) from None
        return change.change_id

    def _claim(
        self,
        candidate: Candidate,
        record: EpicRecord,
        kind: str,
        change: EpicChange,
        evidence: Evidence | None,
    ) -> EpicChange:
        """Commit what follows, in time; the change with its id."""
        run = self.run
        decided = candidate.update_count if record.parent_key is None else record.update_count
        sent = {"why": candidate.reason, "change": asdict(change)}
        is_retry = False
        for _ in range(TRIES):
            claim = run.ledger.claim_change(
                run.writer(), record.tracker, record.key, kind, decided or 0, evidence, sent
            )
            if not claim.is_granted:
                why = "the ledger has changed since this was decided, or another run is at it"
                raise _NotSentError(Section.WAITING, f"{why}; the next run decides again")
            change_id = claim.record.pending_change_id or ""
            is_retry = is_retry or claim.was_attempted
            if run.is_in_time():
                return replace(change, change_id=change_id, is_retry=is_retry)
            # Another run may have taken over, and died, in between.
            is_retry = True
        self._record_failure(record, f"{kind}_stalled", STALLED, False, True)
        raise _NotSentError(Section.FAILED, STALLED)

    def _record_failure(
        self, record: EpicRecord, event: str, reason: str, may_be_done: bool, was_retry: bool
    ) -> None:
        self.run.ledger.record_failure(
            self.run.writer(),
            record.tracker,
            [record.key],
            event,
            reason,
            may_be_done=may_be_done,
            was_pending=was_retry or bool(record.pending_change_id),
        )
