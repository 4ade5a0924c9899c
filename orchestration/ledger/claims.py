"""What goes into the ledger and what it answers, apart from its rows."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from orchestration.ledger.models import EpicRecord, Told

_SECRET = re.compile(
    r"(?i)(?<=://)[^/\s@]+@|(?<=\bbearer )[\w.~+/=-]{16,}|(?<=\bbasic )[\w+/=]{12,}"
    r"|(?:token|password|secret|api[-_]?key)=[^\s&]+"
)


@dataclass(frozen=True)
class Hold:
    """Who writes, and until when what it claims is its own.

    owner: unique for this process and run. at, until: wall-clock time, aware.
    takes_over: claim what another owner still holds too; only right for trackers that create a
    key once whoever asks.
    """

    owner: str
    run_id: str
    at: datetime
    until: datetime
    takes_over: bool = False


@dataclass(frozen=True)
class Intent:
    """An epic that should exist, or a story below `parent_key`.

    service_hash: identifies it, see `EpicRow`. told: what it will tell; None for stories, which
    are never told anything later. `draft` and `why` are kept as history.
    """

    key: str
    service_hash: str
    service: str
    cycle: int
    previous_key: str | None
    told: Told | None
    why: str
    team: str | None = None
    parent_key: str | None = None
    draft: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class Claim:
    """The answer to a claim.

    was_attempted: an earlier attempt has no outcome, so the tracker may hold the epic already.
    record: the epic as it stands; it belongs to somebody else unless `is_granted`.
    """

    is_granted: bool
    was_attempted: bool
    record: EpicRecord


def redact(value: Any) -> Any:
    """`value` (text, or a structure of mappings and lists) without what looks like a credential.

    Trackers promise messages without secrets; this is for the day one doesn't keep it.
    """
    if isinstance(value, str):
        return _SECRET.sub("***", value)
    if isinstance(value, Mapping):
        return {name: redact(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [redact(item) for item in value]
    return value
