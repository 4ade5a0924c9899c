"""How epics in the ledger change, each method one committed transaction.

As with openings: `claim_change` before the call, `record_changed`, `record_closed` or
`record_failure` after it. A change that is pending may have been sent already.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from datetime import datetime

from sqlalchemy import select

from orchestration.ledger.claims import Claim, Writer
from orchestration.ledger.database import LedgerDatabase
from orchestration.ledger.models import EpicRecord, EpicState, EventRow, Evidence


class Changes(LedgerDatabase):
    """The half of the ledger that follows what is open."""

    def claim_change(
        self,
        writer: Writer,
        tracker: str,
        key: str,
        kind: str,
        update_count: int,
        evidence: Evidence | None,
        sent: Mapping[str, object],
    ) -> Claim:
        """Commit that a change (`change` or `close`) is about to be sent.

        update_count: how many changes this one builds on; refused when another run has begun one
        more. The record's `pending_change_id` is the id to send it by: the one of an earlier
        attempt that says the same, else one that was never used.
        """
        with self.exclusive() as session:
            row = session.get_one(EpicRecord, (tracker, key))
            is_ours = row.owner == writer.owner
            is_stale = row.update_count != update_count and not is_ours
            if row.state is not EpicState.OPENED or is_stale or writer.must_wait_for(row):
                return Claim(False, row)
            pending = row.pending_change_id or ""
            said = row.pending_evidence.json if row.pending_evidence else None
            content = evidence.json if evidence else None
            is_retry = pending.startswith(f"{kind}-") and said == content
            if not is_retry:
                row.update_count += 1
                seed = hashlib.sha256(f"{key} {row.update_count} {content}".encode())
                row.pending_change_id = f"{kind}-{seed.hexdigest()[:12]}"
                row.pending_evidence = evidence
            row.owner, row.attempted_at = writer.owner, writer.at
            change_id = row.pending_change_id
            writer.note(session, row, f"{kind}_claimed", change_id=change_id, **sent)
            return Claim(True, row, was_attempted=is_retry)

    def record_changed(
        self,
        writer: Writer,
        tracker: str,
        key: str,
        change_id: str,
        shared_key: str | None = None,
    ) -> bool:
        """Record that the epic says what `change_id` says; False if another run did so first.

        shared_key: the epic of a shared fix that it points to now.
        """
        with self.exclusive() as session:
            row = session.get_one(EpicRecord, (tracker, key))
            if row.pending_change_id != change_id:
                return False
            row.evidence, row.reason = row.pending_evidence, None
            row.shared_key = shared_key or row.shared_key
            row.release(is_settled=True)
            writer.note(session, row, "changed", change_id=change_id)
            return True

    def record_closed(
        self,
        writer: Writer,
        tracker: str,
        key: str,
        closed_at: datetime,
        status: str,
        *,
        by_us: bool = False,
    ) -> EpicRecord:
        """Record that it is closed: by a person, or as hygiene by us.

        A story that a person closed is that person's work, so its epic isn't ours to close.
        """
        with self.exclusive() as session:
            row = session.get_one(EpicRecord, (tracker, key))
            if row.state is EpicState.OPENED:
                row.state, row.closed_at, row.reason = EpicState.CLOSED, closed_at, None
                detail: dict[str, object] = {"status": status, "closed_at": closed_at}
                if by_us:
                    row.release(is_settled=True)
                else:
                    detail["pending_change_id"] = row.pending_change_id
                    row.release()
                epic = session.get(EpicRecord, (tracker, row.parent_key or ""))
                if epic and not by_us:
                    epic.version = None
                kind = "closed_as_hygiene" if by_us else "closed"
                writer.note(session, row, kind, **detail)
            return row

    def record_reopened(self, writer: Writer, tracker: str, key: str, status: str) -> EpicRecord:
        """Record that a person reopened an epic: it is theirs from now on.

        It stays closed here while another epic of the service is open or begun.
        """
        with self.exclusive() as session:
            row = session.get_one(EpicRecord, (tracker, key))
            others = select(EpicRecord.key).where(
                EpicRecord.tracker == tracker,
                EpicRecord.service_hash == row.service_hash,
                EpicRecord.state != EpicState.CLOSED,
            )
            if row.state is EpicState.CLOSED and session.scalars(others).first() is None:
                row.state, row.closed_at, row.version = EpicState.OPENED, None, None
                writer.note(session, row, "reopened", status=status)
            return row

    def record_versions(
        self, writer: Writer, tracker: str, versions: Mapping[str, str | None]
    ) -> None:
        """Record each item's version after our last write; None: others have changed it."""
        with self.exclusive() as session:
            for key, version in versions.items():
                row = session.get_one(EpicRecord, (tracker, key))
                if version is None and row.version is not None:
                    writer.note(session, row, "changed_by_others")
                row.version = version

    def record_duplicates(
        self, writer: Writer, tracker: str, duplicates: Mapping[str, Collection[str]]
    ) -> None:
        """Record which other ids carry the key of an epic, each once."""
        with self.exclusive() as session:
            for key, ids in duplicates.items():
                row = session.get_one(EpicRecord, (tracker, key))
                query = select(EventRow).where(
                    EventRow.tracker == tracker, EventRow.key == key, EventRow.kind == "duplicate"
                )
                known = {event.event.detail.get("ref_id") for event in session.scalars(query)}
                for other in sorted(set(ids) - known):
                    writer.note(session, row, "duplicate", ref_id=other)
