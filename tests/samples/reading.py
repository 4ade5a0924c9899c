"""Reads the sample exports the plain way, for tests that must not depend on the loader."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import yaml

from .generator.files import decompressed

LANDING = Path(__file__).with_name("landing")
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
def entities(kind: str) -> dict[str, Json]:
    """Catalog entities of a kind by name."""
    files = sorted(LANDING.glob("backstage/**/catalog-info.yaml"))
    found = [one for path in files for one in yaml.safe_load_all(path.read_text(encoding="utf-8"))]
    return {one["metadata"]["name"]: one for one in found if one["kind"] == kind}
