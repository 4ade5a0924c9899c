"""What both halves of the ledger need of its rows."""

from __future__ import annotations

import json

from sqlalchemy.orm import Session

from orchestration.ledger.claims import Hold, redact
from orchestration.ledger.models import EpicRow, EpicState, EventRow

UNFINISHED = (EpicState.INTENDED, EpicState.FAILED)


def is_held_by_other(row: EpicRow, hold: Hold) -> bool:
    is_leased = row.lease_until is not None and row.lease_until > hold.at
    return is_leased and row.owner != hold.owner and not hold.takes_over


def release(row: EpicRow) -> None:
    row.owner = row.lease_until = None


def add_event(session: Session, hold: Hold, row: EpicRow, kind: str, **detail: object) -> None:
    """Append to the history; what looks like a credential in `detail` is left out."""
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
