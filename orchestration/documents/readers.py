"""Files that people write, read into records: one JSON text per document.

Python reads them because they are prose with values in it (Markdown, YAML); DuckDB reads bulk
formats. A document's meaning is up to its contract and staging model. A reader yields a `Line` for
every document, good or bad, and raises only OSError.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from orchestration.documents.models import parse_model
from orchestration.documents.problems import DocumentError, Line, problem_line
from orchestration.documents.strict import Strict
from orchestration.documents.text import (
    Chunk,
    excerpt,
    read_text,
    split_documents,
    split_front_matter,
)
from orchestration.documents.yaml_lines import parse, parse_mapping

Reader = Callable[[Path], Iterator[Line]]


def reader(
    records: Callable[[Path, Chunk], Iterable[tuple[int, Any]]],
    cut: Callable[[str], Iterable[Chunk]] = lambda text: [Chunk(1, text)],
) -> Reader:
    """A reader that makes records, each with its line, from a document; by default the complete
    file.

    A document for which `records` raises DocumentError is one problem and affects no other.
    """

    def read(path: Path) -> Iterator[Line]:
        try:
            chunks = cut(read_text(path))
        except DocumentError as error:
            yield problem_line(error.problems, excerpt(path))
            return
        for chunk in chunks:
            try:
                for line, record in records(path, chunk):
                    yield Line(line, json.dumps(record, ensure_ascii=False, allow_nan=False))
            except DocumentError as error:
                yield problem_line(error.problems, chunk.text)

    return read


def model_reader(model: type[Strict]) -> Reader:
    """A reader of a YAML file that is checked by a pydantic model."""
    return reader(lambda path, chunk: [(1, parse_model(chunk.text, path.name, model).record())])


def _documents(_: Path, chunk: Chunk) -> Iterable[tuple[int, Any]]:
    """The document, or the items of a `kind: List`, which are documents themselves."""
    document = parse(chunk)
    value = document.value
    items = value.get("items") if isinstance(value, dict) and value.get("kind") == "List" else None
    if not isinstance(items, list):
        return [(chunk.first_line, value)]
    return [(document.line_of(("items", place)), item) for place, item in enumerate(items)]


def _front_matter(path: Path, chunk: Chunk) -> Iterable[tuple[int, dict[str, Any]]]:
    """The front matter, and in `_file` the file's name, address and time of last change."""
    changed_at = datetime.fromtimestamp(path.stat().st_mtime, UTC)
    file = {
        "name": path.name,
        "url": path.absolute().as_uri(),
        "changed_at": changed_at.isoformat(timespec="seconds"),
    }
    header = parse_mapping(split_front_matter(chunk.text)[0])
    return [(chunk.first_line, header.value | {"_file": file})]


read_yaml = reader(_documents, split_documents)
read_front_matter = reader(_front_matter)
