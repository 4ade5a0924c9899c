"""A postmortem read from text, as the tests of both templates ask for it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from orchestration.documents import READERS, Line

HEAD = "# Postmortem: servicenow:INC0012345\n- Services: payments-api\n"


def read(folder: Path, text: str, name: str = "INC0012345.md") -> Line:
    """The one line that the reader makes of the text."""
    path = folder / name
    path.write_text(text, encoding="utf-8")
    (line,) = READERS["postmortem"](path)
    assert line.reason is None or "fix: " in line.reason
    return line


def record(folder: Path, text: str) -> dict[str, Any]:
    """The record of a text that is right."""
    line = read(folder, text)
    assert line.reason is None, line.reason
    return json.loads(line.text)


def stated(folder: Path, text: str) -> dict[str, Any]:
    """What of the record is known, without its id and template."""
    found = record(folder, text)
    assert found.pop("postmortem_id") == "INC0012345"
    assert found.pop("template") in ("bullets", "front_matter")
    return {key: value for key, value in found.items() if value not in (None, [])}


def at(found: Any, place: str) -> Any:
    """The value at a place such as `slos.0.target`."""
    for key in place.split("."):
        found = found[int(key) if key.isdigit() else key]
    return found
