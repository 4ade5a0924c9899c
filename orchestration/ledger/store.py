"""The ledger of epics, read as a whole."""

from __future__ import annotations

from sqlalchemy import func, select
from sqlalchemy.orm import make_transient

from orchestration.ledger.changes import Changes
from orchestration.ledger.models import EpicRecord, EventRow, LedgerEvent
from orchestration.ledger.openings import Openings


class Ledger(Openings, Changes):
    """Epics and stories of all trackers; see `LedgerDatabase` for `url`."""

    def records(self, tracker: str | None = None) -> list[EpicRecord]:
        """Epics and stories, of one tracker or all, by tracker, service and cycle."""
        with self.reading() as session:
            if session is None:
                return []
            query = select(EpicRecord).order_by(
                EpicRecord.tracker, EpicRecord.service_hash, EpicRecord.cycle
            )
            if tracker is not None:
                query = query.where(EpicRecord.tracker == tracker)
            return list(session.scalars(query))

    def events(self, tracker: str, key: str) -> list[LedgerEvent]:
        """Everything that happened to one epic, oldest first."""
        with self.reading() as session:
            if session is None:
                return []
            query = select(EventRow).where(EventRow.tracker == tracker, EventRow.key == key)
            return [row.event for row in session.scalars(query.order_by(EventRow.id))]

    def last_events(self) -> dict[tuple[str, str], LedgerEvent]:
        """The newest event of each epic and story, by tracker and key."""
        with self.reading() as session:
            if session is None:
                return {}
            newest = select(func.max(EventRow.id)).group_by(EventRow.tracker, EventRow.key)
            rows = session.scalars(select(EventRow).where(EventRow.id.in_(newest)))
            return {(row.tracker, row.key): row.event for row in rows}

    def copy_to(self, other: Ledger) -> None:
        """Put all records, without their history, into an empty ledger."""
        records = self.records()
        with other.exclusive() as session:
            for record in records:
                make_transient(record)
                session.add(record)
