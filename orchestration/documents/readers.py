"""Files that people write, read into records: one JSON text per document.

Python reads them because they are prose with values in it (Markdown, YAML); bulk formats are
DuckDB's. What a document means is up to its contract and its staging model. A reader yields a
`Line` for every document, good or bad, and raises OSError only.
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
    record: Callable[[Path, Chunk], Any],
    cut: Callable[[str], Iterable[Chunk]] = lambda text: [Chunk(1, text)],
) -> Reader:
    """A reader that makes a record of each document; by default the file is one document.

    A document of which `record` raises DocumentError is one problem and costs no other.
    """

    def read(path: Path) -> Iterator[Line]:
        try:
            chunks = cut(read_text(path))
        except DocumentError as error:
            yield problem_line(error.problems, excerpt(path))
            return
        for chunk in chunks:
            try:
                text = json.dumps(record(path, chunk), ensure_ascii=False, allow_nan=False)
            except DocumentError as error:
                yield problem_line(error.problems, chunk.text)
            else:
                yield Line(chunk.first_line, text)

    return read


def model_reader(model: type[Strict]) -> Reader:
    """A reader of a YAML file that is checked by a pydantic model."""
    return reader(lambda path, chunk: parse_model(chunk.text, path.name, model).record())


def _front_matter(path: Path, chunk: Chunk) -> dict[str, Any]:
    """The front matter, and as `_file` the file's name, address and time of its last change."""
    changed_at = datetime.fromtimestamp(path.stat().st_mtime, UTC)
    return parse_mapping(split_front_matter(chunk.text)[0]).value | {
        "_file": {
            "name": path.name,
            "url": path.absolute().as_uri(),
            "changed_at": changed_at.isoformat(timespec="seconds"),
        }
    }


read_yaml = reader(lambda _, chunk: parse(chunk).value, split_documents)
read_front_matter = reader(_front_matter)
