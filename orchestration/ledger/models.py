"""Tables of the ledger, and the frozen copies of their rows that leave it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import DateTime, Index, Integer, String, Text, UniqueConstraint, inspect, text
from sqlalchemy.engine import Dialect
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.types import TypeDecorator

from orchestration.trackers.protocol import EpicRef


class EpicState(StrEnum):
    """The life of an epic in the ledger.

    intended: we mean to create it; a call may have been made whose outcome is not written yet.
    opened: it is in the tracker. closed: a person closed it there, or we as hygiene.
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
class Figures:
    """Numbers of an epic: estimates in engineer-days, money in US dollars; None: not known."""

    score: int
    slo_burn: float | None = None
    estimate_days: float | None = None
    budget_usd: float | None = None


@dataclass(frozen=True)
class Told:
    """What an epic says of its service: the evidence in its text, the figures in its fields.

    figures: as paydown wrote them last; None where that isn't known.
    """

    evidence: Evidence
    figures: Figures | None = None


@dataclass(frozen=True)
class EpicRecord:
    """A row of `ledger_epics`, with defaults for what a planned epic doesn't have yet.

    parent_key: of a story, the key of its epic; None: an epic.
    figures: as written last, see `Told`. pending_evidence, pending_figures: what the pending
    change tells and writes.
    edited: figures that a person edited, each with whether the epic has been told so.
    shared_key: the epic of a shared fix that this one has been told of.
    touched_at: when we learnt that a person touched it, so that it is never closed by us.
    """

    tracker: str
    key: str
    service_hash: str
    service: str
    cycle: int
    state: EpicState
    parent_key: str | None = None
    team: str | None = None
    previous_key: str | None = None
    reason: str | None = None
    ref_id: str | None = None
    url: str | None = None
    evidence: Evidence | None = None
    figures: Figures | None = None
    edited: Mapping[str, bool] = field(default_factory=dict)
    shared_key: str | None = None
    touched_at: datetime | None = None
    update_count: int = 0
    pending_change_id: str | None = None
    pending_evidence: Evidence | None = None
    pending_figures: Figures | None = None
    owner: str | None = None
    lease_until: datetime | None = None
    attempted_at: datetime | None = None
    opened_at: datetime | None = None
    closed_at: datetime | None = None

    @property
    def told(self) -> Told | None:
        """What the epic tells, None where that isn't known."""
        return Told(self.evidence, self.figures) if self.evidence else None

    @property
    def ref(self) -> EpicRef:
        """Where it is in the tracker; with an empty id before it was opened."""
        return EpicRef(self.key, self.ref_id or "", self.url or "")

    @property
    def is_attempted(self) -> bool:
        """Whether a call to create it was begun whose outcome nobody wrote down."""
        return self.state is EpicState.INTENDED and self.attempted_at is not None

    @property
    def is_closing(self) -> bool:
        """Whether paydown may have closed it as hygiene without having written that down."""
        return is_closing(self.pending_change_id)


def is_closing(pending_change_id: str | None) -> bool:
    """Whether the change that is pending closes the epic."""
    return (pending_change_id or "").startswith("close-")


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
    """One row per epic or story. The database itself refuses a second unfinished one.

    A service is identified by the SHA-256 of its id: ids come from outside and may be longer
    than an index entry, or hold characters that a database refuses. A story is identified by the
    SHA-256 of its own key, which holds service, cycle and fix class.

    Columns that came later are nullable: `database.py` adds them to ledgers of before.
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
    parent_key: Mapped[str | None] = mapped_column(String(120))
    team: Mapped[str | None] = mapped_column(Text)
    previous_key: Mapped[str | None] = mapped_column(String(120))
    reason: Mapped[str | None] = mapped_column(Text)
    ref_id: Mapped[str | None] = mapped_column(Text)
    url: Mapped[str | None] = mapped_column(Text)
    evidence: Mapped[str | None] = mapped_column(Text)
    figures: Mapped[str | None] = mapped_column(Text)
    edited: Mapped[str | None] = mapped_column(Text)
    shared_key: Mapped[str | None] = mapped_column(String(120))
    touched_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    update_count: Mapped[int] = mapped_column(Integer, default=0)
    pending_change_id: Mapped[str | None] = mapped_column(String(40))
    pending_evidence: Mapped[str | None] = mapped_column(Text)
    pending_figures: Mapped[str | None] = mapped_column(Text)
    owner: Mapped[str | None] = mapped_column(String(200))
    lease_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    attempted_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    opened_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    closed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    def record(self) -> EpicRecord:
        """This row, cut loose from the database session.

        Columns that an older ledger doesn't have yet were not read, and are None.
        """
        missing = inspect(self).unloaded
        columns = (column.key for column in inspect(type(self)).column_attrs)
        values: dict[str, Any] = {
            name: None if name in missing else getattr(self, name) for name in columns
        }
        values |= {
            "state": EpicState(self.state),
            "evidence": _evidence(values["evidence"]),
            "pending_evidence": _evidence(values["pending_evidence"]),
            "figures": figures_from_json(values["figures"]),
            "pending_figures": figures_from_json(values["pending_figures"]),
            "edited": json.loads(values["edited"] or "{}"),
        }
        return EpicRecord(**values)


def _evidence(value: str | None) -> Evidence | None:
    return Evidence.from_json(value) if value else None


def figures_json(figures: Figures | None) -> str | None:
    return json.dumps(asdict(figures)) if figures else None


def figures_from_json(value: str | None) -> Figures | None:
    """The inverse of `figures_json`; figures that a later version wrote are left out."""
    if not value:
        return None
    fields = json.loads(value)
    return Figures(**{n: fields[n] for n in Figures.__dataclass_fields__ if n in fields})


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
