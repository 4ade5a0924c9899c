"""What a tracker (Jira, Azure DevOps, local files) must do for `epics`.

Rules of the protocol:

* Errors are those of `orchestration.http`, whose messages say what to do: they end up in the ledger
and on people's screens, and contain no secret.
* `AccessError` and `UnavailableError` end the run, since the next epic would hit them too; others
concern only the epic of the call.
* A body is Markdown (CommonMark, tables and `- [ ]` boxes), in which text from outside is escaped
  with `markup.escape_markdown`; a tracker renders it with `markup`. All other text is one line
  without control characters, but otherwise as people wrote it.
* Score and burn belong to paydown: every `update` and `close` overwrites both. Everything else is
written once, by `create`, and belongs to people from then on.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Protocol, TypeAlias

from orchestration.http import SourceError


@dataclass(frozen=True)
class EpicRef:
    """Where an epic is.

    key: our deterministic key, also a label of the epic. id: the tracker's own (`10023`, a file
    name). is_adopted: `create` found the key in use. duplicates: other items with the same label;
    the oldest is ours.
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
    """The content of an epic, or a story below `parent`, when it is opened.

    body: Markdown with everything; the rest is for fields that the tracker has.
    slo_burn: error budgets spent in a period, 1.5 for 150 %. Estimates are in engineer-days, money
    in US dollars; None: not known.
    change_window: `canary`, `feature_flag`, `maintenance_window`, or empty.
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
    """New evidence for an open epic: a comment (`body`, Markdown), and the current score and burn.

    change_id: unique, and shown in the comment. is_retry: an earlier attempt has an unknown
    outcome, so look for `change_id` in the epic first.
    """

    change_id: str
    at: datetime
    body: str
    score: int
    slo_burn: float | None = None
    is_retry: bool = False


@dataclass(frozen=True)
class Preview:
    """What `create` would send for a draft (JSON, without credentials), and notes about it."""

    request: Any
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Check:
    """One thing that must hold before a tracker is switched on; `message` names problem and fix."""

    name: str
    is_ok: bool
    message: str


StatusOutcome: TypeAlias = EpicStatus | SourceError


class Tracker(Protocol):
    """The one interface to a tracker. See the module's rules."""

    # This instance's name in the ledger, stable forever (`local`, `jira:acme/MOD`).
    name: str
    # How long after a write `find` may still miss it.
    search_lag_seconds: float
    # After this long, nothing that one `create`, `update` or `close` sent can take effect.
    longest_call_seconds: float
    # Whether the tracker itself ensures that a key is created, and a change made, only once: then
    # orphaned attempts are taken over immediately, otherwise when their lease has expired.
    is_idempotent: bool

    def find(self, keys: Collection[str]) -> Mapping[str, EpicRef]:
        """The epics, open or closed, that carry one of `keys` as a label."""

    def check(self) -> Sequence[Check]:
        """Whether epics can be opened: reachable, permissions, types, required fields, query.

        Writes nothing and raises nothing; checks that depend on a failed one are left out. The last
        check of a remote tracker is the board's query, ready to paste.
        """

    def preview(self, draft: EpicDraft) -> Preview:
        """What `create` would send, validated by the tracker if possible; writes nothing."""

    def create(self, draft: EpicDraft) -> EpicRef:
        """Create an epic or a story; never retries what may have been done."""

    def update(self, ref: EpicRef, change: EpicChange) -> None:
        """Add `change` to the epic, once, and write its score and burn."""

    def close(self, ref: EpicRef, change: EpicChange) -> None:
        """As `update`, and close the epic; it may be closed already.

        Raises RefusedError if no transition leads to a closed state.
        """

    def status(self, refs: Collection[EpicRef]) -> Mapping[str, StatusOutcome]:
        """The state of each epic by key; read by id, which doesn't lag.

        A deleted epic is closed, with the status `deleted`. A key that is absent, or whose value
        is an error, is unknown, and the publisher leaves that epic alone.
        """
