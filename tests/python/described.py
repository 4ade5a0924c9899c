"""Requests held against the vendors' own descriptions of their interfaces, where they are at hand.

Jira's are OpenAPI 3, Azure DevOps' is Swagger 2.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any

import jsonschema

from .flow_helpers import ROOT
from .loopback import Request

SPECS = ROOT.parent / "shared" / "specs"
Json = dict[str, Any]


@cache
def _description(name: str) -> Json:
    return json.loads((SPECS / name).read_text())


def jira_errors(is_cloud: bool, requests: Iterable[Request]) -> tuple[set[str], set[str]]:
    """What of the requests the description doesn't allow, and the operations that were seen."""
    errors, seen = set(), set()
    description = _description("jira-v3.json" if is_cloud else "jira-v2.json")
    for request in requests:
        template = _template(description["paths"], request)
        operation = description["paths"].get(template, {}).get(request.method.lower())
        if operation is None:
            errors.add(f"no {request.method} {request.path}")
            continue
        seen.add(f"{request.method} {template.split('/', 4)[4]}")
        allowed = {one["name"]: one for one in operation["parameters"] if one["in"] == "query"}
        for key, value in request.query:
            schema = allowed.get(key, {}).get("schema", {"enum": [None]})
            if schema.get("type") == "integer" and not value.lstrip("-").isdigit():
                errors.add(f"{template}: {key} is no integer")
            if "enum" in schema and value not in schema["enum"]:
                errors.add(f"{template}: {key} can't be {value!r}")
        if "requestBody" in operation:
            schema = operation["requestBody"]["content"]["application/json"]["schema"]
            root = {**schema, "components": description["components"]}
            found = jsonschema.Draft202012Validator(root).iter_errors(request.body)
            errors |= {f"{template}: {error.json_path}: {error.message[:200]}" for error in found}
    return errors, seen


def _template(paths: Iterable[str], request: Request) -> str:
    fitting = [
        path for path in paths if re.fullmatch(re.sub(r"\{[^}]+\}", "[^/]+", path), request.path)
    ]
    # `/issue/bulk` before `/issue/{issueIdOrKey}`.
    return min(fitting, key=lambda path: path.count("{"), default="")


def azure_devops_errors(requests: Iterable[Request]) -> Iterator[str]:
    """What of the requests the description doesn't allow.

    Project and team are optional in its paths, as its documentation says of each.
    """
    swagger = _description("azure-devops-wit-7.1.json")
    paths = {**swagger["paths"], **swagger["x-ms-paths"]}
    for request in requests:
        if not re.search("/_apis/wit/", request.path):
            continue
        shape = re.sub(r"^/[^/]+(/[^/]+)?/_apis/", "/_apis/", request.path).lower()
        fitting = [
            methods[request.method.lower()]
            for path, methods in paths.items()
            if request.method.lower() in methods
            and re.fullmatch(re.sub(r"\\\{[^}]+\\\}", "[^/]+", _bare(path)), shape)
            and all(f"{n}=" in path for n in re.findall(r"[?&](\w+)=", path))
        ]
        errors = [list(_wrong(swagger, one, request)) for one in fitting]
        if not errors:
            yield f"no path {request.method} {request.path}"
        elif all(errors):
            yield from (f"{request.path}: {what}" for what in errors[0])


def _bare(path: str) -> str:
    return re.escape(re.sub(r"^(/\{\w+\})+/", "/", path.split("?")[0]).lower())


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
