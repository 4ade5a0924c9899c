"""One run: who it is, how long what it claims is its own, why it stopped."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from orchestration.ledger import EpicRecord, Ledger, Writer
from orchestration.trackers.protocol import (
    EpicRef,
    EpicStatus,
    ForbiddenError,
    StatusOutcome,
    Tracker,
    TrackerError,
    UnavailableError,
)
from orchestration.trackers.text import one_line

UNKNOWN = "it is not known whether the tracker did it; the next run looks before it tries again"
STALLED = "this machine stalled before it could send the request; the next run tries again"

# A request is sent this soon after its claim was committed, or not at all.
SEND_WITHIN_SECONDS = 30.0
# Added to the lease on top of it, for clocks of two machines that differ.
_CLOCK_SKEW_SECONDS = 30.0
# How often a claim is renewed when this process stalled after committing it.
TRIES = 3


def utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass
class Run:
    """What everything that acts for one run shares.

    clock, sleep: wall-clock time and waiting. now: business time, aware, which epics carry.
    stopped: why nothing more is asked of the tracker, or None.
    """

    ledger: Ledger
    tracker: Tracker
    run_id: str
    now: datetime
    clock: Callable[[], datetime] = utc_now
    sleep: Callable[[float], None] = time.sleep
    stopped: str | None = None
    _owner: str = field(default="", init=False)
    _claimed_at: tuple[datetime, float] = field(default=(datetime.min, 0.0), init=False)

    def __post_init__(self) -> None:
        if self.now.tzinfo is None:
            raise ValueError("now has no time zone")
        # Unique for this process: a retried step has the same run id.
        self._owner = f"{one_line(self.run_id, 150)}/{uuid.uuid4().hex[:12]}"

    def writer(self) -> Writer:
        """As whom to write now; the lease outlasts what is sent in time, and the search lag."""
        at = self.clock()
        self._claimed_at = (at, time.monotonic())
        lease = timedelta(
            seconds=SEND_WITHIN_SECONDS
            + self.tracker.longest_call_seconds
            + self.tracker.search_lag_seconds
            + _CLOCK_SKEW_SECONDS
        )
        run_id = one_line(self.run_id, 150)
        return Writer(self._owner, run_id, at, lease, self.tracker.is_idempotent)

    def is_in_time(self) -> bool:
        """Whether a request may still be sent under the newest claim.

        Asks both clocks: the monotonic one may stand still while a machine is suspended, the
        wall clock may be set back.
        """
        at, monotonic = self._claimed_at
        waited = max((self.clock() - at).total_seconds(), time.monotonic() - monotonic)
        return waited <= SEND_WITHIN_SECONDS

    def stop_on(self, error: TrackerError) -> None:
        """Ask nothing more after an error that the next request would meet too."""
        if isinstance(error, ForbiddenError | UnavailableError):
            self.stopped = self.stopped or str(error)

    def status(self, records: Collection[EpicRecord]) -> Mapping[str, StatusOutcome]:
        """How the tracker has these; asks nothing where there are none. Raises TrackerError."""
        return self.tracker.status([ref_of(record) for record in records]) if records else {}

    def read_versions(self, records: Collection[EpicRecord]) -> None:
        """Record the versions of what this run has just written, to see what others change later.

        Where the tracker doesn't answer, the version stays unknown, and the epic is not closed.
        """
        try:
            answers = self.status(records)
        except TrackerError:
            answers = {}
        versions: dict[str, str | None] = {}
        for record in records:
            answer = answers.get(record.key)
            versions[record.key] = answer.version if isinstance(answer, EpicStatus) else None
        if versions:
            self.ledger.record_versions(self.writer(), self.tracker.name, versions)


def ref_of(record: EpicRecord) -> EpicRef:
    """Where a record is in the tracker; with an empty id before it was opened."""
    return EpicRef(record.key, record.ref_id or "", record.url or "")


def kind_of(error: TrackerError) -> str:
    """The event's name for an error, such as `rejected`."""
    return type(error).__name__.removesuffix("Error").lower()
