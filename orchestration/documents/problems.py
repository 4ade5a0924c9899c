"""What is wrong with a document, where, and what to do about it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

MAX_VALUE_CHARACTERS = 80
# Named beside the first one.
MAX_MORE_PROBLEMS = 9
_CREDENTIALS = re.compile(r"://[^/@\s]+@")


@dataclass(frozen=True)
class Line:
    """One document of a file: a record, or what could not be read.

    `line` is where the document begins, or its first problem is, from 1. `text` is the record as
    JSON, or the document as written, with the reason and the bad field and value.
    """

    line: int
    text: str
    reason: str | None = None
    field: str | None = None
    value: str | None = None


@dataclass(frozen=True)
class Problem:
    """One problem of a document. `what` continues after field and value; `fix` is an imperative."""

    line: int
    field: str
    value: str
    what: str
    fix: str

    def __str__(self) -> str:
        subject = ": ".join(part for part in (self.field, shorten(self.value)) if part)
        return f"{subject}: {self.what}; fix: {self.fix}"


class DocumentError(Exception):
    """A document can't be read, or not in full."""

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
    """One line for the quarantine, so that documents read = records + quarantined documents."""
    first, *others = sorted(problems, key=lambda problem: problem.line)
    listed, more = others[:MAX_MORE_PROBLEMS], others[MAX_MORE_PROBLEMS:]
    reasons = [str(first), *(f"line {p.line}: {p}" for p in listed)]
    reasons += [f"and {len(more)} more"] if more else []
    value = shorten(first.value) or None
    return Line(first.line, text, " | ".join(reasons), first.field or None, value)
