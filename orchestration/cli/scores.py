"""`paydown whatif` and `paydown backfill`: scores with another rubric, or of past days."""

from __future__ import annotations

import io
from collections.abc import Sequence
from contextlib import redirect_stdout
from datetime import date
from pathlib import Path

from orchestration.cli.command import console
from orchestration.cli.tables import say, show_table
from orchestration.rescore import COLUMNS, backfill_scores, what_if
from orchestration.settings import Settings


def show_what_if(
    settings: Settings,
    scoring: Path | None = None,
    months: int = 0,
    postmortems: Sequence[Path] = (),
) -> None:
    """Print who moves, by which factors, and which epics would open."""
    with redirect_stdout(io.StringIO()):
        result = what_if(settings, scoring, months, postmortems=postmortems)
    say(result.headline, "bold")
    if result.moves:
        show_table(COLUMNS, result.moves, right=("#", "was"))
    for line in (*result.factors, *result.months):
        say(line)


def backfill_days(settings: Settings, first: date, last: date) -> None:
    """Score the days again and report it."""
    with console.status("scoring"), redirect_stdout(io.StringIO()):
        backfill_scores(settings, first, last)
    say(f"scored {first} to {last}; the next run publishes it")
