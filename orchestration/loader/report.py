"""What a load did, for the people who ran it."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Problem:
    """One thing that was not loaded. `line` is None if the complete file is meant."""

    file: str
    line: int | None
    field: str | None
    value: str | None
    reason: str

    def __str__(self) -> str:
        what = f" {self.field}={self.value!r}:" if self.field and self.value else ""
        return f"{place(self.file, self.line)}:{what} {self.reason}"


def place(file: str, line: int | None) -> str:
    """`file:line`, or the file alone."""
    return file if line is None else f"{file}:{line}"


@dataclass
class LoadReport:
    """What one load did.

    `quarantined` has the first problems, `rows_quarantined` counts them all.
    `files_again` of those loaded had been before, by another contract; `files_kept` of these are
    gone and were read from their kept text.
    `notes` are remarks about files that were read.
    `has_records`: raw has a record of a tool, from this or an earlier load.
    `relations` counts streams that are views on what other tools bring.
    `unaccounted` is empty if every load's records are raw rows + quarantined rows.
    """

    files_loaded: int = 0
    files_unchanged: int = 0
    files_removed: int = 0
    files_again: int = 0
    files_kept: int = 0
    relations: int = 0
    rows_loaded: int = 0
    rows_quarantined: int = 0
    has_records: bool = False
    rejected: list[Problem] = field(default_factory=list)
    notes: list[Problem] = field(default_factory=list)
    quarantined: list[Problem] = field(default_factory=list)
    rows_by_stream: dict[str, int] = field(default_factory=dict)
    unaccounted: list[str] = field(default_factory=list)
