"""What an open epic is told when its evidence changes: only what changed, and why."""

from __future__ import annotations

from collections.abc import Sequence

from orchestration.epics.candidates import Candidate, Source
from orchestration.epics.content.body import linked
from orchestration.ledger import Evidence
from orchestration.trackers.document import Block, Bullets, Document, Paragraph, Span, Spans, spans
from orchestration.trackers.text import one_line

_SHOWN = 10


def change_body(candidate: Candidate, told: Evidence | None) -> Document:
    """The comment for an epic that so far tells `told` (None: not known)."""
    blocks: list[Block] = [Paragraph(spans(_headline(candidate, told)))]
    now_ids, told_ids = set(candidate.incident_ids), set(told.incident_ids if told else ())
    by_id = {source.id: source for source in candidate.incident_links}
    new = [by_id.get(key, Source(key)) for key in sorted(now_ids - told_ids)]
    left = [Source(key) for key in sorted(told_ids - now_ids)]
    items = [
        *_listed("New incident", new),
        *_listed("No longer in the window", left),
        *(spans(line) for line in map(one_line, candidate.factor_changes) if line),
    ]
    if items:
        blocks.append(Bullets(tuple(items)))
    return tuple(blocks)


def _headline(candidate: Candidate, told: Evidence | None) -> str:
    band = one_line(candidate.band).replace("_", " ")
    if told is None:
        return f"Score {candidate.score}, band {band}."
    score = f"Score {candidate.score}"
    if told.score != candidate.score:
        score += f", was {told.score}"
    if told.band == candidate.band:
        return f"{score}."
    return f"{score}; band {band}, was {one_line(told.band).replace('_', ' ')}."


def _listed(label: str, sources: Sequence[Source]) -> list[Spans]:
    items: list[Spans] = [(Span(f"{label}: "), *linked(source)) for source in sources[:_SHOWN]]
    if (rest := len(sources) - _SHOWN) > 0:
        items.append(spans(f"{label}: {rest} more"))
    return items
