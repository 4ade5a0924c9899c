"""Requests held against the vendors' own descriptions of their interfaces, where they are at hand.

Azure DevOps' is Swagger 2, the others are OpenAPI 3 or are read as if they were.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import yaml

from .flow_helpers import ROOT
from .loopback import Request

SPECS = Path(os.environ.get("PAYDOWN_VENDOR_SPECS", ROOT.parent / "shared" / "specs"))
Json = dict[str, Any]


@cache
def _description(name: str) -> Json:
    text = (SPECS / name).read_text()
    return json.loads(text) if name.endswith(".json") else yaml.load(text, yaml.CSafeLoader)


def problems(name: str, requests: Iterable[Request], prefix: str = "") -> set[str]:
    """What of the requests, whose paths begin with the prefix, a description doesn't allow."""
    description = _description(name)
    # Many requests are alike.
    different = {json.dumps([one.method, one.path, one.query, one.body]): one for one in requests}
    return {
        f"{request.method} {request.path}: {problem}"
        for request in different.values()
        for problem in _problems(description, request, request.path.removeprefix(prefix))
    }


def _problems(description: Json, request: Request, path: str) -> Iterator[str]:
    fitting = [
        one
        for one in description["paths"]
        if re.fullmatch(re.sub(r"\{[^}]+\}", "[^/]+", one.rstrip("/")), path)
    ]
    # `/issue/bulk` before `/issue/{issueIdOrKey}`.
    template = min(fitting, key=lambda one: one.count("{"), default="")
    operation = description["paths"].get(template, {}).get(request.method.lower())
    if operation is None:
        yield "no such path"
        return
    known = [_resolved(description, one) for one in operation.get("parameters", ())]
    yield from _wrong_parameters(known, request)
    if "requestBody" in operation:
        schema = operation["requestBody"]["content"]["application/json"]["schema"]
        root = {**schema, "components": description["components"]}
        for error in jsonschema.Draft202012Validator(root).iter_errors(request.body):
            yield f"{error.json_path}: {error.message[:200]}"


def _wrong_parameters(known: Iterable[Json], request: Request) -> Iterator[str]:
    queried = {one["name"]: one for one in known if one["in"] == "query"}
    for name, value in request.query:
        if name not in queried:
            yield f"unknown {name}"
        elif not _fits(value, queried[name].get("schema", queried[name])):
            yield f"{name}={value}"
    given: Mapping[str, Mapping[str, str]] = {
        "query": dict(request.query),
        "header": request.headers,
    }
    for one in known:
        name = one.get("name", "").lower() if one["in"] == "header" else one.get("name")
        if one.get("required") and name not in given.get(one["in"], {name: ""}):
            yield f"without {name}"


def _resolved(description: Json, parameter: Json) -> Json:
    found: Any = description
    for part in parameter.get("$ref", "").split("/")[1:]:
        found = found[part]
    return found if "$ref" in parameter else parameter


def _fits(value: str, schema: Json) -> bool:
    if "oneOf" in schema:
        return any(_fits(value, one) for one in schema["oneOf"])
    if "enum" in schema and value not in map(str, schema["enum"]):
        return False
    if schema.get("format") == "date-time":
        return bool(re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:]+(Z|[+-]\d\d:\d\d)", value))
    if schema.get("type") in ("integer", "number"):
        number = re.fullmatch(r"-?\d+(\.\d+)?", value)
        low, high = schema.get("minimum", float("-inf")), schema.get("maximum", float("inf"))
        return bool(number) and low <= float(value) <= high
    return schema.get("type") != "boolean" or value in ("true", "false")


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
    known = [_resolved(swagger, one) for one in operation["parameters"]]
    yield from _wrong_parameters(known, request)
    if "consumes" not in operation:
        return
    if request.headers["content-type"] not in operation["consumes"]:
        yield f"sent as {request.headers['content-type']}"
    (body,) = [one for one in known if one["name"] == "body"]
    name = body["schema"]["$ref"].rsplit("/", 1)[1]
    is_list = name == "JsonPatchDocument"
    schema = swagger["definitions"]["JsonPatchOperation" if is_list else name]["properties"]
    for one in request.body if is_list else [request.body]:
        for key, value in one.items():
            if key not in schema:
                yield f"unknown {key} in the body"
            elif "enum" in schema[key] and value not in schema[key]["enum"]:
                yield f"{key}={value} in the body"
