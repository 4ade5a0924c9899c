"""What an open epic is told when its evidence changes: only what changed, and why."""

from __future__ import annotations

from orchestration.ledger import Evidence
from orchestration.publish.candidates import Candidate
from orchestration.trackers.document import Block, Bullets, Document, Paragraph, Spans, spans
from orchestration.trackers.text import one_line


def change_body(candidate: Candidate, told: Evidence | None) -> Document:
    """The comment for an epic that so far tells `told` (None: not known)."""
    was = "" if told is None else f", was {told.score}"
    blocks: list[Block] = [
        Paragraph(
            spans(
                f"Score {candidate.score}{was}, band {one_line(candidate.band)}, rubric "
                f"{one_line(candidate.rubric_hash)}."
            )
        )
    ]
    now_ids, told_ids = set(candidate.incident_ids), set(told.incident_ids if told else ())
    items: list[Spans] = []
    if new := sorted(now_ids - told_ids):
        items.append(spans(f"New incidents: {_comma_list(new)}"))
    if left := sorted(told_ids - now_ids):
        items.append(spans(f"No longer in the window: {_comma_list(left)}"))
    items += [spans(line) for line in map(one_line, candidate.reasons) if line]
    if items:
        blocks.append(Bullets(tuple(items)))
    return tuple(blocks)


def _comma_list(items: list[str]) -> str:
    return ", ".join(one_line(item) for item in items)
