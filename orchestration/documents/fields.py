"""Values of one YAML or JSON document, read one by one; what is wrong with them is collected."""

from __future__ import annotations

import json
from typing import Any

from orchestration.documents.problems import Problem
from orchestration.documents.yaml_lines import Document, Location


class Reading:
    """One document. Reading never fails: problems are collected and the value is None."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.problems: list[Problem] = []

    def problem(self, at: Location, value: Any, what: str, fix: str) -> None:
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        field = ".".join(map(str, at)) or "document"
        # A whole list or mapping is in the record's text anyway.
        shown = "" if value is None or isinstance(value, (dict, list)) else text
        self.problems.append(Problem(self.document.line_of(at), field, shown, what, fix))

    def at(self, *place: str) -> Any:
        """The value at the place; None where the way there ends."""
        value = self.document.value
        for depth, key in enumerate(place):
            if value is None:
                return None
            if not isinstance(value, dict):
                fix = "write `key: value` lines, indented below it"
                self.problem(place[:depth], value, "is not a mapping", fix)
                return None
            value = value.get(key)
        return value
