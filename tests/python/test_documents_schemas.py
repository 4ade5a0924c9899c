"""The published JSON Schemas: current, and in agreement with what ships."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from orchestration.configuration import SCHEMAS, schemas, write_schemas
from orchestration.documents.text import Chunk, split_documents
from orchestration.documents.yaml_lines import parse

MODERNIZATION = SCHEMAS.parent
FULL = """\
incident: [servicenow:INC0012345, 4711]
services: payments-api
slos: [{type: latency, target: 99.9, burn_rate: 14.4}]
impact: {users_percent: 18, regulatory: [PCI]}
contributing_factors: [missing_tests, {factor: other, note: moon}]
fix_classes: [config_only]
commits: [payments@1a2b3c4, 1234567]
decision: {action: promote, epic: MOD-123, target_maturity: silver}
"""


def errors(name: str, text: str) -> list[str]:
    """What an editor would underline in the YAML text."""
    schema = json.loads((SCHEMAS / f"{name}.schema.json").read_text(encoding="utf-8"))
    Draft202012Validator.check_schema(schema)
    found = Draft202012Validator(schema).iter_errors(value(text))
    return [error.json_path for error in found]


def value(text: str) -> Any:
    return parse(Chunk(1, text)).value


@pytest.mark.parametrize("name", sorted(schemas()))
def test_schemas_are_current(name: str) -> None:
    published = (SCHEMAS / name).read_text(encoding="utf-8")
    assert published == schemas()[name], "run: python -m orchestration.configuration"


def test_nothing_else_is_published(tmp_path: Path) -> None:
    write_schemas(tmp_path / "new")
    written = {path.name for path in (tmp_path / "new").iterdir()}
    assert written == {path.name for path in SCHEMAS.iterdir()}


@pytest.mark.parametrize(
    "name", ["scoring", "maturity", "capacity", "calendar", "targets", "shared_fixes", "sources"]
)
def test_the_files_that_ship_agree_with_their_schema(name: str) -> None:
    assert errors(name, (MODERNIZATION / f"{name}.yaml").read_text(encoding="utf-8")) == []


def test_the_front_matter_template_agrees_with_its_schema() -> None:
    path = MODERNIZATION / "postmortems" / "TEMPLATE-front-matter.md"
    text = path.read_text(encoding="utf-8")
    first, *_ = split_documents(text)
    assert errors("postmortem", first.text) == []
    properties = json.loads(schemas()["postmortem.schema.json"])["properties"]
    assert set(value(first.text)) == set(properties)
    hint = text.split("$schema=")[1].split()[0]
    assert (path.parent / hint).resolve() == SCHEMAS / "postmortem.schema.json"


def test_a_full_front_matter_agrees_and_mistakes_do_not() -> None:
    assert errors("postmortem", FULL) == []
    assert errors("postmortem", "failure_mod: dns") == ["$"]
    assert errors("postmortem", "failure_mode: gremlins") == ["$.failure_mode"]
    assert errors("scoring", "weights: {slo_burn: x}\nbands: {}") != []
    assert errors("maturity", "levels: {platinum: [x]}") != []
    assert errors("capacity", "defaults: {day_rate_usd: 0}") != []
    assert errors("calendar", "defaults: {working_days: [someday]}") != []
