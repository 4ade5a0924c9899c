"""The files of `modernization/` that a run depends on, each as one record."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from orchestration.documents.models import parse_model
from orchestration.documents.problems import DocumentError, Line, problem_line
from orchestration.documents.text_files import excerpt, read_text
from orchestration.rubric import Capacity, Maturity, Scoring


def read_scoring(path: Path) -> Iterator[Line]:
    """The rubric with all its defaults, named by its hash."""
    return _read(path, Scoring)


def read_maturity(path: Path) -> Iterator[Line]:
    """The maturity levels and their criteria."""
    return _read(path, Maturity)


def read_capacity(path: Path) -> Iterator[Line]:
    """Rates and capacity per team."""
    return _read(path, Capacity)


def _read(path: Path, model: type[Scoring | Maturity | Capacity]) -> Iterator[Line]:
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
