"""One run: its identity, how long its claims last, why it stopped."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from orchestration.http import (
    AccessError,
    ConflictError,
    SourceError,
    UnavailableError,
    UnknownOutcomeError,
)
from orchestration.ledger import EpicRecord, Ledger, Writer
from orchestration.trackers.protocol import EpicRef, EpicStatus, StatusOutcome, Tracker
from orchestration.trackers.text import one_line

UNKNOWN = "it is not known whether the tracker did it; the next run looks before it tries again"
STALLED = "this machine stalled before it could send the request; the next run tries again"

# A request is sent within this time after its claim was committed, or not at all.
SEND_WITHIN_SECONDS = 30.0
# Added to the lease on top of it, for clocks of two machines that differ.
_CLOCK_SKEW_SECONDS = 30.0
# The names of errors in the ledger's history; any other is a rejection.
_KINDS = {
    AccessError: "forbidden",
    ConflictError: "conflict",
    UnavailableError: "unavailable",
    UnknownOutcomeError: "ambiguous",
}
Answer = TypeVar("Answer")


def utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass
class Run:
    """What everything that acts for one run shares.

    clock: wall-clock time. now: business time, aware, which epics carry.
    stopped: why nothing more is asked of the tracker, or None. Methods that ask it raise
    SourceError.
    """

    ledger: Ledger
    tracker: Tracker
    run_id: str
    now: datetime
    clock: Callable[[], datetime] = utc_now
    stopped: str | None = None
    # Of the writer, unique for this process: a retried step has the same run id.
    _nonce: str = field(default_factory=lambda: uuid.uuid4().hex[:12], init=False)

    def __post_init__(self) -> None:
        if self.now.tzinfo is None:
            raise ValueError("now has no time zone")

    def records(self) -> dict[str, EpicRecord]:
        """Epics and stories of this tracker in the ledger, by key."""
        return {record.key: record for record in self.ledger.records(self.tracker.name)}

    def writer(self) -> Writer:
        """The writer as of now; the lease outlasts requests sent in time, and the search lag."""
        tracker, run_id = self.tracker, one_line(self.run_id, 150)
        seconds = SEND_WITHIN_SECONDS + tracker.longest_call_seconds
        lease = timedelta(seconds=seconds + tracker.search_lag_seconds + _CLOCK_SKEW_SECONDS)
        owner = f"{run_id}/{self._nonce}"
        return Writer(tracker.name, owner, run_id, self.clock(), lease, tracker.is_idempotent)

    def claim(self, claim: Callable[[Writer], Answer]) -> tuple[Answer, bool]:
        """The answer to a claim, and whether there is still time to send.

        Asks both clocks: the monotonic one may stand still while a machine is suspended, the
        wall clock may be set back.
        """
        writer, began = self.writer(), time.monotonic()
        answer = claim(writer)
        waited = (self.clock() - writer.at).total_seconds()
        return answer, max(waited, time.monotonic() - began) <= SEND_WITHIN_SECONDS

    def stop_on(self, error: SourceError) -> None:
        """Ask nothing more after an error that the next request would hit too."""
        if isinstance(error, AccessError | UnavailableError):
            self.stopped = self.stopped or str(error)

    def status(self, records: Collection[EpicRecord]) -> Mapping[str, StatusOutcome]:
        """The state of these in the tracker; asks nothing if there are none."""
        return self.tracker.status([ref_of(record) for record in records]) if records else {}

    def find(self, keys: Collection[str]) -> Mapping[str, EpicRef]:
        """Which of `keys` the tracker has; asks nothing if there are none."""
        return self.tracker.find(keys) if keys else {}

    def adopt(
        self, wanted: Mapping[str, EpicRecord], found: Mapping[str, EpicRef]
    ) -> dict[EpicRef, EpicRecord]:
        """Record that `found` of `wanted`, by key, are in the tracker; each with its record."""
        return {
            ref: self.ledger.record_opened(self.writer(), wanted[key], (ref.id, ref.url), self.now)
            for key, ref in sorted(found.items())
        }

    def read_versions(self, records: Collection[EpicRecord]) -> None:
        """Record the versions of what this run has just written, to see what others change later.

        If the tracker doesn't answer, the version stays unknown, and the epic is not closed.
        """
        try:
            answers = self.status(records)
        except SourceError:
            answers = {}
        versions: dict[str, str | None] = {}
        for record in records:
            answer = answers.get(record.key)
            versions[record.key] = answer.version if isinstance(answer, EpicStatus) else None
        if versions:
            self.ledger.record_versions(self.writer(), versions)


def ref_of(record: EpicRecord) -> EpicRef:
    """Where a record is in the tracker; with an empty id before it was opened."""
    return EpicRef(record.key, record.ref_id or "", record.url or "")


def kind_of(error: SourceError) -> str:
    """The event's name for an error, such as `rejected`."""
    return _KINDS.get(type(error), "rejected")
