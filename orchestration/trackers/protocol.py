"""What a tracker (Jira, Azure DevOps, local files) must do for `epics`.

Rules of the protocol:

* Errors are those of `orchestration.http`, whose messages say what to do: they end up in the ledger
  and on people's screens, and hold no secret.
* `AccessError` and `UnavailableError` end the run, since the next epic would meet them too; others
  are about the epic of the call alone.
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

from orchestration.http import SourceError


@dataclass(frozen=True)
class EpicRef:
    """Where an epic is.

    key: our deterministic key, also a label of the epic. id: the tracker's own (`10023`, a file
    name). is_adopted: `create` found the key taken. duplicates: other items with the same label,
    of which the oldest is ours.
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
    """All that an epic, or a story below `parent`, says when it is opened.

    body: Markdown that says it all; the rest is for fields, where the tracker has them.
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
    """New evidence for an open epic: a comment (`body`, Markdown), and the score and burn of now.

    change_id: unique, and shown by the comment. is_retry: an earlier attempt ended unknown, so look
    for `change_id` in the epic first.
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


StatusOutcome: TypeAlias = EpicStatus | SourceError


class Tracker(Protocol):
    """The one door to a tracker. See the module's rules."""

    # Names this instance in the ledger, stable for ever (`local`, `jira:acme/MOD`).
    name: str
    # How long after a write `find` may still miss it.
    search_lag_seconds: float
    # After this long, nothing that one `create`, `update` or `close` sent can take effect.
    longest_call_seconds: float
    # Whether the tracker itself sees to it that a key is created, and a change made, only once:
    # then what a dead run left is taken over immediately, otherwise when its lease is over.
    is_idempotent: bool

    def find(self, keys: Collection[str]) -> Mapping[str, EpicRef]:
        """The epics, open or closed, that carry one of `keys` as a label."""

    def check(self) -> Sequence[Check]:
        """Whether epics can be opened: reachable, permissions, types, required fields, query.

        Writes nothing and raises nothing; what needs a failed step is left out. The last check of
        a remote tracker is the board's query, to be pasted.
        """

    def preview(self, draft: EpicDraft) -> Preview:
        """What `create` would send, validated by the tracker where it can be; writes nothing."""

    def create(self, draft: EpicDraft) -> EpicRef:
        """Create an epic or a story, never sending again what may have been done."""

    def update(self, ref: EpicRef, change: EpicChange) -> None:
        """Add `change` to the epic, once, and write its score and burn."""

    def close(self, ref: EpicRef, change: EpicChange) -> None:
        """As `update`, and close the epic; closed already is fine.

        Raises RefusedError where no way leads to a closed state.
        """

    def status(self, refs: Collection[EpicRef]) -> Mapping[str, StatusOutcome]:
        """The state of each epic by key; read by id, which doesn't lag.

        A deleted epic is closed, with the status `deleted`. A key that is absent, or whose value
        is an error, is unknown, and the publisher leaves that epic alone.
        """
