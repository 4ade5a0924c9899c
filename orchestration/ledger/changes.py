"""How epics of the ledger change, each method one committed transaction.

As with openings: `claim_change` before the call, `record_updated`, `record_closed` or
`record_change_failed` after it. A change that is pending may have been told already.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from orchestration.ledger.claims import Claim, Hold, redact
from orchestration.ledger.database import LedgerDatabase
from orchestration.ledger.models import (
    EpicRecord,
    EpicRow,
    EpicState,
    Evidence,
    Figures,
    Told,
    figures_json,
    is_closing,
)
from orchestration.ledger.rows import add_event, is_held_by_other, release


class Changes(LedgerDatabase):
    """The half of the ledger that keeps up with what is open."""

    def claim_change(
        self,
        hold: Hold,
        tracker: str,
        key: str,
        change_id: str,
        update_count: int,
        evidence: Evidence | None,
        figures: Figures | None,
        kind: str,
        sent: Mapping[str, object],
    ) -> Claim:
        """Commit the intent to send `change_id`; `was_attempted`: it may have been sent.

        update_count: how many updates the change builds on; refused when another run has made
        one more. evidence, figures: what it tells and writes. kind: `update` or `close`.
        """
        with self.exclusive() as session:
            row = session.get_one(EpicRow, (tracker, key))
            was_attempted = row.pending_change_id == change_id
            is_stale = row.state != EpicState.OPENED or row.update_count != update_count
            if is_stale or is_held_by_other(row, hold):
                return Claim(False, was_attempted, row.record())
            row.pending_change_id, row.owner, row.lease_until = change_id, hold.owner, hold.until
            row.pending_evidence = evidence.json if evidence else None
            row.pending_figures = figures_json(figures)
            add_event(session, hold, row, f"{kind}_intended", **sent)
            return Claim(True, was_attempted, row.record())

    def record_written(
        self, hold: Hold, tracker: str, key: str, change_id: str, figures: Figures | None
    ) -> None:
        """Write down what the fields hold, while the change as a whole is not finished."""
        with self.exclusive() as session:
            row = session.get_one(EpicRow, (tracker, key))
            if row.pending_change_id == change_id and row.owner == hold.owner:
                row.figures, row.pending_figures = figures_json(figures), None

    def record_updated(
        self,
        hold: Hold,
        tracker: str,
        key: str,
        change_id: str,
        told: Told,
        edited: Mapping[str, bool],
        shared_key: str | None = None,
    ) -> bool:
        """Write down that the epic tells `told`; False if another run wrote it first.

        edited: the figures that a person edited, each with whether the epic says so.
        shared_key: the epic of a shared fix that it has been told of.
        """
        with self.exclusive() as session:
            row = session.get_one(EpicRow, (tracker, key))
            if row.pending_change_id != change_id:
                return False
            before = json.loads(row.edited or "{}")
            row.evidence, row.figures = told.evidence.json, figures_json(told.figures)
            row.edited = json.dumps(edited) if edited else None
            row.shared_key = shared_key or row.shared_key
            row.update_count += 1
            row.reason = None
            _settle(row)
            add_event(session, hold, row, "updated", change_id=change_id)
            if news := sorted(edited.keys() - before.keys()):
                add_event(session, hold, row, "edits_kept", figures=news)
            return True

    def record_change_failed(
        self,
        hold: Hold,
        tracker: str,
        key: str,
        kind: str,
        reason: str,
        *,
        is_unknown: bool,
        was_pending: bool,
    ) -> None:
        """Write down that the change was not sent, or may have been: then it stays pending.

        was_pending: an attempt before this one may have sent it, so it stays pending too, but
        nobody has to wait for it.
        """
        with self.exclusive() as session:
            row = session.get_one(EpicRow, (tracker, key))
            if row.owner == hold.owner:
                row.reason = redact(reason)
                if not is_unknown:
                    release(row)
                    if not was_pending:
                        _settle(row)
            add_event(session, hold, row, kind, reason=reason)

    def record_closed(
        self,
        hold: Hold,
        tracker: str,
        key: str,
        closed_at: datetime,
        status: str,
        *,
        by_us: bool = False,
    ) -> EpicRecord:
        """Write down that it is closed: by a person, or as hygiene by us.

        A person who closes or deletes it has touched it, unless that may have been us.
        """
        with self.exclusive() as session:
            row = session.get_one(EpicRow, (tracker, key))
            if row.state == EpicState.OPENED:
                row.state, row.closed_at = EpicState.CLOSED, closed_at
                detail: dict[str, object] = {"status": status, "closed_at": closed_at}
                if row.pending_change_id and not by_us:
                    detail["pending_change_id"] = row.pending_change_id
                row.reason = None
                if not by_us and not is_closing(row.pending_change_id):
                    row.touched_at = row.touched_at or hold.at
                # Fields may hold what is pending: whoever reopens the epic is not to be taken for
                # the one who wrote it.
                if row.figures and row.pending_figures and by_us:
                    row.figures = row.pending_figures
                if by_us:
                    _settle(row)
                else:
                    release(row)
                kind = "closed_as_hygiene" if by_us else "closed"
                add_event(session, hold, row, kind, **detail)
            return row.record()

    def record_reopened(self, hold: Hold, tracker: str, key: str, status: str) -> EpicRecord:
        """Write down that a person reopened the newest epic of a service: it is theirs now.

        It stays closed where another run has begun the next one meanwhile.
        """
        with self.exclusive() as session:
            row = session.get_one(EpicRow, (tracker, key))
            if row.state == EpicState.CLOSED and not _has_later(session, row):
                row.state, row.closed_at = EpicState.OPENED, None
                row.touched_at = row.touched_at or hold.at
                add_event(session, hold, row, "reopened", status=status)
            return row.record()

    def record_touched(self, hold: Hold, tracker: str, keys: Collection[str]) -> None:
        """Write down that a person touched these epics, once."""
        with self.exclusive() as session:
            for key in keys:
                row = session.get_one(EpicRow, (tracker, key))
                if row.touched_at is None:
                    row.touched_at = hold.at
                    add_event(session, hold, row, "touched")

    def record_duplicates(
        self, hold: Hold, tracker: str, duplicates: Mapping[str, Collection[str]]
    ) -> None:
        """Write down which other ids carry the key of an epic."""
        with self.exclusive() as session:
            for key, ids in duplicates.items():
                row = session.get_one(EpicRow, (tracker, key))
                for other in sorted(ids):
                    add_event(session, hold, row, "duplicate", ref_id=other)


def _has_later(session: Session, row: EpicRow) -> bool:
    """Whether there is a later epic of the service that isn't closed."""
    later = select(EpicRow.key).where(
        EpicRow.tracker == row.tracker,
        EpicRow.service_hash == row.service_hash,
        EpicRow.cycle > row.cycle,
        EpicRow.state != EpicState.CLOSED,
    )
    return session.scalars(later).first() is not None


def _settle(row: EpicRow) -> None:
    """Nothing is pending any more."""
    row.pending_change_id = row.pending_evidence = row.pending_figures = None
    release(row)
