"""What is asked of PagerDuty is what its API describes."""

from __future__ import annotations

import json
import random
import re
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from .flow_helpers import ROOT
from .loopback import Request, serving
from .pagerduty_helpers import (
    account,
    fill,
    sync,
)

SPECS = ROOT.parent / "shared" / "specs" / "pagerduty-rest.json"


def test_requests_are_as_pagerduty_describes_them(tmp_path: Path) -> None:
    if not SPECS.exists():
        pytest.skip("PagerDuty's description is not at hand")
    vendor = account()
    fill(vendor, 30, random.Random(4))
    vendor.embeds = False
    with serving(vendor) as url:
        for mode in ("log_entries", "analytics"):
            sync(tmp_path / mode, url, changes=mode)
            vendor.clock += timedelta(hours=1)
            for one in sorted(vendor.incidents)[:4]:
                vendor.change(one, "acknowledged")
            vendor.clock += timedelta(hours=1)
            sync(tmp_path / mode, url, changes=mode)
    described = Described(json.loads(SPECS.read_text()))
    for request in vendor.requests:
        described.validate(request)
    assert described.seen == {
        "/incidents", "/incidents/{id}", "/incidents/{id}/log_entries", "/log_entries",
        "/analytics/raw/incidents", "/services", "/teams", "/users", "/priorities",
    }  # fmt: skip


class Described:
    """Requests held against an OpenAPI description."""

    def __init__(self, description: dict[str, Any]) -> None:
        self.paths = description["paths"]
        self.parameters = description["components"]["parameters"]
        self.seen: set[str] = set()

    def validate(self, request: Request) -> None:
        template = self._template(request.path)
        self.seen.add(template)
        operation = self.paths[template][request.method.lower()]
        known = {
            (one["in"], one["name"].lower()): one
            for one in map(self._resolved, operation["parameters"])
        }
        for name, value in request.query:
            assert ("query", name) in known, f"{template} takes no {name}"
            schema = known["query", name]["schema"]
            typed = {"integer": int, "boolean": json.loads}.get(schema["type"], str)(value)
            jsonschema.validate(typed, {k: schema[k] for k in ("type", "enum") if k in schema})
            if schema.get("format") == "date-time":
                assert datetime.fromisoformat(value).tzinfo
        for (place, name), one in known.items():
            if one.get("required") and place == "header":
                assert request.headers[name] == one["schema"]["default"]
            elif one.get("required") and place == "query":
                assert name in dict(request.query)
        if "requestBody" in operation:
            schema = operation["requestBody"]["content"]["application/json"]["schema"]
            assert request.body.keys() <= schema["properties"].keys()
            filters = schema["properties"]["filters"]["properties"]
            assert request.body["filters"].keys() <= filters.keys()
            for name, value in request.body.items():
                wanted = schema["properties"][name]
                kept = {k: wanted[k] for k in ("type", "enum", "maximum") if k in wanted}
                jsonschema.validate(value, kept)

    def _template(self, path: str) -> str:
        if path in self.paths:
            return path
        return re.sub(r"^/incidents/\w+", "/incidents/{id}", path)

    def _resolved(self, parameter: dict[str, Any]) -> dict[str, Any]:
        if "$ref" in parameter:
            return self.parameters[parameter["$ref"].rsplit("/", 1)[-1]]
        return parameter
