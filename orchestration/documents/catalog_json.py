"""Entities as Backstage's API gives them, in a file: one a line, or one JSON document.

`.ndjson` (also `.gz`) holds one entity a line, `.json` an array of them, an answer of the API with
its `items`, or one entity.
"""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, cast

from orchestration.documents.problems import Line, Problem, problem_line
from orchestration.documents.text_files import EXCERPT_BYTES, NOT_TEXT

JSON_ENDINGS = (".json", ".ndjson", ".ndjson.gz")
MAX_ENTITY_BYTES = 5_000_000
MAX_DOCUMENT_BYTES = 64 * 1024 * 1024

# Place in the file, counted from 1, the text there, and what it says.
Found = tuple[int, str, Any]


def read_json(path: Path) -> Iterator[Found | Line]:
    """Every entity of the file, or what is wrong with it.

    Raises:
        OSError: the file can't be read, or its archive is broken.
    """
    with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
        plain = cast("BinaryIO", file)
        try:
            yield from _lines(plain) if ".ndjson" in path.suffixes[-2:] else _elements(plain)
        except (EOFError, zlib.error) as error:
            raise OSError(f"the archive is broken: {error}") from error


def _lines(file: BinaryIO) -> Iterator[Found | Line]:
    number = 0
    while raw := file.readline(MAX_ENTITY_BYTES + 1):
        number += 1
        if len(raw) > MAX_ENTITY_BYTES:
            what = f"is longer than {MAX_ENTITY_BYTES:,} bytes"
            yield _problem(number, _text(raw[:EXCERPT_BYTES]), what, "shorten the entity")
            while raw and not raw.endswith(b"\n"):
                raw = file.readline(MAX_ENTITY_BYTES)
        elif raw.strip():
            text = _text(raw)
            try:
                yield _checked(number, text, _value(text))
            except ValueError as error:
                yield _problem(number, text, str(error), "correct the line, or export it again")


def _elements(file: BinaryIO) -> Iterator[Found | Line]:
    raw = file.read(MAX_DOCUMENT_BYTES + 1)
    try:
        if len(raw) > MAX_DOCUMENT_BYTES:
            raise ValueError(f"is more than {MAX_DOCUMENT_BYTES >> 20} MB")
        value = _value(_text(raw))
    except ValueError as error:
        fix = "export it again, or write one entity a line into a .ndjson file"
        yield _problem(1, _text(raw[:EXCERPT_BYTES]), str(error), fix)
        return
    if isinstance(value, dict) and isinstance(value.get("items"), list):
        value = value["items"]
    for place, entity in enumerate(value if isinstance(value, list) else [value], start=1):
        yield _checked(place, json.dumps(entity), entity)


def _value(text: str) -> Any:
    try:
        return json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError):
        raise ValueError("is not JSON") from None


def _refuse(name: str) -> Any:
    raise ValueError(name)


def _checked(place: int, text: str, value: Any) -> Found | Line:
    for word in _words(value):
        if bad := NOT_TEXT.search(word):
            what = f"holds the control character U+{ord(bad.group()):04X}"
            return _problem(place, text, what, "remove it in the catalog")
    return place, text, value


def _words(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, (dict, list)):
        for entry in value.items() if isinstance(value, dict) else value:
            yield from _words(list(entry) if isinstance(entry, tuple) else entry)


def _text(raw: bytes) -> str:
    text = raw.decode("utf-8-sig", errors="replace").rstrip("\r\n")
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}")


def _problem(place: int, text: str, what: str, fix: str) -> Line:
    return problem_line([Problem(place, "document", "", what, fix)], text)
