"""The epics of the local tracker: a Markdown file each, with front matter that people edit."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from orchestration.documents.problems import DocumentError, Line, Problem, problem_line
from orchestration.documents.text_files import Chunk, excerpt, read_text
from orchestration.documents.yaml_lines import parse

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


def read_epic(path: Path) -> Iterator[Line]:
    """The front matter as a record, with the file's name, address and time of its last change.

    Whoever closes an epic often leaves out when: then it was when the file changed. A bare day
    means its end, as it does to the tracker.
    """
    try:
        text = read_text(path)
    except DocumentError as error:
        yield problem_line(error.problems, excerpt(path))
        return
    try:
        record = _front_matter(text)
    except DocumentError as error:
        yield problem_line(error.problems, text)
        return
    changed_at = datetime.fromtimestamp(path.stat().st_mtime, UTC)
    record |= {
        "file": path.name,
        "url": path.absolute().as_uri(),
        "changed_at": changed_at.isoformat(timespec="seconds"),
    }
    closed_at = record.get("closed_at")
    if isinstance(closed_at, str) and _DAY.fullmatch(closed_at.strip()):
        record["closed_at"] = f"{closed_at.strip()}T23:59:59Z"
    yield Line(1, json.dumps(record, ensure_ascii=False, allow_nan=False))


def _front_matter(text: str) -> dict[str, Any]:
    lines = text.split("\n")
    if lines[0].rstrip() != "---":
        what, fix = "the file does not begin with front matter", "put `---` on its first line"
        raise DocumentError(Problem(1, "document", lines[0], what, fix))
    for end in range(1, len(lines)):
        if lines[end].rstrip() == "---":
            value = parse(Chunk(2, "\n".join(lines[1:end]) + "\n")).value
            if isinstance(value, dict):
                return {str(name): one for name, one in value.items()}
            what, fix = "the front matter is no list of `name: value`", "write it as one"
            raise DocumentError(Problem(2, "document", lines[1], what, fix))
    what, fix = "the front matter is never closed", "put a line --- below it"
    raise DocumentError(Problem(1, "document", "---", what, fix))
