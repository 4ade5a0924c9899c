"""Documents that people write, read into records: one JSON text per document.

Python reads them because they are prose for people with values in it (Markdown, YAML); bulk formats
are DuckDB's. A reader yields a `Line` for every document, good or bad, and raises OSError only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from orchestration.documents.catalog import read_catalog
from orchestration.documents.epic import read_epic
from orchestration.documents.models import load_model
from orchestration.documents.postmortem import read_postmortem
from orchestration.documents.problems import ConfigError, Line, Problem
from orchestration.documents.rubric_files import (
    read_calendar,
    read_capacity,
    read_maturity,
    read_scoring,
    read_shared_fixes,
    read_sources,
    read_targets,
)
from orchestration.documents.slo import read_slo

# Name in a source's contract (`meta.reader`) -> reader.
READERS: dict[str, Callable[[Path], Iterator[Line]]] = {
    "postmortem": read_postmortem,
    "catalog": read_catalog,
    "scoring": read_scoring,
    "maturity": read_maturity,
    "capacity": read_capacity,
    "calendar": read_calendar,
    "targets": read_targets,
    "shared_fixes": read_shared_fixes,
    "sources": read_sources,
    "slo": read_slo,
    "epic": read_epic,
}

__all__ = ["READERS", "ConfigError", "Line", "Problem", "load_model"]
