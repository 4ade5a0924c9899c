"""What the ledger knows of epics, as a file for the warehouse to load."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from orchestration.ledger.store import Ledger

FILE = "epics.ndjson"
_COPIED = (
    "tracker", "key", "service_hash", "service", "cycle", "state", "team", "previous_key",
    "shared_key", "ref_id", "url", "update_count", "pending_change_id", "is_attempted",
    "is_closed_as_hygiene",
)  # fmt: skip
_STATED = ("score", "band", "slo_burn")
_TIMES = ("opened_at", "closed_at")


def export_epics(
    ledger: Ledger,
    folder: Path,
    tracker: str,
    problems: Mapping[str, str],
    unreachable: str | None = None,
) -> None:
    """Write `epics.ndjson`, one record per epic of any tracker.

    tracker: the one that epics are opened in now. problems: its epics, by key, whose state is not
    known, and why. unreachable: why it could not be asked.
    The file is replaced atomically, and only if it changes, since equal bytes are not loaded again.
    Stories are left out: trackers report them.
    SQLAlchemyError if the ledger can't be read; the file is left unchanged.
    """
    lines = []
    for epic in sorted(ledger.records(), key=lambda r: (r.tracker, r.key)):
        if epic.parent_key:
            continue
        stated, is_current = epic.evidence, epic.tracker == tracker
        times = {name: getattr(epic, name) for name in _TIMES}
        record = {
            **{name: getattr(epic, name) for name in _COPIED},
            "said_incident_ids": ",".join(stated.incident_ids) if stated else None,
            **{f"said_{name}": getattr(stated, name, None) for name in _STATED},
            "is_untouched": epic.version is not None,
            **{name: at.isoformat() if at else None for name, at in times.items()},
            "is_current_tracker": is_current,
            "state_problem": problems.get(epic.key) if is_current else None,
            "tracker_problem": unreachable if is_current else None,
        }
        lines.append(json.dumps(record, ensure_ascii=False) + "\n")
    target = folder / FILE
    if not target.exists() or target.read_text(encoding="utf-8") != "".join(lines):
        folder.mkdir(parents=True, exist_ok=True)
        temporary = target.with_name(f".{FILE}")
        temporary.write_text("".join(lines), encoding="utf-8")
        temporary.replace(target)
