"""What a tracker (Jira, Azure DevOps, local files) must do for the epics publisher.

Rules of the protocol:

* Methods take many keys at once, so that a tracker with a bulk interface needs `N / batch_size`
  calls to open N epics and one search to learn the state of all of them.
* An error about the whole call is raised; an error about one key is returned as its value.
* Messages of errors end up in the ledger and on people's screens: they hold no secret.
* Text in drafts and changes is one line, without control characters, but otherwise as people
  wrote it: a tracker escapes it for its own format.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol, TypeAlias


class TrackerError(Exception):
    """A tracker didn't do what it was asked; `str(error)` says what to do about it."""


class AmbiguousError(TrackerError):
    """The outcome is unknown: the tracker may have done it (a time-out after sending, a 502)."""


class RejectedError(TrackerError):
    """The input is bad, and stays bad until a person changes it or the configuration."""


class UnavailableError(TrackerError):
    """Nothing was done, a later run may succeed (connection refused, 429 after all retries)."""


class ForbiddenError(TrackerError):
    """Nothing was done, and nothing else will be: the run stops until a person helps."""


@dataclass(frozen=True)
class EpicRef:
    """Where an epic is.

    key: our deterministic key, also a label of the epic.
    id: the tracker's own id (`MOD-123`, `4711`, a file name).
    was_there: `create` found the key taken and adopted the epic that holds it.
    """

    key: str
    id: str
    url: str
    was_there: bool = False


@dataclass(frozen=True)
class EpicStatus:
    """An epic as its tracker shows it now; `closed_at` is None when open or not known."""

    is_open: bool
    status_name: str
    url: str
    closed_at: datetime | None = None


@dataclass(frozen=True)
class Link:
    """A titled address from outside; trackers link only `http` and `https`."""

    title: str
    url: str


@dataclass(frozen=True, kw_only=True)
class EpicDraft:
    """All that an epic says when it is opened. Money in US dollars, estimates in engineer-days."""

    key: str
    title: str
    service_id: str
    service: str
    owner: str
    due_date: date
    estimate_days: float | None
    budget_usd: float
    current_maturity: str
    target_maturity: str
    exit_criteria: tuple[str, ...]
    score: int
    band: str
    coverage: float
    rubric_hash: str
    scoring_date: date
    why: tuple[str, ...]
    fix_classes: tuple[str, ...]
    incident_ids: tuple[str, ...]
    postmortem_ids: tuple[str, ...]
    risk_ids: tuple[str, ...]
    links: tuple[Link, ...]
    labels: tuple[str, ...]
    project_key: str
    opened_at: datetime
    previous_key: str | None = None


@dataclass(frozen=True, kw_only=True)
class EpicChange:
    """New evidence for an open epic, told once.

    change_id: unique for this telling; a tracker shows it, so that it can be found again.
    is_retry: an earlier attempt ended unknown, so look for `change_id` in the epic first.
    previous_score: None when the ledger doesn't know what the epic said before.
    """

    change_id: str
    at: datetime
    decision: str
    score: int
    previous_score: int | None
    band: str
    why: tuple[str, ...]
    new_incident_ids: tuple[str, ...]
    left_incident_ids: tuple[str, ...]
    rubric_hash: str
    is_retry: bool = False


CreateOutcome: TypeAlias = EpicRef | TrackerError
StatusOutcome: TypeAlias = EpicStatus | TrackerError


class Tracker(Protocol):
    """The one door to a tracker. See the module's rules."""

    @property
    def name(self) -> str:
        """Names this instance in the ledger, stable for ever (`local`, `jira:acme/MOD`)."""
        ...

    @property
    def batch_size(self) -> int:
        """How many drafts `create` sends in one request; 1 where there is no bulk interface."""
        ...

    @property
    def search_lag_seconds(self) -> float:
        """How long after a write `find` may still miss it."""
        ...

    @property
    def longest_call_seconds(self) -> float:
        """After this long, nothing that one `create` or `update` sent can still take effect."""
        ...

    @property
    def is_idempotent(self) -> bool:
        """Whether two processes may create one key, or make one change, at the same moment.

        True: the tracker itself sees to it that it happens once, so an unfinished intent of a
        dead run is taken over at once. False: it is taken over only when its lease is over.
        """
        ...

    def find(self, keys: Collection[str]) -> Mapping[str, EpicRef]:
        """The epics, open or closed, that carry one of `keys` as a label; one search a page."""
        ...

    def create(self, drafts: Sequence[EpicDraft]) -> Mapping[str, CreateOutcome]:
        """Create at most `batch_size` epics, never retrying what may already have been done.

        A key that is absent from the answer counts as ambiguous. Raises `AmbiguousError`,
        `UnavailableError` or `ForbiddenError` about all of `drafts`.
        """
        ...

    def update(self, ref: EpicRef, change: EpicChange) -> None:
        """Add `change` to the epic, once, leaving alone what people wrote. Raises TrackerError."""
        ...

    def status(self, refs: Collection[EpicRef]) -> Mapping[str, StatusOutcome]:
        """The state of each epic by key, one request a page; reads by id, which doesn't lag.

        An epic that a person deleted is closed, with the status `deleted`. A key that is absent,
        or whose value is an error, can't be told: the publisher reports it and leaves it alone.
        """
        ...
