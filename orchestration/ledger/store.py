"""What the publisher may do to the ledger, each method one committed transaction.

The order that makes a crash harmless: `claim` (the intent is on record), `start_attempt` (a call
is about to be made), the call, then `record_opened`, `record_failed` or `record_unknown`. Whoever
finds an intent with an attempt and no outcome must look in the tracker before creating again.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.engine import URL
from sqlalchemy.orm import Session

from orchestration.ledger.claims import Claim, Hold, Intent, redact
from orchestration.ledger.database import LedgerDatabase
from orchestration.ledger.models import (
    EpicRecord,
    EpicRow,
    EpicState,
    EventRow,
    Evidence,
    LedgerEvent,
)

_UNFINISHED = (EpicState.INTENDED, EpicState.FAILED)


class Ledger(LedgerDatabase):
    """The ledger of epics, for all trackers; see `LedgerDatabase` for `url`."""

    def __init__(self, url: str | URL) -> None:
        super().__init__(url)

    def latest(self, tracker: str) -> dict[str, EpicRecord]:
        """The newest epic of every service, by the hash of the service's id."""
        return {record.service_hash: record for record in self.epics(tracker)}

    def epics(self, tracker: str) -> list[EpicRecord]:
        """All epics of `tracker`, by service and cycle."""
        with self.reading() as session:
            if session is None:
                return []
            query = (
                select(EpicRow)
                .where(EpicRow.tracker == tracker)
                .order_by(EpicRow.service_hash, EpicRow.cycle)
            )
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
            return [
                LedgerEvent(row.at, row.run_id, row.kind, json.loads(row.detail))
                for row in session.scalars(query)
            ]

    def claim(self, hold: Hold, tracker: str, intents: Sequence[Intent]) -> dict[str, Claim]:
        """Commit the intent to create epics; grants those that nobody else is creating."""
        with self.exclusive() as session:
            return {intent.key: _claim(session, hold, tracker, intent) for intent in intents}

    def start_attempt(self, hold: Hold, tracker: str, evidence: Mapping[str, Evidence]) -> set[str]:
        """Note that a create call follows, and renew the lease; the keys still held by `hold`.

        evidence: by key, what the epics about to be created will tell.
        """
        held = set()
        with self.exclusive() as session:
            for key, told in evidence.items():
                row = session.get(EpicRow, (tracker, key))
                if row and row.state == EpicState.INTENDED and row.owner == hold.owner:
                    row.attempted_at, row.lease_until = hold.at, hold.until
                    row.evidence = told.json
                    _event(session, hold, row, "attempted")
                    held.add(key)
        return held

    def record_opened(
        self,
        hold: Hold,
        tracker: str,
        key: str,
        ref: tuple[str, str],
        opened_at: datetime,
        evidence: Evidence | None,
        *,
        is_adopted: bool,
    ) -> EpicRecord:
        """Write down that the tracker has the epic as `ref` (id, url), unless that is known.

        evidence: what the epic tells, None when that isn't known.
        Returns the epic as the ledger has it; another `ref_id` than the one given means that the
        tracker holds two epics with one key.
        """
        with self.exclusive() as session:
            row = session.get_one(EpicRow, (tracker, key))
            kind = "adopted" if is_adopted else "opened"
            if row.state in _UNFINISHED:
                row.state, row.opened_at = EpicState.OPENED, opened_at
                row.ref_id, row.url = ref
                row.evidence = evidence.json if evidence else None
                row.reason = row.owner = row.lease_until = row.attempted_at = None
            elif row.ref_id != ref[0]:
                kind = "duplicate"
            _event(session, hold, row, kind, ref_id=ref[0], url=ref[1])
            return row.record()

    def adopt(self, hold: Hold, record: EpicRecord) -> EpicRecord:
        """Write down an epic that the tracker has and the ledger never heard of."""
        with self.exclusive() as session:
            row = session.get(EpicRow, (record.tracker, record.key))
            if row is None:
                row = EpicRow(
                    tracker=record.tracker,
                    key=record.key,
                    service_hash=record.service_hash,
                    service=record.service,
                    cycle=record.cycle,
                    state=EpicState.OPENED,
                    previous_key=record.previous_key,
                    ref_id=record.ref_id,
                    url=record.url,
                    update_count=0,
                )
                session.add(row)
                _event(session, hold, row, "adopted", ref_id=record.ref_id, url=record.url)
            return row.record()

    def record_failed(
        self, hold: Hold, tracker: str, keys: Collection[str], kind: str, reason: str
    ) -> None:
        """Write down that the epics were certainly not created; the next run tries again."""
        with self.exclusive() as session:
            for key in keys:
                row = session.get_one(EpicRow, (tracker, key))
                if row.state == EpicState.INTENDED and row.owner == hold.owner:
                    row.state, row.reason = EpicState.FAILED, redact(reason)
                    row.owner = row.lease_until = row.attempted_at = None
                _event(session, hold, row, kind, reason=reason)

    def record_unknown(self, hold: Hold, tracker: str, keys: Collection[str], reason: str) -> None:
        """Write down that the outcome is unknown; the attempt and its lease stay."""
        with self.exclusive() as session:
            for key in keys:
                row = session.get_one(EpicRow, (tracker, key))
                if row.state == EpicState.INTENDED:
                    row.reason = redact(reason)
                _event(session, hold, row, "ambiguous", reason=reason)

    def record_closed(
        self, hold: Hold, tracker: str, key: str, closed_at: datetime, status: str
    ) -> EpicRecord:
        """Write down that a person closed the epic."""
        with self.exclusive() as session:
            row = session.get_one(EpicRow, (tracker, key))
            if row.state == EpicState.OPENED:
                row.state = EpicState.CLOSED
                row.closed_at = closed_at
                row.owner = row.lease_until = row.pending_change_id = None
                _event(session, hold, row, "closed", status=status, closed_at=row.closed_at)
            return row.record()

    def record_reopened(self, hold: Hold, tracker: str, key: str, status: str) -> EpicRecord:
        """Write down that a person reopened the newest epic of a service."""
        with self.exclusive() as session:
            row = session.get_one(EpicRow, (tracker, key))
            if row.state == EpicState.CLOSED:
                row.state, row.closed_at = EpicState.OPENED, None
                _event(session, hold, row, "reopened", status=status)
            return row.record()

    def claim_update(
        self,
        hold: Hold,
        tracker: str,
        key: str,
        change_id: str,
        update_count: int,
        sent: Mapping[str, object],
    ) -> Claim:
        """Commit the intent to tell `change_id`; `was_attempted`: it may have been told.

        update_count: how many updates the change builds on; refused when another run has made
        one more.
        """
        with self.exclusive() as session:
            row = session.get_one(EpicRow, (tracker, key))
            was_attempted = row.pending_change_id == change_id
            is_stale = row.state != EpicState.OPENED or row.update_count != update_count
            if is_stale or _is_held_by_other(row, hold):
                return Claim(False, was_attempted, row.record())
            row.pending_change_id, row.owner, row.lease_until = change_id, hold.owner, hold.until
            _event(session, hold, row, "update_intended", **sent)
            return Claim(True, was_attempted, row.record())

    def record_updated(
        self, hold: Hold, tracker: str, key: str, change_id: str, evidence: Evidence
    ) -> bool:
        """Write down that the epic tells `evidence`; False if another run wrote it first."""
        with self.exclusive() as session:
            row = session.get_one(EpicRow, (tracker, key))
            if row.pending_change_id != change_id:
                return False
            row.evidence, row.update_count = evidence.json, row.update_count + 1
            row.pending_change_id = row.owner = row.lease_until = row.reason = None
            _event(session, hold, row, "updated", change_id=change_id)
            return True

    def record_update_failed(
        self, hold: Hold, tracker: str, key: str, kind: str, reason: str, *, is_unknown: bool
    ) -> None:
        """Write down that the change was not told, or may have been (then it stays pending)."""
        with self.exclusive() as session:
            row = session.get_one(EpicRow, (tracker, key))
            if row.owner == hold.owner:
                row.reason = redact(reason)
                if not is_unknown:
                    row.pending_change_id = row.owner = row.lease_until = None
            _event(session, hold, row, kind, reason=reason)


def _is_held_by_other(row: EpicRow, hold: Hold) -> bool:
    is_leased = row.lease_until is not None and row.lease_until > hold.at
    return is_leased and row.owner != hold.owner and not hold.takes_over


def _claim(session: Session, hold: Hold, tracker: str, intent: Intent) -> Claim:
    row = session.get(EpicRow, (tracker, intent.key))
    if row is None:
        return _claim_new(session, hold, tracker, intent)
    was_attempted = row.state == EpicState.INTENDED and row.attempted_at is not None
    if row.state not in _UNFINISHED or _is_held_by_other(row, hold):
        return Claim(False, was_attempted, row.record())
    row.state, row.owner, row.lease_until = EpicState.INTENDED, hold.owner, hold.until
    if not was_attempted:
        row.evidence, row.service = intent.evidence.json, intent.service
    _event(session, hold, row, "claimed_again", why=intent.why, draft=intent.draft)
    return Claim(True, was_attempted, row.record())


def _claim_new(session: Session, hold: Hold, tracker: str, intent: Intent) -> Claim:
    others = select(EpicRow).where(
        EpicRow.tracker == tracker,
        EpicRow.service_hash == intent.service_hash,
        (EpicRow.state != EpicState.CLOSED) | (EpicRow.cycle >= intent.cycle),
    )
    other = session.scalars(others).first()
    if other is not None:
        return Claim(False, False, other.record())
    row = EpicRow(
        tracker=tracker,
        key=intent.key,
        service_hash=intent.service_hash,
        service=intent.service,
        cycle=intent.cycle,
        state=EpicState.INTENDED,
        previous_key=intent.previous_key,
        evidence=intent.evidence.json,
        update_count=0,
        owner=hold.owner,
        lease_until=hold.until,
    )
    session.add(row)
    _event(session, hold, row, "intended", why=intent.why, draft=intent.draft)
    return Claim(True, False, row.record())


def _event(session: Session, hold: Hold, row: EpicRow, kind: str, **detail: object) -> None:
    session.add(
        EventRow(
            tracker=row.tracker,
            key=row.key,
            at=hold.at,
            run_id=hold.run_id,
            kind=kind,
            detail=json.dumps(redact(detail), default=str),
        )
    )
