"""The ledger as the publisher and the screens read it."""

from __future__ import annotations

import json

from sqlalchemy import func, select
from sqlalchemy.orm import load_only

from orchestration.ledger.changes import Changes
from orchestration.ledger.models import EpicRecord, EpicRow, EventRow, LedgerEvent
from orchestration.ledger.openings import Openings


class Ledger(Openings, Changes):
    """The ledger of epics, for all trackers; see `LedgerDatabase` for `url`."""

    def records(self, tracker: str | None = None) -> list[EpicRecord]:
        """Epics and stories, of one tracker or all, by tracker, service and cycle."""
        with self.reading() as session:
            if session is None:
                return []
            query = (
                select(EpicRow)
                .options(load_only(*self.columns))
                .order_by(EpicRow.tracker, EpicRow.service_hash, EpicRow.cycle)
            )
            if tracker is not None:
                query = query.where(EpicRow.tracker == tracker)
            return [row.record() for row in session.scalars(query)]

    def events(self, tracker: str, key: str) -> list[LedgerEvent]:
        """Everything that happened to one epic, oldest first."""
        with self.reading() as session:
            if session is None:
                return []
            query = (
                select(EventRow)
                .where(EventRow.tracker == tracker, EventRow.key == key)
                .order_by(EventRow.id)
            )
            return [_event(row) for row in session.scalars(query)]

    def last_events(self) -> dict[tuple[str, str], LedgerEvent]:
        """The newest event of each epic and story, by tracker and key."""
        with self.reading() as session:
            if session is None:
                return {}
            newest = select(func.max(EventRow.id)).group_by(EventRow.tracker, EventRow.key)
            rows = session.scalars(select(EventRow).where(EventRow.id.in_(newest)))
            return {(row.tracker, row.key): _event(row) for row in rows}


def _event(row: EventRow) -> LedgerEvent:
    return LedgerEvent(row.at, row.run_id, row.kind, json.loads(row.detail))
