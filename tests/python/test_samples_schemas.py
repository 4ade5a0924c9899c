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


@pytest.mark.parametrize(
    ("description", "pointer", "folder"),
    [
        ("pagerduty-rest.json", "#/components/schemas/Incident", "pagerduty/incidents"),
        # Against the base type: the vendor's AcknowledgeLogEntry names a type that it forbids.
        ("pagerduty-rest.json", "#/components/schemas/LogEntry", "pagerduty/log_entries"),
        ("opsgenie.json", "#/definitions/BaseIncident", "opsgenie/incidents"),
        ("opsgenie.json", "#/definitions/Alert", "opsgenie/alerts"),
    ],
)
def test_records(description: str, pointer: str, folder: str) -> None:
    """Each, or of log entries one of each kind, satisfies the vendor's definition."""
    document = lenient(json.loads((SPECS / description).read_text(encoding="utf-8")))
    validator = Draft4Validator({**document, "allOf": [{"$ref": pointer}]})
    is_log = folder == "pagerduty/log_entries"
    rows = {str([row["type"], *row]) if is_log else row["id"]: row for row in records(folder)}
    problems = [
        f"{row['id']}: {error.json_path} {error.message}"
        for row in rows.values()
        for error in validator.iter_errors(without_nulls(row))
    ]
    assert rows
    assert problems == []


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
