"""Requests held against Azure DevOps' own description of its interface."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from .loopback import Request

Json = dict[str, Any]


def undescribed(description: Path, requests: Iterable[Request]) -> Iterator[str]:
    """What of the requests the vendor's description (Swagger 2) doesn't allow.

    Project and team are optional in its paths, as its documentation says of each.
    """
    swagger = json.loads(description.read_text())
    paths = {**swagger["paths"], **swagger["x-ms-paths"]}
    for request in requests:
        if not re.search("/_apis/wit/", request.path):
            continue
        shape = re.sub(r"^/[^/]+(/[^/]+)?/_apis/", "/_apis/", request.path).lower()
        fitting = [
            methods[request.method.lower()]
            for path, methods in paths.items()
            if request.method.lower() in methods
            and re.fullmatch(
                re.sub(r"\\\{[^}]+\\\}", ".+" if "queries" in path else "[^/]+", re.escape(
                    re.sub(r"^(/\{\w+\})+/", "/", path.split("?")[0]).lower()
                )),
                shape,
            )
            and all(f"{n}=" in path for n in re.findall(r"[?&](\w+)=", path))
        ]  # fmt: skip
        faults = [list(_wrong(swagger, one, request)) for one in fitting]
        if not faults:
            yield f"no path {request.method} {request.path}"
        elif all(faults):
            yield from (f"{request.path}: {what}" for what in faults[0])


def _wrong(swagger: Json, operation: Json, request: Request) -> Iterator[str]:
    known = {}
    for one in operation["parameters"]:
        one = swagger["parameters"][one["$ref"].rsplit("/", 1)[1]] if "$ref" in one else one
        known[one["name"]] = one
    for name, value in request.query:
        one = known.get(name, {})
        if one.get("in") != "query":
            yield f"unknown {name}"
        elif "enum" in one and value not in one["enum"]:
            yield f"{name}={value}"
        elif one.get("type") == "integer" and not value.isdigit():
            yield f"{name}={value} is no integer"
    for name, one in known.items():
        if one["in"] == "query" and one.get("required") and not request.one(name):
            yield f"without {name}"
    if "consumes" in operation:
        if request.headers["content-type"] not in operation["consumes"]:
            yield f"sent as {request.headers['content-type']}"
        name = known["body"]["schema"]["$ref"].rsplit("/", 1)[1]
        is_list = name == "JsonPatchDocument"
        schema = swagger["definitions"]["JsonPatchOperation" if is_list else name]["properties"]
        for body in request.body if is_list else [request.body]:
            for key, value in body.items():
                if key not in schema:
                    yield f"unknown {key} in the body"
                elif "enum" in schema[key] and value not in schema[key]["enum"]:
                    yield f"{key}={value} in the body"
