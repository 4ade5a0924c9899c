"""The catalog's contract and staging: every form gives the same rows, a bad one costs no other."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from orchestration.configuration import READERS
from orchestration.documents.text import Chunk
from orchestration.documents.yaml_lines import parse

from .dbt_in_process import Dbt
from .loader_helpers import Json, Landing, project_streams

STREAMS = [one for one in project_streams() if one["source_name"] in ("backstage", "paydown")]
YAML = """\
apiVersion: backstage.io/v1alpha1
kind: Component
metadata:
  name: pay
  labels: {app.kubernetes.io/name: pay-api, app.kubernetes.io/instance: pay-eu}
  annotations:
    backstage.io/kubernetes-id: pay-pods
    backstage.io/kubernetes-label-selector:
      tier=web, app.kubernetes.io/instance = pay-us,app==pay-app
    pagerduty.com/service-id: P1
    paydown/aliases: billing, pay-old,, billing
    paydown/maturity: Silver
    paydown/revenue-per-hour-usd: 210000
    paydown/chaos-date: 2026-05-01
    flag: true
  tags: [java]
spec:
  type: service
  owner: team-pay
  system: money
  dependsOn: [ledger, "resource:db"]
  providesApis: [pay]
  consumesApis: [fx]
"""
RELATIONS = {
    "ownedBy": ["group:default/team-pay", "user:default/second"],
    "partOf": ["domain:default/not-this", "system:default/money"],
    "dependsOn": ["component:default/ledger", "resource:default/db"],
    "providesApi": ["api:default/pay"],
    "consumesApi": ["api:default/fx"],
    "hasPart": ["component:default/not-this"],
}


@pytest.fixture
def landing(tmp_path: Path) -> Landing:
    return Landing(tmp_path)


def by_api(text: str, *, only_relations: bool) -> Json:
    """The entity of the YAML text as the API gives it; what it relates to is told by relations."""
    found = parse(Chunk(1, text)).value
    if only_relations:
        found["spec"] = {"type": "service"}
    found["relations"] = [
        {"type": kind, "targetRef": target}
        for kind, targets in RELATIONS.items()
        for target in targets
    ]
    return found


def contents() -> dict[str, bytes]:
    """File -> what is in it: one catalog in each form that it can have."""
    api = by_api(YAML, only_relations=False)
    related = by_api(YAML, only_relations=True)
    return {
        "yaml/catalog-info.yaml": YAML.encode(),
        "array/all.json": json.dumps([api], indent=2).encode(),
        "answer/all.json": json.dumps({"items": [api], "totalItems": 1}).encode(),
        "lines/all.ndjson": f"\n{json.dumps(api)}\n".encode(),
        "relations/all.ndjson": json.dumps(related).encode(),
    }


@pytest.mark.parametrize("form", contents())
def test_every_form_of_the_catalog_gives_the_same_services(
    landing: Landing, dbt: Dbt, form: str
) -> None:
    landing.write(f"backstage/{form}" + ".gz" * form.endswith("ndjson"), contents()[form])
    report = landing.load(*STREAMS, readers=READERS)
    assert (report.rejected, report.rows_quarantined) == ([], 0)
    models = ["stg_backstage__aliases", "stg_backstage__annotations", "int_services__entities"]
    dbt(
        "run", "--select", "+int_services__entities", "stg_backstage__*", inline=False,
        warehouse=landing.warehouse,
    )  # fmt: skip
    aliases, annotations, entities = (_rows(landing, model) for model in models)
    assert aliases == [
        {"entity_ref": "component:default/pay", "entity_alias": "billing"},
        {"entity_ref": "component:default/pay", "entity_alias": "pay-old"},
    ]
    stated = {row["annotation"]: row["annotation_value"] for row in annotations}
    assert (stated["paydown/revenue-per-hour-usd"], stated["flag"]) == ("210000", "true")
    dates = [str(row["annotation_date"]) for row in annotations if row["annotation_date"]]
    assert dates == ["2026-05-01"]
    (found,) = entities
    assert {name: value for name, value in found.items() if value} == {
        "entity_ref": "component:default/pay",
        "entity_kind": "component",
        "entity_name": "pay",
        "entity_title": "pay",
        "entity_type": "service",
        "owner_ref": "group:default/team-pay",
        "system_ref": "system:default/money",
        "maturity_level": "silver",
        "pagerduty_id": "P1",
        "kubernetes_id": "pay-pods",
        "revenue_per_hour_usd": 210000.0,
    }
    relations = {
        (row["relation"], row["target_ref"]) for row in _rows(landing, "stg_backstage__relations")
    }
    assert relations >= {
        (kind, target)
        for kind in ("dependsOn", "providesApi", "consumesApi")
        for target in RELATIONS[kind]
    }
    (stored,) = landing.query("select * from raw.backstage__entities")
    names = ("label_name", "label_instance", "selector_name", "selector_instance")
    assert [stored[f"kubernetes_{name}"] for name in names] == [
        "pay-api", "pay-eu", "pay-app", "pay-us",
    ]  # fmt: skip


def _rows(landing: Landing, model: str) -> list[Json]:
    schema = "intermediate" if model.startswith("int") else "staging"
    left_out = "exclude (loaded_at, file_name)" if "annotations" in model else ""
    left_out = "exclude (loaded_at)" if "aliases" in model else left_out
    return landing.query(f"select * {left_out} from paydown_{schema}.{model} order by all")


def component(metadata: str = "name: a", spec: str = "type: service") -> str:
    return f"kind: Component\nmetadata: {{{metadata}}}\nspec: {{{spec}}}\n"


# A bad document, its line below its own first one, the stream and the field that are at fault.
BAD: list[tuple[str, int, str, str | None, str]] = [
    ("kind: Component\nmetadata: {name: 'open}\n", 1, "entities", "document", "close the quote"),
    ("kind: Component\nspec:\n\towner: x\n", 2, "entities", "document", "not tabs"),
    ("kind: Component\nkind: API\n", 1, "entities", "kind", "given twice"),
    ("just prose\n", 0, "entities", None, "not an object"),
    (
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: a}\n",
        0, "entities", "api_version", "is an object of Kubernetes",
    ),
    (
        "apiVersion: networking.k8s.io/v1\n" + component(), 0, "entities", "api_version",
        "or move it out of the catalog",
    ),
    ("metadata: {name: a}\n", 0, "entities", "kind", "has no kind"),
    ("kind: Component\n", 0, "entities", "name", "metadata.name is missing"),
    ("kind: Component\nmetadata: a\n", 0, "entities", "name", "metadata.name is missing"),
    (component("name: ../../etc"), 0, "entities", "name", "such as payments-api"),
    (component("name: 'a b'"), 0, "entities", "name", "Backstage allows"),
    (component("name: [a]"), 0, "entities", "name", "Backstage allows"),
    (component("name: a, namespace: /x"), 0, "entities", "namespace", "Backstage allows"),
    (component(spec="owner: 'a:b:c'"), 0, "entities", "owner_ref", "[kind:][namespace/]name"),
    (component(spec="dependsOn: ledger"), 0, "dependencies", "spec.dependsOn", "not a list"),
    (component(spec="dependsOn: [a, ../b]"), 0, "dependencies", "target_ref", "not a reference"),
    (component("name: a, tags: x"), 0, "tags", "metadata.tags", "not a list"),
    (component("name: a, annotations: [x]"), 0, "annotations", "metadata.annotations", "mapping"),
    (
        component("name: a, annotations: {paydown/aliases: 'a, ../b'}"),
        0, "entities", "aliases", "separated by commas",
    ),
    (
        component("name: a, annotations: {paydown/maturity: platinum}"),
        0, "entities", "maturity", "bronze, silver, gold or none",
    ),
    (
        component("name: a, annotations: {paydown/revenue-per-hour-usd: $5k}"),
        0, "entities", "revenue_per_hour_usd", "digits only",
    ),
]  # fmt: skip


def test_a_bad_document_costs_no_other_and_says_file_line_field_and_fix(landing: Landing) -> None:
    documents = [text for text, *_ in BAD]
    landing.write("backstage/catalog-info.yaml", "---\n".join(["# ours\n", *documents, YAML]))
    landing.load(*STREAMS, readers=READERS)
    line = 3
    expected = []
    for text, below, stream, field, _ in BAD:
        expected.append((line + below, stream, field))
        line += text.count("\n") + 1
    found = landing.query("select * from raw.quarantine order by line, stream")
    kept = {(row["line"], row["stream"], row["field"]): row["reason"] for row in found}
    for (at, stream, field), (*_, words) in zip(expected, BAD, strict=True):
        assert words in kept[at, stream, field]
    assert {row["file"] for row in found} == {"backstage/catalog-info.yaml"}
    names = landing.query("select name, namespace, _line from raw.backstage__entities")
    assert {"name": "pay", "namespace": None, "_line": line} in names


@pytest.mark.parametrize(
    ("value", "on"),
    [
        ("2026-05-01", "2026-05-01"),
        ("' 2026-05-01T09:00:00Z '", "2026-05-01"),
        ("2024-02-29", "2024-02-29"),
        ("2026-02-29", "None"),
        ("2026-5-1", "None"),
        ("2026-05-012", "None"),
        ("last May", "None"),
        ("20260501", "None"),
    ],
)
def test_an_annotation_that_is_a_date(landing: Landing, value: str, on: str) -> None:
    text = component(f"name: a, annotations: {{paydown/chaos-date: {value}}}")
    landing.write("backstage/catalog-info.yaml", text)
    assert landing.load(*STREAMS, readers=READERS).rows_quarantined == 0
    (row,) = landing.query("select annotation_date from raw.backstage__annotations")
    assert str(row["annotation_date"]) == on


def test_a_bad_line_of_an_export_costs_no_other(landing: Landing) -> None:
    good = json.dumps(by_api(YAML, only_relations=False))
    bad = ['{"kind": "Component"', "[]", '"text"', '{"kind": "Component", "metadata": {}}']
    landing.write("backstage/all.ndjson", "\n".join([good, *bad, good]))
    landing.load(*STREAMS, readers=READERS)
    kept = landing.query("select line from raw.quarantine where stream = 'entities' order by line")
    assert [row["line"] for row in kept] == [2, 3, 4, 5]
    assert landing.counts(*STREAMS)["entities"] == 2


def test_a_broken_archive_is_no_catalog(landing: Landing) -> None:
    path = landing.roots["landing"] / "backstage/all.ndjson.gz"
    path.parent.mkdir()
    path.write_bytes(gzip.compress(b'{"kind": "Component"}\n' * 99)[:-20])
    report = landing.load(*STREAMS, readers=READERS)
    assert "can't be decompressed" in str(report.rejected)
