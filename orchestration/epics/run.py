"""One run of the epics publisher: who it is, how long what it claims is its own, why it stopped."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from orchestration.ledger import Hold, Ledger
from orchestration.trackers.protocol import (
    AmbiguousError,
    ConflictError,
    ForbiddenError,
    RejectedError,
    Tracker,
    TrackerError,
    UnavailableError,
)
from orchestration.trackers.text import one_line

UNKNOWN = "it is not known whether the tracker did it, the next run looks before it tries again"
STALLED = "this machine stood still before it could ask the tracker, the next run tries again"

# A request is sent this soon after its intent was committed, or not at all.
SEND_WITHIN_SECONDS = 30.0
# Added to the lease on top of it, for clocks of two machines that differ.
_CLOCK_SKEW_SECONDS = 30.0
_TRIES = 3


@dataclass
class PublishRun:
    """What everything that acts for one run shares.

    clock, sleep: wall-clock time and waiting. now: business time, which epics carry.
    stopped: why nothing more is asked of the tracker, or None.
    """

    ledger: Ledger
    tracker: Tracker
    run_id: str
    now: datetime
    clock: Callable[[], datetime]
    sleep: Callable[[float], None]
    stopped: str | None = None
    _owner: str = field(default="", init=False)
    _held_at: tuple[datetime, float] = field(default=(datetime.min, 0.0), init=False)

    def __post_init__(self) -> None:
        # Unique for this process: a retried step has the same run id.
        self._owner = f"{one_line(self.run_id, 150)}/{uuid.uuid4().hex[:12]}"

    def hold(self) -> Hold:
        """A fresh hold: its lease outlasts what is sent in time under it, and the search lag."""
        at = self.clock()
        self._held_at = (at, time.monotonic())
        lease = timedelta(
            seconds=SEND_WITHIN_SECONDS
            + self.tracker.longest_call_seconds
            + self.tracker.search_lag_seconds
            + _CLOCK_SKEW_SECONDS
        )
        run_id = one_line(self.run_id, 150)
        return Hold(self._owner, run_id, at, at + lease, self.tracker.is_idempotent)

    def is_in_time(self) -> bool:
        """Whether a request may still be sent under the newest hold.

        Asks both clocks: the monotonic one may stand still while a machine is suspended, the
        wall clock may be set back.
        """
        at, monotonic = self._held_at
        waited = max((self.clock() - at).total_seconds(), time.monotonic() - monotonic)
        return waited <= SEND_WITHIN_SECONDS

    def tries(self) -> range:
        """How often an intent is renewed when this process stood still after committing it."""
        return range(_TRIES)

    def stop_on(self, error: TrackerError) -> None:
        """Ask nothing more after an error that the next request would meet too."""
        if isinstance(error, ForbiddenError | UnavailableError):
            self.stopped = self.stopped or str(error)


def kind_of(error: TrackerError) -> str:
    """The event's name for an error."""
    kinds = {
        AmbiguousError: "ambiguous",
        RejectedError: "rejected",
        ConflictError: "conflict",
        UnavailableError: "unavailable",
        ForbiddenError: "forbidden",
    }
    return next((name for kind, name in kinds.items() if isinstance(error, kind)), "failed")
