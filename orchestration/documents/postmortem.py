"""One postmortem file into one record, whichever of the two templates it follows."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic_core import PydanticCustomError

from orchestration.documents.bullets import read_bullets
from orchestration.documents.models import validate
from orchestration.documents.names import service_name
from orchestration.documents.postmortem_model import Postmortem
from orchestration.documents.problems import DocumentError, Line, Problem, problem_line
from orchestration.documents.text_files import Chunk, excerpt, read_text
from orchestration.documents.yaml_lines import Document, parse


def read_postmortem(path: Path) -> Iterator[Line]:
    """The file's record, or one problem line with everything that is wrong with it.

    Templates and README.md are not postmortems and yield nothing.
    """
    if path.name.upper().startswith("TEMPLATE") or path.name.upper() == "README.MD":
        return
    try:
        text = read_text(path)
    except DocumentError as error:
        yield problem_line(error.problems, excerpt(path))
        return
    try:
        yield Line(1, json.dumps(_record(path.stem, text), ensure_ascii=False, allow_nan=False))
    except DocumentError as error:
        yield problem_line(error.problems, text)


def _record(stem: str, text: str) -> dict[str, Any]:
    try:
        postmortem_id = service_name(stem)
    except PydanticCustomError as error:
        what, fix = "names the postmortem and holds characters it can't", "rename the file"
        raise DocumentError(Problem(1, "file", stem, what, fix)) from error
    if text.lstrip().split("\n", 1)[0].rstrip() == "---":
        return _from_front_matter(text).record(postmortem_id, "front_matter")
    return _from_bullets(text).record(postmortem_id, "bullets")


def _from_front_matter(text: str) -> Postmortem:
    lines = text.split("\n")
    start = next(number for number, line in enumerate(lines) if line.strip())
    for end in range(start + 1, len(lines)):
        if lines[end].rstrip() in ("---", "..."):
            # YAML's own markers are cut off, so the chunk begins on the line after the first.
            chunk = Chunk(start + 2, "\n".join(lines[start + 1 : end]) + "\n")
            document = parse(chunk)
            return validate(Document(document.value or {}, document.lines), Postmortem)
    what, fix = "the front matter is never closed", "put a line --- below it"
    raise DocumentError(Problem(start + 1, "document", "---", what, fix))


def _from_bullets(text: str) -> Postmortem:
    document, problems = read_bullets(text)
    try:
        postmortem = validate(document, Postmortem)
    except DocumentError as error:
        raise DocumentError(*problems, *error.problems) from None
    if problems:
        raise DocumentError(*problems)
    return postmortem
