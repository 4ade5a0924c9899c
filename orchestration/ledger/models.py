"""Tables of the ledger. A row that leaves a transaction is a detached copy: a record."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import DateTime, Enum, Index, String, Text, UniqueConstraint, text
from sqlalchemy.engine import Dialect
from sqlalchemy.orm import DeclarativeBase, Mapped, MappedAsDataclass, mapped_column
from sqlalchemy.types import TypeDecorator


class EpicState(StrEnum):
    """The life of an epic in the ledger.

    intended: paydown means to create it; a call may have been made whose outcome isn't known.
    opened: it is in the tracker. closed: a person closed it there, or paydown as hygiene.
    failed: the tracker did not create it, for `reason`; the next run tries again.
    """

    INTENDED = "intended"
    OPENED = "opened"
    CLOSED = "closed"
    FAILED = "failed"


UNFINISHED = (EpicState.INTENDED, EpicState.FAILED)


@dataclass(frozen=True)
class Evidence:
    """What an epic says of its service: incidents (a set), score, band and peak burn rate."""

    incident_ids: tuple[str, ...]
    score: int
    band: str
    slo_burn: float | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "incident_ids", tuple(sorted(set(self.incident_ids))))


class _UtcDateTime(TypeDecorator[datetime]):
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


def _state_values(states: Any) -> list[str]:
    return [state.value for state in states]


class Base(MappedAsDataclass, DeclarativeBase, kw_only=True, eq=False):
    """Metadata of the ledger's tables."""


class EpicRecord(Base):
    """One row per epic or story. The database itself refuses a second unfinished one.

    service_hash: SHA-256 of the service's id, since ids may be longer than an index entry or hold
    characters that a database refuses; of a story, SHA-256 of its own key.
    parent_key: of a story, the key of its epic. evidence: what the epic says; None where that
    isn't known, and for stories, which are never updated.
    shared_key: the epic of a shared fix that this one points to.
    version: the tracker's version of it after paydown's last write. None once anybody else has
    changed it, or where that isn't known; paydown then never closes it.
    update_count: how many different changes were begun, `pending_change_id` the newest of them
    as long as its outcome isn't known; `pending_evidence` is what it says.
    owner, attempted_at: who began the call whose outcome isn't known yet, and when.

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
        Enum(EpicState, native_enum=False, length=10, values_callable=_state_values),
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

    @property
    def is_attempted(self) -> bool:
        """Whether a call to create it was begun whose outcome isn't known."""
        return self.state is EpicState.INTENDED and self.attempted_at is not None

    @property
    def is_closing(self) -> bool:
        """Whether paydown may have closed it as hygiene without having recorded that."""
        return (self.pending_change_id or "").startswith("close-")

    def release(self, *, is_settled: bool = False) -> None:
        """No call is under way any more; settled: nothing is pending either."""
        self.owner = self.attempted_at = None
        if is_settled:
            self.pending_change_id = self.pending_evidence = None


class LedgerEvent(Base):
    """One row per thing that happened to an epic, in order of `id`; only ever appended to.

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
