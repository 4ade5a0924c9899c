"""The body of an epic, section by section, as blocks that every tracker can render."""

from __future__ import annotations

import re
from collections.abc import Iterable

from orchestration.publish.candidates import Candidate
from orchestration.trackers.document import (
    Block,
    Bullets,
    Checklist,
    Document,
    Heading,
    Paragraph,
    Span,
    Spans,
    Table,
    spans,
)
from orchestration.trackers.text import one_line

_FACTOR_LINE = re.compile(r"(\w+): (-?[\d.]+) of (-?[\d.]+) points?(?:,\s*|$)(.*)")


def epic_body(candidate: Candidate, previous_key: str | None) -> Document:
    """What an epic for `candidate` says; `previous_key` names the one that did not hold."""
    blocks: list[Block] = []
    if previous_key:
        held_not = Span("An earlier epic was closed and did not hold: ")
        blocks.append(Paragraph((held_not, Span(previous_key, is_code=True))))
    blocks += [
        Heading("Why"),
        Paragraph(
            spans(
                f"Score {candidate.score}, band {one_line(candidate.band)}, rubric "
                f"{one_line(candidate.rubric_hash)}. {candidate.coverage:.0%} of the weight rests "
                "on data."
            )
        ),
        _factors(candidate.reasons),
        Heading("Incidents"),
        _bullets(candidate.incident_ids) or Paragraph(spans("None in the window.")),
    ]
    for title, items in (
        ("Postmortems", candidate.postmortem_ids),
        ("Risk register", candidate.risk_ids),
        ("Fix classes", candidate.fix_classes),
    ):
        if bullets := _bullets(items):
            blocks += [Heading(title), bullets]
    goal = one_line(candidate.target_maturity, 100) or "target maturity"
    blocks += [Heading(f"Exit criteria: {goal}"), Checklist(_items(candidate.exit_criteria))]
    if url := one_line(candidate.slo_chart_url, 2000):
        blocks += [Heading("Links"), Bullets((spans("SLO chart", url),))]
    return tuple(blocks)


def _factors(reasons: tuple[str, ...]) -> Table:
    rows = []
    for line in reasons:
        match = _FACTOR_LINE.fullmatch(one_line(line))
        cells = match.groups() if match else ("", "", "", one_line(line))
        rows.append(tuple(spans(cell) for cell in cells))
    return Table(("Factor", "Points", "Of", "Evidence"), tuple(rows))


def _bullets(items: Iterable[str]) -> Bullets | None:
    kept = _items(items)
    return Bullets(kept) if kept else None


def _items(items: Iterable[str]) -> tuple[Spans, ...]:
    return tuple(line for line in (spans(one_line(item)) for item in items) if line)
