"""`paydown whatif` and `paydown backfill`: scores with another rubric, or of past days."""

from __future__ import annotations

import io
import re
from contextlib import redirect_stdout
from datetime import date
from pathlib import Path

from orchestration.cli.command import console
from orchestration.cli.tables import say, show_table
from orchestration.rescore import COLUMNS, WhatIf, backfill_scores, what_if
from orchestration.settings import Settings

# Names come from catalogs and tickets.
MARKDOWN = re.compile(r"([\\`*_{}\[\]<>()#+!|~@&-])")


def show_what_if(settings: Settings, scoring: Path, months: int, *, markdown: bool) -> None:
    """Print who moves and which epics would open, for a terminal or for a pull request."""
    with redirect_stdout(io.StringIO()):
        result = what_if(settings, scoring, months)
    if markdown:
        print(as_markdown(result))
        return
    say(result.headline, "bold")
    if result.moves:
        show_table(COLUMNS, result.moves, right=("#", "was"))
    for line in result.months:
        say(line)


def as_markdown(result: WhatIf) -> str:
    """The same as a comment for a pull request; everything from outside is escaped."""
    lines = [f"### {result.headline}", ""]
    if result.moves:
        table = [f"| {' | '.join(map(_escaped, row))} |" for row in result.moves]
        header = f"| {' | '.join(COLUMNS)} |"
        lines += [header, "| --: | --: | --- | --: | --: | --- | --- |", *table, ""]
    return "\n".join([*lines, *(f"- {_escaped(line)}" for line in result.months)]).rstrip()


def _escaped(text: str) -> str:
    return MARKDOWN.sub(r"\\\1", text.replace("\n", " "))


def backfill_days(settings: Settings, first: date, last: date) -> None:
    """Score the days again and say so."""
    with console.status("scoring"), redirect_stdout(io.StringIO()):
        backfill_scores(settings, first, last)
    say(f"scored {first} to {last}; the next run publishes it")
