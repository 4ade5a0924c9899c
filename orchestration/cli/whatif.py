"""The screen of `paydown whatif`, for a terminal or as Markdown for a pull request."""

from __future__ import annotations

import re

from rich.console import Console
from rich.text import Text

from orchestration.cli.tables import plain_table, signed, text_row
from orchestration.rescore.whatif import Month, Move, WhatIf

BANDS = {
    "promote_to_epic": "promote",
    "bundle_with_existing": "bundle",
    "close_as_hygiene": "hygiene",
    None: "-",
}
# Names come from catalogs and tickets.
MARKDOWN = re.compile(r"([\\`*_{}\[\]<>()#+!|~@&-])")


def show_what_if(console: Console, result: WhatIf) -> None:
    """Print who moves, and which epics would open."""
    changed = [move for move in result.moves if move.has_changed]
    console.print(Text(_headline(result), "bold"))
    if changed:
        table = plain_table("#", "was", "service", "score", "", "band", "epic", right=("#", "was"))
        for move in changed:
            table.add_row(*text_row(*_cells(move)))
        console.print(table)
    for month in result.months:
        console.print(Text(_month(month)))


def as_markdown(result: WhatIf) -> str:
    """The same as a comment for a pull request; everything from outside is escaped."""
    changed = [move for move in result.moves if move.has_changed]
    lines = [f"### {_headline(result)}", ""]
    if changed:
        lines += ["| # | was | service | score | | band | epic |"]
        lines += ["| --: | --: | --- | --: | --: | --- | --- |"]
        lines += ["| " + " | ".join(map(_escaped, _cells(move))) + " |" for move in changed]
        lines += [""]
    lines += ["- " + _escaped(_month(month)) for month in result.months]
    return "\n".join(lines).rstrip() + "\n"


def _headline(result: WhatIf) -> str:
    changed = sum(move.has_changed for move in result.moves)
    opens = sum(move.opens for move in result.moves)
    what = (
        f"{changed} of {len(result.moves)} services move, {opens} more epics would open"
        if changed
        else f"none of {len(result.moves)} services moves"
    )
    return f"rubric {result.rubric_before} -> {result.rubric_after}: {what}"


def _cells(move: Move) -> list[str]:
    delta = (
        signed(move.score_after - move.score_before)
        if move.score_after is not None and move.score_before is not None
        else ""
    )
    band, was = BANDS.get(move.band_after, "?"), BANDS.get(move.band_before, "?")
    decision = move.decision_after or "-"
    return [
        str(move.rank_after or "-"),
        str(move.rank_before or "-"),
        move.service,
        str(move.score_after if move.score_after is not None else "-"),
        delta,
        band if band == was else f"{was} -> {band}",
        decision if decision == move.decision_before else f"{move.decision_before} -> {decision}",
    ]


def _month(month: Month) -> str:
    before, after = month.promoted_before, month.promoted_after
    added = sorted(set(after) - set(before))
    dropped = sorted(set(before) - set(after))
    parts = [f"{month.last_day:%Y-%m}: {len(before)} -> {len(after)} above the promotion band"]
    if added:
        parts.append("in: " + ", ".join(added))
    if dropped:
        parts.append("out: " + ", ".join(dropped))
    return "; ".join(parts)


def _escaped(text: str) -> str:
    return MARKDOWN.sub(r"\\\1", text.replace("\n", " "))
