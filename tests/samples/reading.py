"""Reads the sample exports the plain way, for tests that must not depend on the loader."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import yaml

from .generator.files import decompressed

LANDING = Path(__file__).with_name("landing")
AS_OF = datetime(2026, 6, 26, 16, tzinfo=UTC)
Json = dict[str, Any]


def content(path: Path) -> bytes:
    """A file's bytes, decompressed."""
    return decompressed(path.name, path.read_bytes())


def lines(folder: str) -> Iterator[tuple[str, Json | None]]:
    """Every JSON record below a folder with the text it came from, None where that is no JSON."""
    for path in sorted((LANDING / folder).iterdir()):
        if path.suffix == ".parquet":
            yield from (("", row) for row in pq.read_table(path).to_pylist())
        elif ".ndjson" in path.name:
            for text in content(path).decode().splitlines():
                try:
                    yield text, json.loads(text)
                except ValueError:
                    yield text, None
        elif ".json" in path.name:
            document = json.loads(content(path))
            rows = document if isinstance(document, list) else next(iter(document.values()))
            yield from ((json.dumps(row), row) for row in rows)


@cache
def records(folder: str) -> list[Json]:
    """The readable records of a folder that have their key, in file order."""
    return [row for _, row in lines(folder) if row and ("id" in row or "sys_id" in row)]


@cache
def pagerduty() -> dict[str, Json]:
    """The newest version of each PagerDuty incident."""
    return {
        row["id"]: row
        for row in sorted(records("pagerduty/incidents"), key=lambda r: r["updated_at"])
    }


@cache
def entries() -> dict[str, list[Json]]:
    """PagerDuty log entries by incident, oldest first."""
    found: dict[str, list[Json]] = {}
    for row in sorted(records("pagerduty/log_entries"), key=lambda r: r["created_at"]):
        found.setdefault(row["incident"]["id"], []).append(row)
    return found


@cache
def event_log() -> tuple[list[Json], list[list[str]]]:
    """The rows of the CSV exports that fit their header, and those that don't."""
    good, bad = [], []
    for path in sorted((LANDING / "servicenow/incidents").glob("*.csv*")):
        header, *rows = csv.reader(io.StringIO(content(path).decode()))
        good += [dict(zip(header, row, strict=True)) for row in rows if len(row) == len(header)]
        bad += [row for row in rows if len(row) != len(header)]
    return good, bad


@cache
def entities(kind: str) -> dict[str, Json]:
    """Catalog entities of a kind by name."""
    files = sorted(LANDING.glob("backstage/**/catalog-info.yaml"))
    found = [one for path in files for one in yaml.safe_load_all(path.read_text(encoding="utf-8"))]
    return {one["metadata"]["name"]: one for one in found if one["kind"] == kind}


def services() -> dict[str, Json]:
    """Components that are services."""
    return {n: one for n, one in entities("Component").items() if one["spec"]["type"] == "service"}


def value(cell: Any) -> str:
    """A Table API cell, plain or with its display value."""
    return (cell["value"] if isinstance(cell, dict) else cell) or ""


def when(text: str) -> datetime:
    """An ISO time."""
    return datetime.fromisoformat(text)


def minutes(row: Json) -> float:
    """How long a PagerDuty incident took."""
    return (when(row["resolved_at"]) - when(row["created_at"])).total_seconds() / 60
