"""How epics and stories come to be in the ledger, each method one committed transaction.

The order that makes a crash harmless: `claim` (the intent is on record), `start_attempt` (a call
is about to be made), the call, then `record_opened`, `record_failed` or `record_unknown`. Whoever
finds an intent with an attempt and no outcome must look in the tracker before creating again.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from orchestration.ledger.claims import Claim, Hold, Intent, redact
from orchestration.ledger.database import LedgerDatabase
from orchestration.ledger.models import EpicRecord, EpicRow, EpicState, Told, figures_json
from orchestration.ledger.rows import UNFINISHED, add_event, is_held_by_other, release


class Openings(LedgerDatabase):
    """The half of the ledger that opens; stories differ from epics by their `parent_key` only."""

    def claim(self, hold: Hold, tracker: str, intents: Sequence[Intent]) -> dict[str, Claim]:
        """Commit the intent to create; grants those that nobody else is creating.

        What somebody claimed and sent nothing of yet is granted: `start_attempt` will refuse
        them, and had they died, nobody would have to wait for their lease.
        """
        with self.exclusive() as session:
            return {intent.key: _claim(session, hold, tracker, intent) for intent in intents}

    def start_attempt(
        self, hold: Hold, tracker: str, tellings: Mapping[str, Told | None]
    ) -> set[str]:
        """Note that a create call follows, and renew the lease; the keys still held by `hold`.

        tellings: by key, what the epics about to be created will tell.
        """
        held = set()
        with self.exclusive() as session:
            for key, told in tellings.items():
                row = session.get(EpicRow, (tracker, key))
                if row and row.state == EpicState.INTENDED and row.owner == hold.owner:
                    row.attempted_at, row.lease_until = hold.at, hold.until
                    _tell(row, told)
                    add_event(session, hold, row, "attempted")
                    held.add(key)
        return held

    def record_opened(
        self,
        hold: Hold,
        tracker: str,
        key: str,
        ref: tuple[str, str],
        opened_at: datetime,
        told: Told | None,
        *,
        is_adopted: bool,
    ) -> EpicRecord:
        """Write down that the tracker has it as `ref` (id, url), unless that is known.

        told: what the epic tells, None when that isn't known.
        Returns it as the ledger has it; another `ref_id` than the one given means that the
        tracker holds two with one key.
        """
        with self.exclusive() as session:
            row = session.get_one(EpicRow, (tracker, key))
            kind = "adopted" if is_adopted else "opened"
            if row.state in UNFINISHED:
                row.state, row.opened_at = EpicState.OPENED, opened_at
                row.ref_id, row.url = ref
                _tell(row, told)
                row.reason = row.attempted_at = None
                release(row)
            elif row.ref_id != ref[0]:
                kind = "duplicate"
            add_event(session, hold, row, kind, ref_id=ref[0], url=ref[1])
            return row.record()

    def adopt(self, hold: Hold, record: EpicRecord) -> EpicRecord:
        """Write down what the tracker has and the ledger never heard of."""
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
                    parent_key=record.parent_key,
                    team=record.team,
                    previous_key=record.previous_key,
                    ref_id=record.ref_id,
                    url=record.url,
                    update_count=0,
                )
                session.add(row)
                add_event(session, hold, row, "adopted", ref_id=record.ref_id, url=record.url)
            return row.record()

    def record_failed(
        self, hold: Hold, tracker: str, keys: Collection[str], kind: str, reason: str
    ) -> None:
        """Write down that they were certainly not created; the next run tries again."""
        with self.exclusive() as session:
            for key in keys:
                row = session.get_one(EpicRow, (tracker, key))
                if row.state == EpicState.INTENDED and row.owner == hold.owner:
                    _fail(row, reason)
                add_event(session, hold, row, kind, reason=reason)

    def record_unknown(self, hold: Hold, tracker: str, keys: Collection[str], reason: str) -> None:
        """Write down that the outcome is unknown; the attempt and its lease stay."""
        with self.exclusive() as session:
            for key in keys:
                row = session.get_one(EpicRow, (tracker, key))
                if row.state == EpicState.INTENDED:
                    row.reason = redact(reason)
                add_event(session, hold, row, "ambiguous", reason=reason)

    def give_back(self, hold: Hold, tracker: str, keys: Collection[str], reason: str) -> None:
        """Let others have what `hold` claimed and sent nothing of; earlier attempts stay noted."""
        with self.exclusive() as session:
            for key in keys:
                row = session.get_one(EpicRow, (tracker, key))
                if row.state == EpicState.INTENDED and row.owner == hold.owner:
                    if row.attempted_at is None:
                        _fail(row, reason)
                    else:
                        row.reason = redact(reason)
                        release(row)
                    add_event(session, hold, row, "not_attempted", reason=reason)

    def record_missing(
        self, hold: Hold, tracker: str, keys: Collection[str], reason: str
    ) -> set[str]:
        """Settle attempts that came to nothing; returns those of `keys` that it could settle.

        hold: of before the tracker was searched. Only attempts whose lease was over then are
        settled: a lease outlasts call and search lag, so the search would have found them.
        """
        settled = set()
        with self.exclusive() as session:
            for key in keys:
                row = session.get(EpicRow, (tracker, key))
                if row is None or row.state != EpicState.INTENDED or row.attempted_at is None:
                    continue
                if row.lease_until is None or row.lease_until <= hold.at:
                    _fail(row, reason)
                    add_event(session, hold, row, "missing", reason=reason)
                    settled.add(key)
        return settled


def _claim(session: Session, hold: Hold, tracker: str, intent: Intent) -> Claim:
    row = session.get(EpicRow, (tracker, intent.key))
    if row is None:
        return _claim_new(session, hold, tracker, intent)
    was_attempted = row.state == EpicState.INTENDED and row.attempted_at is not None
    if row.state not in UNFINISHED or (was_attempted and is_held_by_other(row, hold)):
        return Claim(False, was_attempted, row.record())
    row.state, row.owner, row.lease_until = EpicState.INTENDED, hold.owner, hold.until
    row.team = intent.team
    if not was_attempted:
        row.service = intent.service
        _tell(row, intent.told)
    add_event(session, hold, row, "claimed_again", why=intent.why, draft=intent.draft)
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
        parent_key=intent.parent_key,
        team=intent.team,
        previous_key=intent.previous_key,
        update_count=0,
        owner=hold.owner,
        lease_until=hold.until,
    )
    _tell(row, intent.told)
    session.add(row)
    add_event(session, hold, row, "intended", why=intent.why, draft=intent.draft)
    return Claim(True, False, row.record())


def _tell(row: EpicRow, told: Told | None) -> None:
    row.evidence = told.evidence.json if told else None
    row.figures = figures_json(told.figures) if told else None


def _fail(row: EpicRow, reason: str) -> None:
    row.state, row.reason, row.attempted_at = EpicState.FAILED, redact(reason), None
    release(row)
