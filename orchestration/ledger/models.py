"""Tables of the ledger, and the frozen copies of their rows that leave it."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from sqlalchemy import DateTime, Index, Integer, String, Text, UniqueConstraint, text
from sqlalchemy.engine import Dialect
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.types import TypeDecorator


class EpicState(StrEnum):
    """The life of an epic in the ledger.

    intended: we mean to create it; a call may have been made whose outcome is not written yet.
    opened: it is in the tracker. closed: a person closed it there.
    failed: the tracker did not create it, for `reason`; the next run tries again.
    """

    INTENDED = "intended"
    OPENED = "opened"
    CLOSED = "closed"
    FAILED = "failed"


@dataclass(frozen=True)
class Evidence:
    """What an epic rests on; a change of any of it is told in the epic once."""

    incident_ids: tuple[str, ...]
    score: int
    band: str

    @property
    def json(self) -> str:
        """Equal for equal evidence: ids are a sorted set."""
        ids = sorted(set(self.incident_ids))
        return json.dumps({"incident_ids": ids, "score": self.score, "band": self.band})

    @property
    def digest(self) -> str:
        """16 hex digits of the SHA-256 of `json`."""
        return hashlib.sha256(self.json.encode()).hexdigest()[:16]

    @classmethod
    def from_json(cls, value: str) -> Evidence:
        """The inverse of `json`."""
        fields = json.loads(value)
        return cls(tuple(fields["incident_ids"]), fields["score"], fields["band"])


@dataclass(frozen=True)
class EpicRecord:
    """A row of `ledger_epics`, with defaults for what a planned epic doesn't have yet."""

    tracker: str
    key: str
    service_hash: str
    service: str
    cycle: int
    state: EpicState
    previous_key: str | None = None
    reason: str | None = None
    ref_id: str | None = None
    url: str | None = None
    evidence: Evidence | None = None
    update_count: int = 0
    pending_change_id: str | None = None
    owner: str | None = None
    lease_until: datetime | None = None
    attempted_at: datetime | None = None
    opened_at: datetime | None = None
    closed_at: datetime | None = None


@dataclass(frozen=True)
class LedgerEvent:
    """A row of `ledger_events`; `detail` is what was sent or answered, and why."""

    at: datetime
    run_id: str
    kind: str
    detail: dict[str, object]


class UtcDateTime(TypeDecorator[datetime]):
    """Aware datetimes in, aware UTC out, on databases that drop the time zone too (SQLite)."""

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
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Base(DeclarativeBase):
    """Metadata of the ledger's tables."""


class EpicRow(Base):
    """One row per epic. The database itself refuses a second unfinished epic for a service.

    A service is identified by the SHA-256 of its id: ids come from outside and may be longer
    than an index entry, or hold characters that a database refuses.
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
    cycle: Mapped[int] = mapped_column(Integer)
    state: Mapped[str] = mapped_column(String(10))
    previous_key: Mapped[str | None] = mapped_column(String(120))
    reason: Mapped[str | None] = mapped_column(Text)
    ref_id: Mapped[str | None] = mapped_column(Text)
    url: Mapped[str | None] = mapped_column(Text)
    evidence: Mapped[str | None] = mapped_column(Text)
    update_count: Mapped[int] = mapped_column(Integer, default=0)
    pending_change_id: Mapped[str | None] = mapped_column(String(40))
    owner: Mapped[str | None] = mapped_column(String(200))
    lease_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    attempted_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    opened_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    closed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    def record(self) -> EpicRecord:
        """This row, cut loose from the database session."""
        return EpicRecord(
            tracker=self.tracker,
            key=self.key,
            service_hash=self.service_hash,
            service=self.service,
            cycle=self.cycle,
            state=EpicState(self.state),
            previous_key=self.previous_key,
            reason=self.reason,
            ref_id=self.ref_id,
            url=self.url,
            evidence=Evidence.from_json(self.evidence) if self.evidence else None,
            update_count=self.update_count,
            pending_change_id=self.pending_change_id,
            owner=self.owner,
            lease_until=self.lease_until,
            attempted_at=self.attempted_at,
            opened_at=self.opened_at,
            closed_at=self.closed_at,
        )


class EventRow(Base):
    """One row per thing that happened to an epic, in order of `id`; only ever appended to."""

    __tablename__ = "ledger_events"
    __table_args__ = (Index("ix_ledger_events_epic", "tracker", "key", "id"),)

    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=True)
    tracker: Mapped[str] = mapped_column(String(200))
    key: Mapped[str] = mapped_column(String(120))
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    run_id: Mapped[str] = mapped_column(String(200))
    kind: Mapped[str] = mapped_column(String(30))
    detail: Mapped[str] = mapped_column(Text)
