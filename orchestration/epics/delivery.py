"""Sends one change to one epic: intent, call, outcome, and never the call twice blindly."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import TypeVar

from orchestration.epics.plan import Section
from orchestration.epics.run import STALLED, UNKNOWN, PublishRun, kind_of
from orchestration.ledger import EpicRecord, Evidence, Figures
from orchestration.trackers.protocol import AmbiguousError, EpicChange, EpicRef, TrackerError

Answer = TypeVar("Answer")


class UndeliveredError(Exception):
    """Another run is at it, or the tracker refused; `section` is where that is reported."""

    def __init__(self, section: Section, why: str) -> None:
        super().__init__(why)
        self.section = section


@dataclass(frozen=True)
class Delivery:
    """A change to `record`, an epic or a story; `kind` is `update` or `close`.

    evidence: what an update tells. why: kept as history.
    """

    record: EpicRecord
    change: EpicChange
    kind: str
    why: str
    evidence: Evidence | None = None

    def send(self, run: PublishRun, call: Callable[[EpicRef, EpicChange], Answer]) -> Answer:
        """What `call` answers. Raises UndeliveredError, with the outcome committed."""
        if run.stopped:
            raise UndeliveredError(Section.FAILED, f"not attempted: {run.stopped}")
        was_attempted = self._claim(run)
        try:
            return call(self.record.ref, replace(self.change, is_retry=was_attempted))
        except TrackerError as error:
            is_unknown = isinstance(error, AmbiguousError)
            was_pending = was_attempted or bool(self.record.pending_change_id)
            self._record_failure(
                run, kind_of(error), str(error), is_unknown=is_unknown, was_pending=was_pending
            )
            run.stop_on(error)
            why = f"{error}; {UNKNOWN}" if is_unknown else str(error)
            raise UndeliveredError(Section.FAILED, why) from None

    def _claim(self, run: PublishRun) -> bool:
        """Commit the intent, in time; whether an earlier attempt may have been done."""
        record, change = self.record, self.change
        sent = {"why": self.why, "change": asdict(change)}
        was_attempted = None
        for _ in run.tries():
            claim = run.ledger.claim_change(
                run.hold(),
                record.tracker,
                record.key,
                change.change_id,
                record.update_count,
                self.evidence,
                Figures(change.score, change.slo_burn),
                self.kind,
                sent,
            )
            if not claim.is_granted:
                raise UndeliveredError(Section.ALREADY_OPEN, "another run is adding to it")
            # A renewed claim finds its own intent.
            was_attempted = claim.was_attempted if was_attempted is None else was_attempted
            if run.is_in_time():
                return was_attempted
            # Another run may have taken over, and died, in between.
            was_attempted = True
        self._record_failure(run, "stalled", STALLED, is_unknown=False, was_pending=True)
        raise UndeliveredError(Section.FAILED, STALLED)

    def _record_failure(
        self, run: PublishRun, event: str, reason: str, *, is_unknown: bool, was_pending: bool
    ) -> None:
        run.ledger.record_change_failed(
            run.hold(),
            self.record.tracker,
            self.record.key,
            f"{self.kind}_{event}",
            reason,
            is_unknown=is_unknown,
            was_pending=was_pending,
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
