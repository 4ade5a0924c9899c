"""What is asked of a vendor is what the vendor's own description of its API allows."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from orchestration.landing import open_landing
from orchestration.vendors.base import Context, SourceConfig
from orchestration.vendors.opsgenie import OpsgenieConfig, api
from orchestration.vendors.pagerduty import PagerDutyConfig
from orchestration.vendors.prometheus import PrometheusConfig
from orchestration.vendors.prometheus_queries import Query

from .flow_helpers import ROOT
from .loopback import IMPATIENT, Request, Vendor, serving
from .pagerduty_helpers import account, fill
from .vendor_opsgenie import KEY, OpsgenieVendor
from .vendor_pagerduty import START, TOKEN
from .vendor_prometheus import FakePrometheus, Series

SPECS = ROOT.parent / "shared" / "specs"
SECRETS = {"PAGERDUTY_TOKEN": TOKEN, "OPSGENIE_API_KEY": KEY}
# In Opsgenie's documentation, and not in its machine-readable description.
DOCUMENTED = r"/v1/services|/v2/incident-timelines/[^/]+/entries"


class Description:
    """Requests held against an OpenAPI or Swagger description."""

    def __init__(self, path: Path) -> None:
        self.document = yaml.load(path.read_text(), yaml.CSafeLoader)

    def problems(self, request: Request, path: str) -> Iterator[str]:
        """What the description doesn't allow."""
        templates = [
            one
            for one in self.document["paths"]
            if re.fullmatch(re.sub(r"\{[^}]+\}", "[^/]+", one.rstrip("/")), path)
        ]
        if not templates:
            yield f"no path {path}"
            return
        item = self.document["paths"][min(templates, key=lambda one: one.count("{"))]
        operation = item[request.method.lower()]
        known = [self._resolved(one) for one in operation.get("parameters", ())]
        queried = {one["name"]: one for one in known if one["in"] == "query"}
        for name, value in request.query:
            if name not in queried:
                yield f"{path}: unknown {name}"
            elif not _fits(value, queried[name].get("schema", queried[name])):
                yield f"{path}: {name}={value}"
        for one in known:
            given = dict(request.query) if one["in"] == "query" else request.headers
            name = one["name"] if one["in"] == "query" else one["name"].lower()
            if one.get("required") and one["in"] in ("query", "header") and name not in given:
                yield f"{path}: without {name}"
        if "requestBody" in operation:
            schema = operation["requestBody"]["content"]["application/json"]["schema"]
            yield from _unknown(request.body, schema, path)

    def _resolved(self, parameter: dict[str, Any]) -> dict[str, Any]:
        found = self.document
        for part in parameter.get("$ref", "").split("/")[1:]:
            found = found[part]
        return found if "$ref" in parameter else parameter


def _unknown(body: dict[str, Any], schema: dict[str, Any], where: str) -> Iterator[str]:
    for name, value in body.items():
        known = schema["properties"].get(name)
        if known is None:
            yield f"{where}: unknown {name}"
        elif isinstance(value, dict):
            yield from _unknown(value, known, where)
        elif not _fits(str(value), known):
            yield f"{where}: {name}={value}"


def _fits(value: str, schema: dict[str, Any]) -> bool:
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


def pagerduty(mode: str) -> tuple[Vendor, Any, Any]:
    vendor = account()
    fill(vendor, 30, random.Random(4))
    vendor.embeds = False

    def changes() -> None:
        vendor.clock += timedelta(hours=1)
        for one in sorted(vendor.incidents)[:4]:
            vendor.change(one, "acknowledged")
        vendor.clock += timedelta(hours=1)

    return (
        vendor,
        lambda url: PagerDutyConfig.model_validate(
            {"url": url, "since": date(2026, 3, 1), "changes": mode}
        ),
        changes,
    )


def opsgenie() -> tuple[Vendor, Any, Any]:
    vendor = OpsgenieVendor(20, 20)
    vendor.logs[sorted(vendor.alerts)[4]] *= 30

    def changes() -> None:
        vendor.tick(hours=25)
        vendor.delete("alerts", sorted(vendor.alerts)[3])

    return (
        vendor,
        lambda url: OpsgenieConfig(url=url, since=date(2026, 5, 1), alert_logs="all"),
        changes,
    )


def prometheus() -> tuple[Vendor, Any, Any]:
    now = int(START.timestamp())
    vendor = FakePrometheus(now)
    points = dict.fromkeys(range(now - 864_000, now, 300), "0.5")
    vendor.held["errors"] = [Series({"service": "a"}, points)]
    vendor.held["objectives"] = [Series({"service": "a"}, {now: "0.999"})]
    queries = (
        Query(name="errors", query="errors", kind="error_ratio", window="5m"),
        Query(name="objectives", query="objectives", kind="objective"),
    )
    since = (START - timedelta(days=9)).date()
    return vendor, lambda url: PrometheusConfig(url=url, queries=queries, since=since), lambda: None


@pytest.mark.parametrize(
    ("source", "spec", "prefix", "made"),
    [
        ("pagerduty", "pagerduty-rest.json", "", lambda: pagerduty("log_entries")),
        ("pagerduty", "pagerduty-rest.json", "", lambda: pagerduty("analytics")),
        ("opsgenie", "opsgenie.json", "", opsgenie),
        ("prometheus", "prometheus-openapi-3.1.yaml", "/api/v1", prometheus),
    ],
)
def test_requests_are_as_the_vendor_describes_them(
    tmp_path: Path,
    source: str,
    spec: str,
    prefix: str,
    made: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if not (SPECS / spec).exists():
        pytest.skip("the vendor's description is not at hand")
    monkeypatch.setattr(api, "PAGE", 7)
    vendor, config, changes = made()
    with serving(vendor) as url:
        settings: SourceConfig = config(url)
        for _ in range(2):
            extractor = settings.extractor(Context(environment=SECRETS, patience=IMPATIENT))
            extractor.check()
            with open_landing(tmp_path, tmp_path / "state", source, vendor.now()) as landing:
                extractor.sync(landing)
            changes()
    description = Description(SPECS / spec)
    asked = {json.dumps([one.path, one.query, one.body]): one for one in vendor.requests}
    assert len(asked) > 3
    assert {
        problem
        for one in asked.values()
        if not re.fullmatch(DOCUMENTED, one.path)
        for problem in description.problems(one, one.path.removeprefix(prefix))
    } == set()
