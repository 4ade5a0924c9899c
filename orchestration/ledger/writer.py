"""Who writes to the ledger, and the answer to a claim."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session

from orchestration.ledger.models import EpicRecord, LedgerEvent

_SECRET = re.compile(
    r"(?i)(?<=://)[^/\s@]+@|(?<=\bbearer )[\w.~+/=-]{16,}|(?<=\bbasic )[\w+/=]{12,}"
    r"|(?:token|password|secret|api[-_]?key)=[^\s&]+"
)


@dataclass(frozen=True)
class Writer:
    """Who writes about which tracker, when, and for how long what it begins is its own.

    owner: unique for this process and run. at: wall-clock time, aware. lease: how long after an
    attempt began it may still take effect or not be found yet.
    takes_over: begin what another owner has begun too; only right for trackers that do a thing
    once, however many ask.
    """

    tracker: str
    owner: str
    run_id: str
    at: datetime
    lease: timedelta = timedelta(0)
    takes_over: bool = False

    def must_wait_for(self, record: EpicRecord, at: datetime | None = None) -> bool:
        """Whether somebody else's call about `record` may still be under way at `at` (now)."""
        if record.attempted_at is None or record.owner == self.owner or self.takes_over:
            return False
        return record.attempted_at + self.lease > (at or self.at)

    def note(self, session: Session, key: str, kind: str, **detail: object) -> None:
        """Append to the history; what looks like a credential in `detail` is left out."""
        about = {"tracker": self.tracker, "key": key, "at": self.at, "run_id": self.run_id}
        session.add(LedgerEvent(**about, kind=kind, detail=redact(detail)))


@dataclass(frozen=True)
class Claim:
    """The answer to a claim.

    record: the epic as it stands; somebody else acts on it unless `is_granted`.
    was_attempted: an earlier attempt has no outcome, so the tracker may have done it already.
    """

    is_granted: bool
    record: EpicRecord
    was_attempted: bool = False


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
