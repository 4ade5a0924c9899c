"""What the ledger knows of epics, as a file for the warehouse to load."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from orchestration.ledger.models import EpicRecord
from orchestration.ledger.store import Ledger

FILE = "epics.ndjson"
_COPIED = (
    "tracker", "key", "service_hash", "service", "cycle", "state", "team", "previous_key",
    "shared_key", "ref_id", "url", "update_count", "pending_change_id", "is_attempted",
)  # fmt: skip


def export_epics(
    ledger: Ledger,
    folder: Path,
    *,
    tracker: str,
    problems: Mapping[str, str] | None = None,
    unreachable: str | None = None,
) -> int:
    """Write `epics.ndjson`, a record an epic in whatever tracker; returns how many there are.

    tracker: the one that epics are opened in now. problems: its epics by key whose state it
    didn't tell, and why. unreachable: why it could not be asked at all.
    The file is replaced atomically, and only where it would say something else, since equal bytes
    are not loaded again. Stories are left out: trackers tell of them.

    Raises:
        sqlalchemy.exc.SQLAlchemyError: the ledger can't be read; the file stays as it was.
    """
    records = [
        _record(record)
        | {
            "is_current_tracker": record.tracker == tracker,
            "state_problem": (problems or {}).get(record.key)
            if record.tracker == tracker
            else None,
            "tracker_problem": unreachable if record.tracker == tracker else None,
        }
        for record in sorted(ledger.records(), key=lambda r: (r.tracker, r.key))
        if record.parent_key is None
    ]
    text = "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records)
    target = folder / FILE
    if not target.exists() or target.read_text(encoding="utf-8") != text:
        folder.mkdir(parents=True, exist_ok=True)
        temporary = target.with_name(f".{FILE}")
        temporary.write_text(text, encoding="utf-8")
        temporary.replace(target)
    return len(records)


def _record(record: EpicRecord) -> dict[str, Any]:
    said = record.evidence
    return {name: getattr(record, name) for name in _COPIED} | {
        "said_incident_ids": ",".join(said.incident_ids) if said else None,
        "said_score": said.score if said else None,
        "said_band": said.band if said else None,
        "said_slo_burn": said.slo_burn if said else None,
        "is_untouched": record.version is not None,
        "opened_at": record.opened_at.isoformat() if record.opened_at else None,
        "closed_at": record.closed_at.isoformat() if record.closed_at else None,
    }
