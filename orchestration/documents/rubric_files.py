"""The files of `modernization/` that a run depends on, each as one record."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from orchestration.documents.models import parse_model
from orchestration.documents.problems import DocumentError, Line, problem_line
from orchestration.documents.text_files import excerpt, read_text
from orchestration.rubric import Calendar, Capacity, Maturity, Scoring, SharedFixes, Targets

if TYPE_CHECKING:
    from orchestration.vendors.sources import Sources


def read_scoring(path: Path) -> Iterator[Line]:
    """The rubric with all its defaults, named by its hash."""
    return _read(path, Scoring)


def read_maturity(path: Path) -> Iterator[Line]:
    """The maturity levels and their criteria."""
    return _read(path, Maturity)


def read_capacity(path: Path) -> Iterator[Line]:
    """Rates and capacity per team."""
    return _read(path, Capacity)


def read_calendar(path: Path) -> Iterator[Line]:
    """Working hours and holidays per team, and the windows of reports."""
    return _read(path, Calendar)


def read_targets(path: Path) -> Iterator[Line]:
    """What the loop should have reached after its first days."""
    return _read(path, Targets)


def read_shared_fixes(path: Path) -> Iterator[Line]:
    """Changes that serve several services."""
    return _read(path, SharedFixes)


def read_sources(path: Path) -> Iterator[Line]:
    """Owner and freshness of every live source, with all defaults."""
    # Sources that read documents import this package, so it can't import them while it loads.
    from orchestration.vendors.sources import Sources

    return _read(path, Sources)


def _read(
    path: Path,
    model: type[Scoring | Maturity | Capacity | Calendar | Targets | SharedFixes | Sources],
) -> Iterator[Line]:
    try:
        text = read_text(path)
    except DocumentError as error:
        yield problem_line(error.problems, excerpt(path))
        return
    try:
        record = parse_model(text, path.name, model).record()
    except DocumentError as error:
        yield problem_line(error.problems, text)
        return
    yield Line(1, json.dumps(record, ensure_ascii=False, allow_nan=False))
