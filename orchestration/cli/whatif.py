"""The screen of `paydown whatif`, for a terminal or as Markdown for a pull request."""

from __future__ import annotations

import re
from collections.abc import Iterator

from rich.console import Console
from rich.text import Text

from orchestration.cli.tables import plain_table, signed, text_row
from orchestration.rescore import Month, WhatIf

BANDS = {
    "promote_to_epic": "promote",
    "bundle_with_existing": "bundle",
    "close_as_hygiene": "hygiene",
    None: "-",
}
# Names come from catalogs and tickets.
MARKDOWN = re.compile(r"([\\`*_{}\[\]<>()#+!|~@&-])")


COLUMNS = ("#", "was", "service", "score", "", "band", "epic")


def show_what_if(console: Console, result: WhatIf) -> None:
    """Print who moves, and which epics would open."""
    console.print(Text(_headline(result), "bold"))
    table = plain_table(*COLUMNS, right=("#", "was"))
    for cells in _rows(result):
        table.add_row(*text_row(*cells))
    if table.row_count:
        console.print(table)
    for month in result.months:
        console.print(Text(_month(month)))


def as_markdown(result: WhatIf) -> str:
    """The same as a comment for a pull request; everything from outside is escaped."""
    rows = ["| " + " | ".join(map(_escaped, cells)) + " |" for cells in _rows(result)]
    lines = [f"### {_headline(result)}", ""]
    if rows:
        header = ["| " + " | ".join(COLUMNS) + " |", "| --: | --: | --- | --: | --: | --- | --- |"]
        lines += [*header, *rows, ""]
    lines += ["- " + _escaped(_month(month)) for month in result.months]
    return "\n".join(lines).rstrip() + "\n"


def _headline(result: WhatIf) -> str:
    changed = sum(move.before != move.after for move in result.moves)
    opens = sum(move.opens for move in result.moves)
    what = (
        f"{changed} of {len(result.moves)} services move, {opens} more epics would open"
        if changed
        else f"none of {len(result.moves)} services moves"
    )
    return f"rubric {result.rubric_before} -> {result.rubric_after}: {what}"


def _rows(result: WhatIf) -> Iterator[list[str]]:
    """The cells of each service that moves."""
    for move in result.moves:
        old, new = move.before, move.after
        if old == new:
            continue
        is_scored = None not in (new.score, old.score)
        yield [
            str(new.rank or "-"),
            str(old.rank or "-"),
            move.service,
            "-" if new.score is None else str(new.score),
            signed((new.score or 0) - (old.score or 0)) if is_scored else "",
            _change(BANDS.get(old.band, "?"), BANDS.get(new.band, "?")),
            _change(old.decision or "-", new.decision or "-"),
        ]


def _change(old: str, new: str) -> str:
    return new if new == old else f"{old} -> {new}"


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
