"""What every method that writes needs of a row."""

from __future__ import annotations

import json

from sqlalchemy.orm import Session

from orchestration.ledger.claims import Writer, redact
from orchestration.ledger.models import EpicRecord, EpicState, EventRow


def release(row: EpicRecord) -> None:
    row.owner = row.attempted_at = None


def settle(row: EpicRecord) -> None:
    """Nothing is pending any more."""
    row.pending_change_id = row.pending_evidence = None
    release(row)


def fail(row: EpicRecord, reason: str) -> None:
    row.state, row.reason = EpicState.FAILED, redact(reason)
    release(row)


def add_event(
    session: Session, writer: Writer, row: EpicRecord, kind: str, **detail: object
) -> None:
    """Append to the history; what looks like a credential in `detail` is left out."""
    session.add(
        EventRow(
            tracker=row.tracker,
            key=row.key,
            at=writer.at,
            run_id=writer.run_id,
            kind=kind,
            detail=json.dumps(redact(detail), default=str),
        )
    )
