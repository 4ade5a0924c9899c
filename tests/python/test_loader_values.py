"""What a contract says of a column is what stands in the raw table: paths, children, rules."""

from __future__ import annotations

import json
from datetime import datetime

import pytest

from .loader_helpers import ID, Json, Landing, column, ndjson, stream

PATHS = stream(
    "paths",
    {
        "id": column(**ID),
        "nested": column(path="a.b.c"),
        "dotted": column(path="labels[app.kubernetes.io/name]"),
        "dotted_first": column(path="[x.y].z"),
        "element": column(path="teams[1].name"),
        "quoted": column(path='labels[say "hi"\\now]'),
        "spaced": column(path="Opened By"),
        "json_path": column(path="$.a.b.c"),
        "whole": column(path="a"),
        "first_of": column(path=["x1", "x2", "x3.y"]),
        "reference": column(path=["ref.value", "ref"]),
        "display": column(path=["ref.display_value", "ref"]),
        "bracketed": column(path=["ref[v.w]", "ref"]),
        "tagged": column(path="tags[*]", capture="^service:(.+)$"),
        "tagged_in": column(path="a.tags[*]", capture="k8s/([a-z]+)"),
        "part": column(path="title", capture=r"^\[(\w+)\]"),
        "value": column(path="v"),
        "reason": column(),
        "text": column(),
        "line": column("bigint"),
        "record": column(),
        "element_values": column(),
        "order": column(path="select"),
        "texts": column(),
        "projected": column(),
        "file": column(),
        "file_number": column(),
        "source": column(),
    },
    nulls=["", "?", "n/a"],
)
RECORDS: dict[str, tuple[Json, Json]] = {
    "everything": (
        {
            "a": {"b": {"c": "deep"}, "tags": ["x", "on k8s/ledger now"]},
            "labels": {"app.kubernetes.io/name": "api", 'say "hi"\\now': "q"},
            "x.y": {"z": "dot"},
            "teams": [{"name": "zero"}, {"name": "one"}],
            "Opened By": "Ann",
            "ref": {"value": "id1", "display_value": "Name", "v.w": "vw"},
            "tags": ["env:prod", "service:pay:ments", "service:other"],
            "title": "[TEST] x",
        },
        {
            "nested": "deep", "dotted": "api", "dotted_first": "dot", "element": "one",
            "quoted": "q", "spaced": "Ann", "json_path": "deep",
            "whole": '{"b":{"c":"deep"},"tags":["x","on k8s/ledger now"]}',
            "reference": "id1", "display": "Name", "bracketed": "vw",
            "tagged": "pay:ments", "tagged_in": "ledger", "part": "TEST",
        },
    ),
    "alternatives-in-order": (
        {"x1": " ", "x2": "?", "x3": {"y": "third"}, "ref": "plain"},
        {"first_of": "third", "reference": "plain", "display": "plain", "bracketed": "plain"},
    ),
    "an-object-is-no-value": ({"ref": {"other": 1}}, {"reference": None, "display": None}),
    "first-alternative-wins": ({"x1": "1", "x2": "2"}, {"first_of": "1"}),
    "null-markers": ({"x1": "n/a ", "ref": "?", "tags": ["service:?"]}, {"first_of": None}),
    "not-null-markers": ({"x1": "N/A", "x2": "b"}, {"first_of": "N/A"}),
    "scalars-as-text": ({"x1": 1.50, "v": True}, {"first_of": "1.5", "value": "true"}),
    "json-null": ({"x1": None, "x2": 0}, {"first_of": "0"}),
    "big-integer": ({"v": 123456789012345678901}, {"value": "123456789012345678901"}),
    "tags-is-no-list": ({"tags": "service:x", "a": "text"}, {"tagged": None, "whole": "text"}),
    "tags-of-all-kinds": ({"tags": [1, None, {"a": 1}, "service:z"]}, {"tagged": "z"}),
    "words-of-our-own": (
        {"reason": "r", "text": "t", "line": 7, "record": "c", "element_values": "e",
         "select": "s", "texts": "ts", "projected": "p", "file": "f", "file_number": "9",
         "source": "o"},
        {"reason": "r", "text": "t", "line": 7, "record": "c", "element_values": "e",
         "order": "s", "texts": "ts", "projected": "p", "file": "f", "file_number": "9",
         "source": "o"},
    ),
    "sql": (
        {"x1": "'); drop table batch; --", "v": '"; select 1', "title": "{loads} %s $1 \\"},
        {"first_of": "'); drop table batch; --", "value": '"; select 1'},
    ),
}  # fmt: skip

CHILDREN = stream(
    "children",
    {
        "id": column(**ID),
        "item": column(path="each"),
        "name": column(path=["each.name.first", "each.name"]),
        "label": column(path="each.labels[a.b]"),
        "tag": column(path="each.tags[*]", capture="^t:(.+)$"),
        "weight": column("double", path="each.weight"),
        "parent_weight": column("double", path="weight"),
    },
    each="parts.list",
)
PARENTS: list[Json] = [
    {"id": "scalars", "weight": 2, "parts": {"list": ["a", 1, True, "", None]}},
    {
        "id": "objects",
        "parts": {
            "list": [
                {"name": {"first": "N"}, "labels": {"a.b": "L"}, "tags": ["t:T"], "weight": 0.5},
                {"name": "M"},
            ]
        },
    },
    {"id": "empty", "parts": {"list": []}},
    {"id": "none"},
    {"id": "null", "parts": {"list": None}},
    {"id": "no-list", "parts": {"list": "a"}},
    {"id": "bad", "parts": {"list": [{"weight": "heavy"}, {"weight": 1}]}},
    {"parts": {"list": ["orphan"]}},
]

RULES = stream(
    "rules",
    {"id": column(**ID), "opened_at": column("timestamp"), "closed_at": column("timestamp")},
    rules=[
        {"check": "closed_at >= opened_at", "reason": "it's closed before it was opened; fix it"},
        {"check": "id not like 'x%'", "reason": "x is no id; take another", "column": "id"},
    ],
)


@pytest.fixture(scope="module")
def landing(tmp_path_factory: pytest.TempPathFactory) -> Landing:
    landing = Landing(tmp_path_factory.mktemp("values"))
    records = [{"id": name} | record for name, (record, _) in RECORDS.items()]
    landing.write("paths/x.ndjson", ndjson(*records))
    landing.write("children/x.ndjson", ndjson(*PARENTS))
    landing.write(
        "rules/x.csv",
        "id,opened_at,closed_at\ngood,2026-01-01,2026-01-01\nopen,2026-01-01,\n"
        "clock,2026-01-02,2026-01-01\nx1,2026-01-02,2026-01-03\nxboth,2026-01-02,2026-01-01\n",
    )
    report = landing.load(PATHS, CHILDREN, RULES)
    assert report.rejected == []
    return landing


@pytest.mark.parametrize("name", RECORDS)
def test_paths(landing: Landing, name: str) -> None:
    record, expected = RECORDS[name]
    row = landing.by_id("paths")[name]
    assert {key: row[key] for key in expected} == expected
    assert json.loads(row["_payload"]) == {"id": name} | record
    if name == "everything":
        assert row["first_of"] is row["value"] is row["order"] is None


def test_children(landing: Landing) -> None:
    rows = [
        (r["id"], r["item"], r["name"], r["label"], r["tag"], r["weight"], r["parent_weight"])
        for r in landing.rows("children")
    ]
    assert sorted(rows, key=str) == sorted(
        [
            ("scalars", "a", None, None, None, None, 2.0),
            ("scalars", "1", None, None, None, None, 2.0),
            ("scalars", "true", None, None, None, None, 2.0),
            ("scalars", None, None, None, None, None, 2.0),
            ("scalars", None, None, None, None, None, 2.0),
            ("objects", json.dumps(PARENTS[1]["parts"]["list"][0], separators=(",", ":")), "N",
             "L", "T", 0.5, None),
            ("objects", '{"name":"M"}', "M", None, None, None, None),
            ("bad", '{"weight":1}', None, None, None, 1.0, None),
        ],
        key=str,
    )  # fmt: skip
    assert [(q["line"], q["field"], q["value"]) for q in landing.quarantine("children")] == [
        (6, "parts.list", None),
        (7, "weight", "heavy"),
        (8, "id", None),
    ]
    assert landing.loads("children")[0]["records"] == 11
    assert landing.unaccounted(CHILDREN, PATHS, RULES) == []


def test_rules(landing: Landing) -> None:
    assert set(landing.by_id("rules")) == {"good", "open"}
    assert [(q["line"], q["field"], q["reason"]) for q in landing.quarantine("rules")] == [
        (4, None, "it's closed before it was opened; fix it"),
        (5, "id", "x is no id; take another"),
        (6, None, "it's closed before it was opened; fix it"),
    ]
    rows = landing.rows("rules")
    assert [(r["_source_file"], r["_line"]) for r in rows] == [
        ("rules/x.csv", 2),
        ("rules/x.csv", 3),
    ]
    ids = landing.query("select _load_id, _loaded_at from raw.loads where stream = 'rules'")
    assert {(r["_load_id"], r["_loaded_at"]) for r in rows} == {
        (ids[0]["_load_id"], ids[0]["_loaded_at"])
    }
    assert isinstance(rows[0]["_loaded_at"], datetime)
    assert rows[0]["_loaded_at"].tzinfo is None
