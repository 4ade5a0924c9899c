"""Backstage's catalog-info.yaml: entities, references, and one bad document among good ones."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from orchestration.documents.catalog import MAX_DOCUMENTS

from orchestration.documents import READERS, Line

# The article's component, to the letter.
ARTICLE = """\
apiVersion: backstage.io/v1alpha1
kind: Component
metadata:
  name: payments-api
  annotations:
    jira/project-key: MOD
    jira/labels: incident-modernization
    grafana/dashboard-url: https://grafana.company.com/d/abc123
spec:
  type: service
  owner: team-payments
  lifecycle: production
"""
GROUP = """\
apiVersion: backstage.io/v1alpha1
kind: Group
metadata: {name: team-payments, title: Payments}
spec:
  type: team
  profile: {email: payments@example.com}
  parent: engineering
  children: []
  members: [ana, user:eu/bob]
"""


def read(folder: Path, text: str) -> list[Line]:
    path = folder / "catalog-info.yaml"
    path.write_text(text, encoding="utf-8")
    return list(READERS["catalog"](path))


def record(folder: Path, text: str) -> dict[str, Any]:
    (line,) = read(folder, text)
    assert line.reason is None, line.reason
    return json.loads(line.text)


def component(metadata: str = "name: a", spec: str = "type: service") -> str:
    return f"kind: Component\nmetadata: {{{metadata}}}\nspec: {{{spec}}}\n"


def test_the_articles_component(tmp_path: Path) -> None:
    assert record(tmp_path, ARTICLE) == {
        "entity_ref": "component:default/payments-api",
        "kind": "component",
        "namespace": "default",
        "name": "payments-api",
        "title": None,
        "description": None,
        "type": "service",
        "lifecycle": "production",
        "owner": "group:default/team-payments",
        "system": None,
        "tags": [],
        "depends_on": [],
        "dependency_of": [],
        "provides_apis": [],
        "consumes_apis": [],
        "annotations": {
            "jira/project-key": "MOD",
            "jira/labels": "incident-modernization",
            "grafana/dashboard-url": "https://grafana.company.com/d/abc123",
        },
        "annotation_list": [
            {"key": "jira/project-key", "value": "MOD", "on": None},
            {"key": "jira/labels", "value": "incident-modernization", "on": None},
            {
                "key": "grafana/dashboard-url",
                "value": "https://grafana.company.com/d/abc123",
                "on": None,
            },
        ],
        "labels": {},
        "aliases": [],
        "maturity": None,
        "email": None,
        "parent": None,
        "members": [],
    }


def test_a_group(tmp_path: Path) -> None:
    found = record(tmp_path, GROUP)
    assert found["entity_ref"] == "group:default/team-payments"
    assert found["email"] == "payments@example.com"
    assert found["parent"] == "group:default/engineering"
    assert found["members"] == ["user:default/ana", "user:eu/bob"]


def test_references_get_kind_and_namespace(tmp_path: Path) -> None:
    spec = (
        "owner: user:Ana, system: Payments,"
        " dependsOn: [ledger, 'resource:db', 'API:eu/Fx', ledger], dependencyOf: [web],"
        " providesApis: [pay], consumesApis: [eu/fx]"
    )
    found = record(tmp_path, component("name: Pay, namespace: EU", spec))
    assert found["entity_ref"] == "component:eu/pay"
    assert found["name"] == "Pay"
    assert found["owner"] == "user:eu/ana"
    assert found["system"] == "system:eu/payments"
    assert found["depends_on"] == ["component:eu/ledger", "resource:eu/db", "api:eu/fx"]
    assert found["dependency_of"] == ["component:eu/web"]
    assert found["provides_apis"] == ["api:eu/pay"]
    assert found["consumes_apis"] == ["api:eu/fx"]


def test_what_is_left_out_is_null_or_empty(tmp_path: Path) -> None:
    found = record(tmp_path, "kind: System\nmetadata:\n  name: edge\nspec:\n")
    assert list(found) == list(record(tmp_path, ARTICLE))
    assert {key for key, value in found.items() if value not in (None, [], {})} == {
        "entity_ref",
        "kind",
        "namespace",
        "name",
    }


@pytest.mark.parametrize(
    ("value", "on"),
    [
        ("2026-05-01", "2026-05-01"),
        ("' 2026-05-01T09:00:00Z '", "2026-05-01"),
        ("2024-02-29", "2024-02-29"),
        ("2026-02-29", None),
        ("2026-5-1", None),
        ("2026-05-012", None),
        ("last May", None),
        ("20260501", None),
    ],
)
def test_an_annotation_that_is_a_date(tmp_path: Path, value: str, on: str | None) -> None:
    found = record(tmp_path, component(f"name: a, annotations: {{paydown/chaos-date: {value}}}"))
    assert [entry["on"] for entry in found["annotation_list"]] == [on]


def test_paydowns_annotations(tmp_path: Path) -> None:
    annotations = (
        "annotations: {paydown/aliases: 'gateway, edge-gateway,, gateway',"
        " paydown/maturity: Silver, paydown/revenue-per-hour-usd: 210000, flag: true}"
    )
    found = record(tmp_path, component(f"name: a, {annotations}"))
    assert found["aliases"] == ["gateway", "edge-gateway"]
    assert found["maturity"] == "silver"
    assert found["annotations"]["paydown/revenue-per-hour-usd"] == "210000"
    assert found["annotations"]["flag"] == "true"


def test_yaml_1_1_surprises_stay_text(tmp_path: Path) -> None:
    found = record(tmp_path, component("name: a, labels: {region: no, since: 2025-01-15, v: 1.10}"))
    assert found["labels"] == {"region": "no", "since": "2025-01-15", "v": "1.1"}


@pytest.mark.parametrize(
    ("bad", "line", "words"),
    [
        ("kind: Component\nmetadata: {name: 'open}\n", 16, "close the quote"),
        ("kind: Component\nmetadata: {name: a}\nspec:\n\towner: x\n", 18, "not tabs"),
        ("kind: Component\nmetadata: {name: a}\nkind: API\n", 17, "given twice"),
        ("x: &x [*x]\n", 15, "holds itself"),
        ("just prose\n", 15, "not a Backstage entity"),
    ],
)
def test_a_bad_document_costs_no_other(tmp_path: Path, bad: str, line: int, words: str) -> None:
    first, second, third = read(tmp_path, f"---\n{ARTICLE}---\n{bad}---\n{GROUP}")
    assert json.loads(first.text)["name"] == "payments-api"
    assert json.loads(third.text)["name"] == "team-payments"
    assert second.reason is not None
    assert words in second.reason
    assert second.line == line
    assert second.text == bad


def test_lines_of_good_documents(tmp_path: Path) -> None:
    lines = read(tmp_path, f"# ours\n\n{ARTICLE}---\n# group\n{GROUP}---\n")
    assert [line.line for line in lines] == [3, 17]


@pytest.mark.parametrize(
    ("text", "line", "field", "words"),
    [
        ("apiVersion: v1\nmetadata: {name: a}\n", 1, "document", "has no kind"),
        ("kind: Component\nmetadata: {title: a}\n", 2, "metadata.name", "is missing"),
        ("kind: Component\n", 1, "metadata.name", "is missing"),
        ("kind: Component\nmetadata: a\n", 2, "metadata", "not a mapping"),
        (component("name: ../../etc"), 2, "metadata.name", "such as payments-api"),
        (component("name: 'a b'"), 2, "metadata.name", "Backstage allows"),
        (component("name: [a]"), 2, "metadata.name", "not text"),
        (component("name: a, namespace: /x"), 2, "metadata.namespace", "Backstage allows"),
        (component(spec="owner: 'a:b:c'"), 3, "spec.owner", "[kind:][namespace/]name"),
        (component(spec="dependsOn: ledger"), 3, "spec.dependsOn", "not a list"),
        (component(spec="dependsOn:\n  [a,\n  ../b]"), 5, "spec.dependsOn.1", "not a reference"),
        (component(spec="dependsOn: [{a: b}]"), 3, "spec.dependsOn.0", "not text"),
        (component(spec="profile: x"), 3, "spec.profile", "not a mapping"),
        (component("name: a, tags: x"), 2, "metadata.tags", "not a list"),
        (component("name: a, annotations: [x]"), 2, "metadata.annotations", "not a mapping"),
        (component("name: a, labels: {x: [y]}"), 2, "metadata.labels.x", "not text"),
        (component("name: a, description: {$text: x}"), 2, "metadata.description", "not text"),
    ],
)
def test_a_problem_names_line_field_and_fix(
    tmp_path: Path, text: str, line: int, field: str, words: str
) -> None:
    (found,) = read(tmp_path, text)
    assert found.reason is not None
    assert (found.line, found.field) == (line, field)
    assert words in found.reason
    assert "fix: " in found.reason


@pytest.mark.parametrize(
    ("annotation", "words"),
    [
        ("paydown/aliases: 'a, ../b'", "separated by commas"),
        ("paydown/maturity: platinum", "bronze, silver, gold or none"),
        ("paydown/revenue-per-hour-usd: $5k", "digits only"),
    ],
)
def test_a_wrong_annotation_is_a_problem(tmp_path: Path, annotation: str, words: str) -> None:
    text = f"kind: Component\nmetadata:\n  name: a\n  annotations:\n    {annotation}\n"
    (found,) = read(tmp_path, text)
    assert (found.line, words in str(found.reason)) == (5, True)


def test_a_file_that_is_no_text_is_one_problem(tmp_path: Path) -> None:
    path = tmp_path / "catalog-info.yaml"
    path.write_bytes(b"kind: \xff")
    (line,) = READERS["catalog"](path)
    assert "not UTF-8" in str(line.reason)


def test_documents_without_end_are_one_problem(tmp_path: Path) -> None:
    (line,) = read(tmp_path, "---\na\n" * (MAX_DOCUMENTS + 1))
    assert "split it" in str(line.reason)


def test_an_empty_file_has_no_entities(tmp_path: Path) -> None:
    assert read(tmp_path, "# nothing yet\n---\n") == []
