"""The ledger of epics and stories: each method that writes is one committed transaction.

The order that makes a crash harmless: a claim commits what is about to be sent, then the call, then
`record_...` commits its outcome. Whoever finds a claim without an outcome must check the tracker
before sending again. Stories differ from epics by their `parent_key` only.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session, make_transient

from orchestration.ledger.database import LedgerDatabase
from orchestration.ledger.models import (
    UNFINISHED,
    Claim,
    EpicRecord,
    EpicState,
    Evidence,
    LedgerEvent,
    Writer,
    redact,
)


class Ledger(LedgerDatabase):
    """Epics and stories of all trackers; see `LedgerDatabase` for its address."""

    def records(self, tracker: str | None = None, key: str | None = None) -> list[EpicRecord]:
        """Epics and stories, of one tracker or all, with one key or any, by tracker and cycle."""
        query = select(EpicRecord)
        if tracker is not None:
            query = query.where(EpicRecord.tracker == tracker)
        if key is not None:
            query = query.where(EpicRecord.key == key)
        return self.read(
            query.order_by(EpicRecord.tracker, EpicRecord.service_hash, EpicRecord.cycle)
        )

    def events(self, tracker: str, key: str) -> list[LedgerEvent]:
        """Everything that happened to one epic, oldest first."""
        query = select(LedgerEvent).where(LedgerEvent.tracker == tracker, LedgerEvent.key == key)
        return self.read(query.order_by(LedgerEvent.id))

    def last_events(self) -> dict[tuple[str, str], LedgerEvent]:
        """The newest event of each epic and story, by tracker and key."""
        newest = select(func.max(LedgerEvent.id)).group_by(LedgerEvent.tracker, LedgerEvent.key)
        events = self.read(select(LedgerEvent).where(LedgerEvent.id.in_(newest)))
        return {(event.tracker, event.key): event for event in events}

    def begin_once(
        self, tracker: str, key: str, run_id: str, at: datetime, *, again: bool = False
    ) -> str:
        """Commit that something is about to be sent that must be sent only once.

        Returns the kind of the last event: it is begun only if there is none or it is "failed", or,
        with `again`, "intended".
        """
        with self.exclusive() as session:
            query = select(LedgerEvent.kind).where(
                LedgerEvent.tracker == tracker, LedgerEvent.key == key
            )
            last = session.scalars(query.order_by(LedgerEvent.id.desc()).limit(1)).first() or ""
            if last in ("", "failed") or (again and last == "intended"):
                Writer(tracker, run_id, run_id, at).note(session, key, "intended")
        return last

    def note(
        self, tracker: str, key: str, run_id: str, at: datetime, kind: str, problem: str = ""
    ) -> None:
        """Append to the history of something that isn't an epic."""
        with self.exclusive() as session:
            Writer(tracker, run_id, run_id, at).note(session, key, kind, problem=problem)

    def copy_to(self, other: Ledger) -> None:
        """Copy all records, without their history, into an empty ledger."""
        records = self.records()
        with other.exclusive() as session:
            for record in records:
                make_transient(record)
                session.add(record)

    def claim(
        self,
        writer: Writer,
        wanted: EpicRecord,
        searched_at: datetime,
        detail: Mapping[str, object],
    ) -> Claim:
        """Commit that `wanted` is about to be created; detail: what its history keeps.

        searched_at: when the tracker was searched for it. Refused if it is open already, if another
        run has begun it, or if it was begun so late that the search may have missed it.
        """
        with self.exclusive() as session:
            row = session.get(EpicRecord, (writer.tracker, wanted.key))
            was_attempted = False
            if row is None:
                if other := _other(session, wanted):
                    return Claim(False, other)
                row = wanted
                session.add(row)
            elif row.state not in UNFINISHED or writer.must_wait_for(row, searched_at):
                return Claim(False, row)
            else:
                was_attempted = row.is_attempted
            row.state, row.team, row.evidence = EpicState.INTENDED, wanted.team, wanted.evidence
            row.owner, row.attempted_at = writer.owner, writer.at
            writer.note(session, row.key, "claimed", **detail)
            return Claim(True, row, was_attempted)

    def record_opened(
        self,
        writer: Writer,
        wanted: EpicRecord,
        ref: tuple[str, str],
        at: datetime,
        *,
        is_ours: bool = False,
        is_known: bool = True,
    ) -> EpicRecord:
        """Record that the tracker has it as `ref` (id, url); returns what the ledger has.

        is_ours: this writer created it. The evidence of a found epic, and that it was opened `at`,
        are known only if it comes from the newest attempt on record; is_known: that it may. A
        different `ref_id` in the answer means that the tracker has two with one key; a different
        key, that the service has one that is open or begun.
        """
        with self.exclusive() as session:
            row = session.get(EpicRecord, (writer.tracker, wanted.key))
            if row is None:
                if other := _other(session, wanted):
                    return other
                row = wanted
                session.add(row)
            if row.state in UNFINISHED:
                is_attempt = row.is_attempted and is_known
                row.evidence = wanted.evidence if is_ours else row.evidence if is_attempt else None
                row.opened_at = at if is_ours or row.is_attempted else None
                row.state, row.reason = EpicState.OPENED, None
                row.ref_id, row.url = ref
                row.release()
                kind = "opened" if is_ours else "adopted"
                writer.note(session, row.key, kind, ref_id=ref[0], url=ref[1])
            elif row.ref_id != ref[0]:
                writer.note(session, row.key, "duplicate", ref_id=ref[0], url=ref[1])
            return row

    def record_failure(
        self,
        writer: Writer,
        key: str,
        kind: str,
        reason: str,
        *,
        may_be_done: bool = False,
        was_pending: bool = False,
    ) -> None:
        """Record that an epic was not opened, or a change was not made.

        may_be_done: that isn't known, so the attempt is left unchanged. was_pending: an earlier
        attempt may have made the change, so it stays pending, but nobody has to wait for it.
        """
        with self.exclusive() as session:
            row = session.get_one(EpicRecord, (writer.tracker, key))
            if row.owner == writer.owner:
                row.reason = redact(reason)
                if not may_be_done:
                    if row.state is EpicState.INTENDED:
                        row.state = EpicState.FAILED
                    row.release(is_settled=not was_pending)
            writer.note(session, key, kind, reason=reason)

    def record_missing(self, searched: Writer, keys: Collection[str], reason: str) -> set[str]:
        """Settle those of `keys` whose attempts had no effect; returns these.

        searched: when the search began, which would have found whatever had taken effect by then.
        """
        settled = set()
        with self.exclusive() as session:
            for key in keys:
                row = session.get(EpicRecord, (searched.tracker, key))
                if row and row.is_attempted and not searched.must_wait_for(row):
                    row.state, row.reason = EpicState.FAILED, reason
                    row.release()
                    searched.note(session, key, "missing", reason=reason)
                    settled.add(key)
        return settled

    def claim_change(
        self,
        writer: Writer,
        key: str,
        kind: str,
        update_count: int,
        evidence: Evidence | None,
        sent: Mapping[str, object],
    ) -> Claim:
        """Commit that a change (`change` or `close`) is about to be sent, as `pending_change_id`.

        That is the id of an earlier attempt with the same evidence, else an unused one.
        update_count: how many changes it builds on; refused if another run has begun one more.
        """
        with self.exclusive() as session:
            row = session.get_one(EpicRecord, (writer.tracker, key))
            is_stale = row.update_count != update_count and row.owner != writer.owner
            if row.state is not EpicState.OPENED or is_stale or writer.must_wait_for(row):
                return Claim(False, row)
            pending = row.pending_change_id or ""
            is_retry = pending.startswith(f"{kind}-") and row.pending_evidence == evidence
            if not is_retry:
                row.update_count += 1
                seed = hashlib.sha256(f"{key} {row.update_count} {evidence}".encode())
                row.pending_change_id = f"{kind}-{seed.hexdigest()[:12]}"
                row.pending_evidence = evidence
            row.owner, row.attempted_at = writer.owner, writer.at
            change_id = row.pending_change_id
            writer.note(session, key, f"{kind}_claimed", change_id=change_id, **sent)
            return Claim(True, row, was_attempted=is_retry)

    def record_changed(
        self, writer: Writer, key: str, change_id: str, shared_key: str | None = None
    ) -> None:
        """Record that the epic has the evidence of `change_id`, and points to a shared fix."""
        with self.exclusive() as session:
            row = session.get_one(EpicRecord, (writer.tracker, key))
            if row.pending_change_id == change_id:
                row.evidence, row.reason = row.pending_evidence, None
                row.shared_key = shared_key or row.shared_key
                row.release(is_settled=True)
                writer.note(session, key, "changed", change_id=change_id)

    def record_closed(
        self, writer: Writer, key: str, closed_at: datetime, status: str, *, by_us: bool = False
    ) -> EpicRecord:
        """Record that it is closed: by a person, or as hygiene by us; never before it was opened.

        If a person closed a story, people have worked on the epic, so it isn't ours to close.
        """
        with self.exclusive() as session:
            row = session.get_one(EpicRecord, (writer.tracker, key))
            if row.state is EpicState.OPENED:
                closed_at = max(closed_at, row.opened_at or closed_at)  # Clocks differ.
                row.state, row.closed_at, row.reason = EpicState.CLOSED, closed_at, None
                row.is_closed_as_hygiene = by_us
                detail: dict[str, object] = {"status": status, "closed_at": closed_at}
                if not by_us:
                    detail["pending_change_id"] = row.pending_change_id
                    if epic := session.get(EpicRecord, (writer.tracker, row.parent_key or "")):
                        epic.version = None
                row.release(is_settled=by_us)
                kind = "closed_as_hygiene" if by_us else "closed"
                writer.note(session, key, kind, **detail)
            return row

    def record_reopened(self, writer: Writer, key: str, status: str) -> EpicRecord:
        """Record that a person reopened an epic: from now on it is theirs.

        It stays closed here while another epic of the service is open or begun.
        """
        with self.exclusive() as session:
            row = session.get_one(EpicRecord, (writer.tracker, key))
            others = select(EpicRecord.key).where(
                EpicRecord.tracker == writer.tracker,
                EpicRecord.service_hash == row.service_hash,
                EpicRecord.state != EpicState.CLOSED,
            )
            if row.state is EpicState.CLOSED and session.scalars(others).first() is None:
                row.state, row.closed_at, row.version = EpicState.OPENED, None, None
                row.is_closed_as_hygiene = None
                writer.note(session, key, "reopened", status=status)
            return row

    def record_versions(self, writer: Writer, versions: Mapping[str, str | None]) -> None:
        """Record each item's version after our last write; None: others have changed it."""
        with self.exclusive() as session:
            for key, version in versions.items():
                row = session.get_one(EpicRecord, (writer.tracker, key))
                if version is None and row.version is not None:
                    writer.note(session, key, "changed_by_others")
                row.version = version


def _other(session: Session, wanted: EpicRecord) -> EpicRecord | None:
    """An epic of the service that is open or begun, or from this or a later cycle."""
    others = select(EpicRecord).where(
        EpicRecord.tracker == wanted.tracker,
        EpicRecord.service_hash == wanted.service_hash,
        (EpicRecord.state != EpicState.CLOSED) | (EpicRecord.cycle >= wanted.cycle),
    )
    return session.scalars(others).first()
