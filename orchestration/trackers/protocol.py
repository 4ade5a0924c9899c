"""What a tracker (Jira, Azure DevOps, local files) must do for `epics`.

Rules of the protocol:

* Methods take many keys, so that a tracker with a bulk interface needs `N / batch_size` calls to
  open N epics and few to learn the state of all of them.
* An error about the whole call is raised; an error about one key is returned as its value.
* `ForbiddenError` and `UnavailableError` end the run, since the next epic would meet them too;
  `RejectedError`, `ConflictError` and `AmbiguousError` are about the epics of the call alone.
* Messages of errors end up in the ledger and on people's screens: they hold no secret.
* A body is Markdown (CommonMark, tables and `- [ ]` boxes), in which text from outside is escaped
  with `markup.escape_markdown`; a tracker renders it with `markup`. All other text is one line
  without control characters, but otherwise as people wrote it.
* Score and burn belong to paydown: every `update` and `close` writes both, whatever people put
  there. Everything else is written once, by `create`, and is people's from then on.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Protocol, TypeAlias


class TrackerError(Exception):
    """A tracker didn't do what it was asked; `str(error)` says what to do about it."""


class AmbiguousError(TrackerError):
    """The outcome is unknown: the tracker may have done it (a time-out after sending, a 502)."""


class RejectedError(TrackerError):
    """The input is bad, and stays bad until a person changes it or the configuration."""


class UnavailableError(TrackerError):
    """Nothing was done, a later run may succeed (connection refused, 429 after all retries)."""


class ConflictError(TrackerError):
    """Nothing was done to this epic because others are changing it; a later run may succeed.

    Unlike `UnavailableError` it says nothing of the next epic, so the run goes on.
    """


class ForbiddenError(TrackerError):
    """Nothing was done, and nothing else will be: the run stops until a person helps."""


@dataclass(frozen=True)
class EpicRef:
    """Where an epic is.

    key: our deterministic key, also a label of the epic.
    id: the tracker's own id (`10023`, `4711`, a file name).
    is_adopted: `create` found the key taken and adopted the epic that holds it.
    duplicates: ids of other items that `find` saw the same label on: a person's copies. The
    oldest is ours.
    """

    key: str
    id: str
    url: str
    is_adopted: bool = False
    duplicates: tuple[str, ...] = ()


@dataclass(frozen=True)
class EpicStatus:
    """An epic as its tracker has it now; `closed_at` is None when open or not known.

    version: an opaque token that differs after any change to the item, paydown's own included.
    """

    is_open: bool
    status_name: str
    url: str
    closed_at: datetime | None = None
    version: str = ""


@dataclass(frozen=True, kw_only=True)
class EpicDraft:
    """All that an epic, or a story below one, says when it is opened.

    parent: of a story, the epic it belongs to. body: Markdown. Everything else is for fields: a
    tracker fills those that it has and is configured for, the body says it all anyway.
    slo_burn: peak burn rate. Estimates are in engineer-days, money in US dollars; None: not known.
    owner: a team or a person as the catalog names it. change_window: how the fix may reach
    production (`canary`, `feature_flag`, `maintenance_window`), or empty.
    """

    key: str
    title: str
    body: str
    service_id: str
    service: str
    members: tuple[str, ...] = ()
    owner: str
    due_date: date
    score: int
    slo_burn: float | None = None
    estimate_days: float | None = None
    budget_usd: float | None = None
    current_maturity: str
    target_maturity: str
    band: str
    rubric_hash: str
    scoring_date: date
    risk_ids: tuple[str, ...]
    change_window: str = ""
    labels: tuple[str, ...]
    project_key: str
    opened_at: datetime
    previous_key: str | None = None
    parent: EpicRef | None = None


@dataclass(frozen=True, kw_only=True)
class EpicChange:
    """New evidence for an open epic, added once as a comment, with the score and burn of now.

    change_id: unique for this change; the comment shows it, so that it can be found again.
    body: the comment, as Markdown.
    is_retry: an earlier attempt ended unknown, so look for `change_id` in the epic first.
    """

    change_id: str
    at: datetime
    body: str
    score: int
    slo_burn: float | None = None
    is_retry: bool = False


@dataclass(frozen=True)
class Preview:
    """What `create` would send for a draft (JSON, without credentials), and what to know of it."""

    request: Any
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Check:
    """One thing that must hold before a tracker is switched on; `message` names problem and fix."""

    name: str
    is_ok: bool
    message: str


CreateOutcome: TypeAlias = EpicRef | TrackerError
StatusOutcome: TypeAlias = EpicStatus | TrackerError
PreviewOutcome: TypeAlias = Preview | TrackerError


class Tracker(Protocol):
    """The one door to a tracker. See the module's rules."""

    @property
    def name(self) -> str:
        """Names this instance in the ledger, stable for ever (`local`, `jira:acme/MOD`)."""

    @property
    def batch_size(self) -> int:
        """How many drafts `create` sends in one request; 1 where there is no bulk interface."""

    @property
    def search_lag_seconds(self) -> float:
        """How long after a write `find` may still miss it."""

    @property
    def longest_call_seconds(self) -> float:
        """After this long, nothing that one `create`, `update` or `close` sent can take effect."""

    @property
    def is_idempotent(self) -> bool:
        """Whether two processes may create one key, or make one change, concurrently.

        True: the tracker itself sees to it that it happens once, so an unfinished intent of a
        dead run is taken over immediately. False: only when its lease has expired.
        """

    def find(self, keys: Collection[str]) -> Mapping[str, EpicRef]:
        """The epics, open or closed, that carry one of `keys` as a label; one search a page."""

    def check(self) -> Sequence[Check]:
        """Whether epics can be opened: reachable, permissions, types, required fields, query.

        Writes nothing and raises nothing; the error of a step is its check, and ends what needs
        it. The last check of a remote tracker is the board's query, to be pasted.
        """

    def preview(self, drafts: Sequence[EpicDraft]) -> Mapping[str, PreviewOutcome]:
        """What `create` would send for each draft, validated by the tracker where it can be asked.

        Writes nothing. Raises `UnavailableError` or `ForbiddenError`.
        """

    def create(self, drafts: Sequence[EpicDraft]) -> Mapping[str, CreateOutcome]:
        """Create at most `batch_size` epics or stories, never retrying what may have been done.

        A key that is absent from the answer counts as ambiguous. Raises `AmbiguousError`,
        `ConflictError`, `UnavailableError` or `ForbiddenError` about all of `drafts`.
        """

    def update(self, ref: EpicRef, change: EpicChange) -> None:
        """Add `change` to the epic, once, and write its score and burn.

        Raises TrackerError; `ConflictError` where people edit the epic at the same moment,
        `RejectedError` where this one alone can't be changed.
        """

    def close(self, ref: EpicRef, change: EpicChange) -> None:
        """Add `change` as by `update`, and close the epic. Closed already is fine.

        Raises TrackerError, as `update`; RejectedError where its workflow has no way to a closed
        state.
        """

    def status(self, refs: Collection[EpicRef]) -> Mapping[str, StatusOutcome]:
        """The state of each epic by key; read by id, which doesn't lag.

        An epic that a person deleted is closed, with the status `deleted`. A key that is absent,
        or whose value is an error, is unknown: the publisher reports it and leaves it alone.
        """
