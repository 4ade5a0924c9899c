"""What is wrong with a document, where, and what to do about it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

MAX_VALUE_CHARACTERS = 80
MAX_LISTED_PROBLEMS = 10
_CREDENTIALS = re.compile(r"://[^/@\s]+@")


@dataclass(frozen=True)
class Line:
    """One document of a file: a record, or what could not be read.

    Attributes:
        line: where the document begins, or its first problem stands, counted from 1.
        text: the record as JSON, or the document's original text.
        reason: None for a record; else why not, naming field, value and fix.
        field: the first problem's field.
        value: the first problem's value.
    """

    line: int
    text: str
    reason: str | None = None
    field: str | None = None
    value: str | None = None


@dataclass(frozen=True)
class Problem:
    """One fault of a document. `what` reads on from field and value; `fix` is an imperative."""

    line: int
    field: str
    value: str
    what: str
    fix: str

    def __str__(self) -> str:
        subject = ": ".join(part for part in (self.field, shorten(self.value)) if part)
        return f"{subject}: {self.what}; fix: {self.fix}" if subject else f"{self.what}; {self.fix}"


class DocumentError(Exception):
    """A document can't be read at all, or not in full."""

    def __init__(self, *problems: Problem) -> None:
        self.problems = problems
        super().__init__(" | ".join(f"line {p.line}: {p}" for p in problems))


class ConfigError(Exception):
    """A file that the run depends on is wrong; `str()` lists every problem as file:line."""

    def __init__(self, path: Path, problems: Sequence[Problem]) -> None:
        self.path = path
        self.problems = tuple(problems)
        super().__init__("\n".join(f"{path}:{problem.line}: {problem}" for problem in problems))


def shorten(value: str) -> str:
    """The value on one line, short enough for a message, without an address's credentials."""
    flat = _CREDENTIALS.sub("://***@", " ".join(value.split()))
    flat = "".join(c if c.isprintable() else "?" for c in flat)
    cut = MAX_VALUE_CHARACTERS
    return flat if len(flat) <= cut else f"{flat[: cut - 3]}..."


def problem_line(problems: Iterable[Problem], text: str) -> Line:
    """One line for the quarantine, however many problems the document has.

    A document that is quarantined counts once, so that documents read = records + problems.
    """
    ordered = sorted(problems, key=lambda problem: problem.line)
    first = ordered[0]
    reasons = [str(first), *(f"line {p.line}: {p}" for p in ordered[1:MAX_LISTED_PROBLEMS])]
    if len(ordered) > MAX_LISTED_PROBLEMS:
        reasons.append(f"and {len(ordered) - MAX_LISTED_PROBLEMS} more")
    return Line(
        line=first.line,
        text=text,
        reason=" | ".join(reasons),
        field=first.field or None,
        value=shorten(first.value) or None,
    )
