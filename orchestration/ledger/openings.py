"""How epics and stories get into the ledger, each method one committed transaction.

The order that makes a crash harmless: `claim` commits what is about to be created, then the call,
then `record_...` commits its outcome. Whoever finds a claim without an outcome must look in the
tracker before sending it again.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from orchestration.ledger.claims import Claim, Intent, Writer, redact
from orchestration.ledger.database import LedgerDatabase
from orchestration.ledger.models import UNFINISHED, EpicRecord, EpicState, Evidence


class Openings(LedgerDatabase):
    """The half of the ledger that opens; stories differ from epics by their `parent_key` only."""

    def claim(
        self, writer: Writer, tracker: str, intents: Sequence[Intent], searched_at: datetime
    ) -> dict[str, Claim]:
        """Commit that each of `intents` is about to be created; the answer by key.

        searched_at: when the tracker was searched for them. Refused is what is open already, what
        another run has begun, and what was begun so late that the search may have missed it.
        """
        with self.exclusive() as session:
            return {i.key: _claim(session, writer, tracker, i, searched_at) for i in intents}

    def record_opened(
        self,
        writer: Writer,
        tracker: str,
        key: str,
        ref: tuple[str, str],
        opened_at: datetime,
        evidence: Evidence | None,
        *,
        is_adopted: bool,
    ) -> EpicRecord:
        """Record that the tracker has it as `ref` (id, url), unless that is known.

        evidence: what the epic says, None when that isn't known. Returns it as the ledger has it;
        another `ref_id` than the one given means that the tracker has two with one key.
        """
        with self.exclusive() as session:
            row = session.get_one(EpicRecord, (tracker, key))
            kind = "adopted" if is_adopted else "opened"
            if row.state in UNFINISHED:
                row.state, row.opened_at = EpicState.OPENED, opened_at
                row.ref_id, row.url = ref
                row.evidence, row.reason = evidence, None
                row.release()
            elif row.ref_id != ref[0]:
                kind = "duplicate"
            writer.note(session, row, kind, ref_id=ref[0], url=ref[1])
            return row

    def adopt(
        self,
        writer: Writer,
        tracker: str,
        intent: Intent,
        ref: tuple[str, str],
        opened_at: datetime,
    ) -> EpicRecord:
        """Record that the tracker already has what was to be opened, as `ref` (id, url).

        What it says, and that it was opened at `opened_at`, is known only if it stems from an
        attempt that is on record. Returns another epic where the service has one that is open or
        begun.
        """
        with self.exclusive() as session:
            row = session.get(EpicRecord, (tracker, intent.key))
            if row is None:
                if other := _other(session, tracker, intent):
                    return other
                row = _new(tracker, intent)
                session.add(row)
            elif row.state not in UNFINISHED:
                return row
            if not row.is_attempted:
                row.evidence = None
            row.opened_at = opened_at if row.is_attempted else None
            row.state, row.reason = EpicState.OPENED, None
            row.ref_id, row.url = ref
            row.release()
            writer.note(session, row, "adopted", ref_id=ref[0], url=ref[1])
            return row

    def record_failure(
        self,
        writer: Writer,
        tracker: str,
        keys: Collection[str],
        kind: str,
        reason: str,
        *,
        may_be_done: bool = False,
        was_pending: bool = False,
    ) -> None:
        """Record that epics were not opened, or a change was not made; the next run tries again.

        may_be_done: it isn't known, so the attempt stays as it is. was_pending: an attempt before
        this one may have made the change, so it stays pending, but nobody has to wait for it.
        """
        with self.exclusive() as session:
            for key in keys:
                row = session.get_one(EpicRecord, (tracker, key))
                if row.owner == writer.owner:
                    row.reason = redact(reason)
                    if not may_be_done:
                        if row.state is EpicState.INTENDED:
                            row.state = EpicState.FAILED
                        row.release(is_settled=not was_pending)
                writer.note(session, row, kind, reason=reason)

    def record_missing(
        self, searched: Writer, tracker: str, keys: Collection[str], reason: str
    ) -> set[str]:
        """Settle attempts that came to nothing; returns those of `keys` that it could settle.

        searched: as of before the search. Only attempts that could not take effect any more by
        then are settled, since the search would have found them.
        """
        settled = set()
        with self.exclusive() as session:
            for key in keys:
                row = session.get(EpicRecord, (tracker, key))
                if row and row.is_attempted and not searched.must_wait_for(row):
                    row.state, row.reason = EpicState.FAILED, redact(reason)
                    row.release()
                    searched.note(session, row, "missing", reason=reason)
                    settled.add(key)
        return settled


def _claim(
    session: Session, writer: Writer, tracker: str, intent: Intent, searched_at: datetime
) -> Claim:
    row = session.get(EpicRecord, (tracker, intent.key))
    was_attempted, earlier = False, None
    if row is None:
        if other := _other(session, tracker, intent):
            return Claim(False, other)
        row = _new(tracker, intent)
        session.add(row)
    elif row.state not in UNFINISHED or writer.must_wait_for(row, searched_at):
        return Claim(False, row)
    else:
        was_attempted, earlier = row.is_attempted, row.evidence
    row.state, row.team, row.evidence = EpicState.INTENDED, intent.team, intent.evidence
    row.owner, row.attempted_at = writer.owner, writer.at
    writer.note(session, row, "claimed", why=intent.why, draft=intent.draft)
    return Claim(True, row, was_attempted, earlier if was_attempted else None)


def _other(session: Session, tracker: str, intent: Intent) -> EpicRecord | None:
    """An epic of the service that is open or begun, or of this cycle or a later one."""
    others = select(EpicRecord).where(
        EpicRecord.tracker == tracker,
        EpicRecord.service_hash == intent.service_hash,
        (EpicRecord.state != EpicState.CLOSED) | (EpicRecord.cycle >= intent.cycle),
    )
    return session.scalars(others).first()


def _new(tracker: str, intent: Intent) -> EpicRecord:
    return EpicRecord(
        tracker=tracker,
        key=intent.key,
        service_hash=intent.service_hash,
        service=intent.service,
        cycle=intent.cycle,
        state=EpicState.INTENDED,
        parent_key=intent.parent_key,
        team=intent.team,
        previous_key=intent.previous_key,
    )
