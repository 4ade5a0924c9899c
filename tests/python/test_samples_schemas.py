"""The sample exports validate against the vendors' own descriptions, where those are at hand.

The descriptions are too large and not ours to ship: a folder of them is named by
PAYDOWN_VENDOR_SPECS, or lies beside the checkout. Without it these tests are skipped.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft4Validator, Draft7Validator
from referencing import Registry
from referencing.jsonschema import DRAFT7

from ..samples.reading import entities, records

Json = dict[str, Any]
SPECS = Path(os.environ.get("PAYDOWN_VENDOR_SPECS", Path(__file__).parents[3] / "shared" / "specs"))

pytestmark = pytest.mark.skipif(
    not (SPECS / "pagerduty-rest.json").is_file(),
    reason=f"no vendor descriptions in {SPECS}; name their folder in PAYDOWN_VENDOR_SPECS",
)


def lenient(node: Any) -> Any:
    """OpenAPI as JSON Schema: the vendors' `oneOf` branches overlap, so one or more may match."""
    if isinstance(node, dict):
        return {"anyOf" if name == "oneOf" else name: lenient(part) for name, part in node.items()}
    return [lenient(part) for part in node] if isinstance(node, list) else node


def without_nulls(node: Any) -> Any:
    """A null says the same as an absent property, which OpenAPI expresses with `nullable`."""
    if isinstance(node, dict):
        return {name: without_nulls(part) for name, part in node.items() if part is not None}
    return [without_nulls(part) for part in node] if isinstance(node, list) else node


def assert_valid(description: str, pointer: str, rows: list[Json]) -> None:
    """Every row satisfies one definition of a vendor's document."""
    document = lenient(json.loads((SPECS / description).read_text(encoding="utf-8")))
    validator = Draft4Validator({**document, "allOf": [{"$ref": pointer}]})
    problems = [
        f"{row['id']}: {error.json_path} {error.message}"
        for row in rows
        for error in validator.iter_errors(without_nulls(row))
    ]
    assert rows
    assert not problems, "\n".join(problems[:10])


def test_pagerduty_incidents() -> None:
    rows = records("pagerduty/incidents")
    assert_valid("pagerduty-rest.json", "#/components/schemas/Incident", rows)


def test_pagerduty_log_entries() -> None:
    # Against the base type: the vendor's AcknowledgeLogEntry names a type that the base forbids.
    one_of_each = {
        json.dumps([row["type"], *sorted(row)]): row for row in records("pagerduty/log_entries")
    }
    assert len(one_of_each) >= 5
    assert_valid("pagerduty-rest.json", "#/components/schemas/LogEntry", list(one_of_each.values()))


def test_opsgenie_incidents() -> None:
    assert_valid("opsgenie.json", "#/definitions/BaseIncident", records("opsgenie/incidents"))


def test_opsgenie_alerts() -> None:
    assert_valid("opsgenie.json", "#/definitions/Alert", records("opsgenie/alerts"))


@pytest.mark.parametrize("kind", ["Component", "Group", "User", "System", "Resource"])
def test_backstage_entities(kind: str) -> None:
    schemas = [
        json.loads(path.read_text(encoding="utf-8")) for path in SPECS.glob("backstage/*.json")
    ]
    resources = [(one["$id"], DRAFT7.create_resource(one)) for one in schemas]
    registry: Registry = Registry().with_resources(resources)
    validator = Draft7Validator(registry.contents(f"{kind}V1alpha1"), registry=registry)
    found = {
        name: [error.message for error in validator.iter_errors(entity)]
        for name, entity in entities(kind).items()
    }
    problems = {name: messages for name, messages in found.items() if messages}
    unowned = {"event-bus": ["'owner' is a required property"]} if kind == "Component" else {}
    assert problems == unowned
