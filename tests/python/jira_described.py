"""Requests held against Jira's own descriptions of its API (OpenAPI 3)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from functools import cache
from typing import Any

import jsonschema

from .flow_helpers import ROOT
from .loopback import Request

SPECS = ROOT.parent / "shared" / "specs"


@cache
def _description(name: str) -> dict[str, Any]:
    return json.loads((SPECS / name).read_text())


def undescribed(name: str, requests: Iterable[Request]) -> tuple[set[str], set[str]]:
    """What of the requests the description doesn't allow, and the operations that were seen."""
    faults, seen = set(), set()
    description = _description(name)
    for request in requests:
        template = _template(description["paths"], request)
        operation = description["paths"].get(template, {}).get(request.method.lower())
        if operation is None:
            faults.add(f"no {request.method} {request.path}")
            continue
        seen.add(f"{request.method} {template.split('/', 4)[4]}")
        allowed = {one["name"]: one for one in operation["parameters"] if one["in"] == "query"}
        for key, value in request.query:
            schema = allowed.get(key, {}).get("schema", {"enum": [None]})
            if schema.get("type") == "integer" and not value.lstrip("-").isdigit():
                faults.add(f"{template}: {key} is no integer")
            if "enum" in schema and value not in schema["enum"]:
                faults.add(f"{template}: {key} can't be {value!r}")
        if "requestBody" in operation:
            schema = operation["requestBody"]["content"]["application/json"]["schema"]
            root = {**schema, "components": description["components"]}
            errors = jsonschema.Draft202012Validator(root).iter_errors(request.body)
            faults |= {f"{template}: {error.json_path}: {error.message[:200]}" for error in errors}
    return faults, seen


def _template(paths: Iterable[str], request: Request) -> str:
    fitting = [
        path for path in paths if re.fullmatch(re.sub(r"\{[^}]+\}", "[^/]+", path), request.path)
    ]
    # `/issue/bulk` before `/issue/{issueIdOrKey}`.
    return min(fitting, key=lambda path: path.count("{"), default="")
