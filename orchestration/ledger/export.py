"""What the ledger knows of epics, as a file for the warehouse to load."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import select

from orchestration.ledger.models import EpicRow
from orchestration.ledger.store import Ledger

FILE = "epics.ndjson"
# Columns of every version of the ledger, so that one of before is read too.
COLUMNS = (
    "tracker", "key", "service_hash", "service", "cycle", "state", "previous_key", "ref_id", "url",
    "opened_at", "closed_at",
)  # fmt: skip
# A story's key goes on with its class of fix.
_EPIC = re.compile(r".+-c[0-9]{1,4}")


def export_epics(ledger: Ledger, folder: Path) -> int:
    """Write `epics.ndjson`, a record an epic in whatever tracker; returns how many there are.

    The file is replaced at once, and only where it would say something else: equal bytes are not
    loaded again. Stories are left out, since trackers tell of them.

    Raises:
        sqlalchemy.exc.SQLAlchemyError: the ledger can't be read; the file stays as it was.
    """
    records = list(_records(ledger))
    text = "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records)
    target = folder / FILE
    if not target.exists() or target.read_text(encoding="utf-8") != text:
        folder.mkdir(parents=True, exist_ok=True)
        temporary = target.with_name(f".{FILE}")
        temporary.write_text(text, encoding="utf-8")
        temporary.replace(target)
    return len(records)


def _records(ledger: Ledger) -> Iterator[dict[str, Any]]:
    with ledger.reading() as session:
        if session is None:
            return
        query = select(*(getattr(EpicRow, name) for name in COLUMNS))
        for row in session.execute(query.order_by(EpicRow.tracker, EpicRow.key)):
            if _EPIC.fullmatch(row.key):
                yield {name: _plain(value) for name, value in row._asdict().items()}


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value
