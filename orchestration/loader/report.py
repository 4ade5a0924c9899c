"""What a load, or a replay, did, for the person who ran it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import pyarrow as pa

from orchestration.loader.quarantine import place
from orchestration.loader.raw import Unaccounted

SHOWN_PROBLEMS = 20


@dataclass(frozen=True)
class Problem:
    """One thing that did not get in. `line` is None where all of the file is meant."""

    file: str
    line: int | None
    field: str | None
    value: str | None
    reason: str

    def __str__(self) -> str:
        what = f" {self.field}={self.value!r}:" if self.field and self.value else ""
        return f"{place(self.file, self.line)}:{what} {self.reason}"


@dataclass
class LoadReport:
    """What one load did. Files and rows count per stream, so one file may count in several.

    `quarantined` holds the first of the problems, `rows_quarantined` counts them all.
    `unaccounted` is empty where every load's records are raw rows + quarantined rows.
    """

    files_loaded: int = 0
    files_unchanged: int = 0
    files_removed: int = 0
    rows_loaded: int = 0
    rows_quarantined: int = 0
    rejected: list[Problem] = field(default_factory=list)
    quarantined: list[Problem] = field(default_factory=list)
    rows_by_stream: dict[str, int] = field(default_factory=dict)
    unaccounted: list[Unaccounted] = field(default_factory=list)

    def reject(self, file: str, reason: str) -> None:
        """Report a file once, though several streams read it."""
        problem = Problem(file, None, None, None, reason)
        if problem not in self.rejected:
            self.rejected.append(problem)

    def show(self, problems: pa.Table) -> None:
        """Keep the first problems for people; the columns are those of `raw.QUARANTINE`."""
        more = problems.select(["file", "line", "field", "value", "reason"])
        more = more.slice(0, SHOWN_PROBLEMS - len(self.quarantined))
        self.quarantined += [Problem(**row) for row in more.to_pylist()]


@dataclass(frozen=True)
class Outcome:
    """What became of a record: `settled` was so before, `open` stays quarantined for the reason."""

    id: str
    place: str
    state: Literal["loaded", "settled", "open"]
    reason: str


@dataclass
class ReplayReport:
    """What one replay did; a record may be several rows."""

    outcomes: list[Outcome] = field(default_factory=list)
    rows_loaded: int = 0

    def count(self, state: str) -> int:
        return sum(outcome.state == state for outcome in self.outcomes)
