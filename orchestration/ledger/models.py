"""Tables of the ledger. Outside a transaction a row is a detached copy: a record."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import DateTime, Enum, Index, String, Text, UniqueConstraint, text
from sqlalchemy.engine import Dialect
from sqlalchemy.orm import DeclarativeBase, Mapped, MappedAsDataclass, Session, mapped_column
from sqlalchemy.types import TypeDecorator


class EpicState(StrEnum):
    """The state of an epic in the ledger.

    intended: a call to create it may have been made whose outcome isn't known. closed: by a person
    in the tracker, or by paydown as hygiene. failed: not created, for `reason`; tried again.
    """

    INTENDED = "intended"
    OPENED = "opened"
    CLOSED = "closed"
    FAILED = "failed"


_SECRET = re.compile(
    r"(?i)(?<=://)[^/\s@]+@|(?<=\bbearer )[\w.~+/=-]{16,}|(?<=\bbasic )[\w+/=]{12,}"
    r"|(?:token|password|secret|api[-_]?key)=[^\s&]+"
)
UNFINISHED = (EpicState.INTENDED, EpicState.FAILED)


@dataclass(frozen=True)
class Evidence:
    """An epic's evidence: incidents (a set), score, band and error budgets spent."""

    incident_ids: tuple[str, ...]
    score: int
    band: str
    slo_burn: float | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "incident_ids", tuple(sorted(set(self.incident_ids))))


class _UtcDateTime(TypeDecorator[datetime]):
    """Aware datetimes in, aware UTC out, even on databases that drop the time zone (SQLite)."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"{value!r} has no time zone")
        utc = value.astimezone(UTC)
        return utc.replace(tzinfo=None) if dialect.name == "sqlite" else utc

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None or value.tzinfo is None:
            return value and value.replace(tzinfo=UTC)
        return value.astimezone(UTC)


class _Json(TypeDecorator[Any]):
    """JSON as text."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        return None if value is None else json.dumps(value, default=str)

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:
        return None if value is None else json.loads(value)


class _EvidenceJson(_Json):
    cache_ok = True

    def process_bind_param(self, value: Evidence | None, dialect: Dialect) -> str | None:
        return super().process_bind_param(asdict(value) if value else None, dialect)

    def process_result_value(self, value: str | None, dialect: Dialect) -> Evidence | None:
        fields = super().process_result_value(value, dialect)
        return Evidence(**fields) if fields else None


class Base(MappedAsDataclass, DeclarativeBase, kw_only=True, eq=False):
    """Metadata of the ledger's tables."""


class EpicRecord(Base):
    """One row per epic or story. The database itself rejects a second unfinished one.

    service_hash: SHA-256 of the service's id, which may be long or have characters that a database
    rejects; for a story, of its own key. parent_key: of a story, its epic. evidence: what the epic
    says; None if not known, and for stories. shared_key: the shared fix that it points to.
    version: the tracker's after paydown's last write; None once others have changed it, or if not
    known, and then paydown never closes it.
    update_count: how many changes were begun; pending_change_id, pending_evidence: the newest,
    until its outcome is known. owner, attempted_at: who began the call, and when.

    Columns that came later are nullable: `database.py` adds them to older ledgers.
    """

    __tablename__ = "ledger_epics"
    __table_args__ = (
        UniqueConstraint("tracker", "service_hash", "cycle", name="uq_ledger_epics_cycle"),
        Index(
            "uq_ledger_epics_one_unfinished",
            "tracker",
            "service_hash",
            unique=True,
            sqlite_where=text("state <> 'closed'"),
            postgresql_where=text("state <> 'closed'"),
        ),
    )

    tracker: Mapped[str] = mapped_column(String(200), primary_key=True)
    key: Mapped[str] = mapped_column(String(120), primary_key=True)
    service_hash: Mapped[str] = mapped_column(String(64))
    service: Mapped[str] = mapped_column(Text)
    cycle: Mapped[int] = mapped_column(default=1)
    state: Mapped[EpicState] = mapped_column(
        Enum(
            EpicState,
            native_enum=False,
            length=10,
            values_callable=lambda states: [s.value for s in states],
        ),
        default=EpicState.INTENDED,
    )
    parent_key: Mapped[str | None] = mapped_column(String(120), default=None)
    team: Mapped[str | None] = mapped_column(Text, default=None)
    previous_key: Mapped[str | None] = mapped_column(String(120), default=None)
    reason: Mapped[str | None] = mapped_column(Text, default=None)
    ref_id: Mapped[str | None] = mapped_column(Text, default=None)
    url: Mapped[str | None] = mapped_column(Text, default=None)
    evidence: Mapped[Evidence | None] = mapped_column(_EvidenceJson, default=None)
    shared_key: Mapped[str | None] = mapped_column(String(120), default=None)
    version: Mapped[str | None] = mapped_column(Text, default=None)
    update_count: Mapped[int] = mapped_column(default=0)
    pending_change_id: Mapped[str | None] = mapped_column(String(40), default=None)
    pending_evidence: Mapped[Evidence | None] = mapped_column(_EvidenceJson, default=None)
    owner: Mapped[str | None] = mapped_column(String(200), default=None)
    attempted_at: Mapped[datetime | None] = mapped_column(_UtcDateTime, default=None)
    opened_at: Mapped[datetime | None] = mapped_column(_UtcDateTime, default=None)
    closed_at: Mapped[datetime | None] = mapped_column(_UtcDateTime, default=None)
    is_closed_as_hygiene: Mapped[bool | None] = mapped_column(default=None)

    @property
    def is_attempted(self) -> bool:
        """Whether the outcome of a call to create it isn't known."""
        return self.state is EpicState.INTENDED and self.attempted_at is not None

    @property
    def is_closing(self) -> bool:
        """Whether paydown may have closed it as hygiene without having recorded that."""
        return (self.pending_change_id or "").startswith("close-")

    def release(self, *, is_settled: bool = False) -> None:
        """No call is in flight any more; settled: nothing is pending either."""
        self.owner = self.attempted_at = None
        if is_settled:
            self.pending_change_id = self.pending_evidence = None


class LedgerEvent(Base):
    """One row per event of an epic, in order of `id`; append-only.

    detail: what was sent or answered, and why.
    """

    __tablename__ = "ledger_events"
    __table_args__ = (Index("ix_ledger_events_epic", "tracker", "key", "id"),)

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True, init=False)
    tracker: Mapped[str] = mapped_column(String(200))
    key: Mapped[str] = mapped_column(String(120))
    at: Mapped[datetime] = mapped_column(_UtcDateTime)
    run_id: Mapped[str] = mapped_column(String(200))
    kind: Mapped[str] = mapped_column(String(30))
    detail: Mapped[dict[str, Any]] = mapped_column(_Json)


@dataclass(frozen=True)
class Writer:
    """Who writes, about which tracker, when, and for how long its claims last.

    owner: unique for this process and run. at: wall-clock time, aware. lease: how long after its
    start an attempt may still take effect or not be found yet. takes_over: also begin what another
    has begun; only safe for trackers that do a thing once, however many ask.
    """

    tracker: str
    owner: str
    run_id: str
    at: datetime
    lease: timedelta = timedelta(0)
    takes_over: bool = False

    def must_wait_for(self, record: EpicRecord, at: datetime | None = None) -> bool:
        """Whether somebody else's call about `record` may still be in flight at `at` (now)."""
        if record.attempted_at is None or record.owner == self.owner or self.takes_over:
            return False
        return record.attempted_at + self.lease > (at or self.at)

    def note(self, session: Session, key: str, kind: str, **detail: object) -> None:
        """Append to the history, without anything in `detail` that looks like a credential."""
        about = {"tracker": self.tracker, "key": key, "at": self.at, "run_id": self.run_id}
        session.add(LedgerEvent(**about, kind=kind, detail=redact(detail)))


@dataclass(frozen=True)
class Claim:
    """The answer to a claim.

    record: the epic's current record; somebody else acts on it unless `is_granted`.
    was_attempted: an earlier attempt has no outcome, so the tracker may have done it already.
    """

    is_granted: bool
    record: EpicRecord
    was_attempted: bool = False


def redact(value: Any) -> Any:
    """`value` without anything that looks like a credential, in case a tracker sent one."""
    if isinstance(value, str):
        return _SECRET.sub("***", value)
    if isinstance(value, Mapping):
        return {name: redact(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [redact(item) for item in value]
    return value
