"""What a contract says of a column is what stands in the raw table: paths, types, times."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from datetime import date, datetime
from typing import Any

import pytest

from .loader_helpers import ID, Json, Landing, at, column, stream

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
         "select": "s", "texts": "ts", "projected": "p"},
        {"reason": "r", "text": "t", "line": 7, "record": "c", "element_values": "e",
         "order": "s", "texts": "ts", "projected": "p"},
    ),
    "sql": (
        {"x1": "'); drop table batch; --", "v": '"; select 1', "title": "{loads} %s $1 \\"},
        {"first_of": "'); drop table batch; --", "value": '"; select 1'},
    ),
}  # fmt: skip

TIMES = {
    "plain": column("timestamp"),
    "paris": column("timestamp", timezone="Europe/Paris"),
    "day_first": column(
        "timestamp", formats=["iso", "%d/%m/%Y %H:%M"], timezone="America/New_York"
    ),
    "only_day_first": column("timestamp", formats="%d/%m/%Y %H:%M"),
    "zoned_format": column(
        "timestamp", formats=["%d/%m/%Y %H:%M %z", "%d/%m/%Y %H:%M"], timezone="Europe/Paris"
    ),
    "seconds": column("timestamp", formats=["epoch_s", "iso"]),
    "milliseconds": column("timestamp", formats="epoch_ms", timezone="Europe/Paris"),
    "day": column("date", timezone="Pacific/Auckland"),
    "day_of_format": column("date", formats=["%d/%m/%Y", "epoch_s"], timezone="Pacific/Auckland"),
    "flag": column("boolean"),
    "whole": column("bigint"),
    "real": column("double"),
}
# Column, text or value, and what it is read as; None where it can't be read.
VALUES: list[tuple[str, Any, Any]] = [
    ("plain", "2026-06-26T16:00:00Z", at("2026-06-26T16:00")),
    ("plain", "2026-06-26 16:00:00", at("2026-06-26T16:00")),
    ("plain", "2026-06-26", at("2026-06-26T00:00")),
    ("plain", "2026-06-26T16:00:00.123456789Z", at("2026-06-26T16:00:00.123456")),
    ("plain", "2026-06-26T16:00:00.123+0000", at("2026-06-26T16:00:00.123")),
    ("plain", "2026-06-26T16:00:00+05:30", at("2026-06-26T10:30")),
    ("plain", "2026-06-26T16:00:00+0530", at("2026-06-26T10:30")),
    ("plain", "2026-06-26T16:00:00-07", at("2026-06-26T23:00")),
    ("plain", "2026-02-30T00:00:00Z", None),
    ("plain", "26/06/2026 16:00", None),
    ("plain", "infinity", None),
    ("plain", "epoch", None),
    ("plain", "44-03-15 (BC) 00:00:00", None),
    ("plain", "0001-01-01T00:00:00Z", None),
    ("plain", "1751000000", None),
    ("plain", "soon", None),
    ("paris", "2026-06-26 16:00:00", at("2026-06-26T14:00")),
    ("paris", "2026-01-26T16:00", at("2026-01-26T15:00")),
    ("paris", "2026-06-26", at("2026-06-25T22:00")),
    ("paris", "2026-06-26T16:00:00Z", at("2026-06-26T16:00")),
    ("paris", "2026-06-26T16:00:00Z ", at("2026-06-26T16:00")),
    ("paris", "2026-06-26T16:00:00+09:00", at("2026-06-26T07:00")),
    ("paris", "2026-06-26 16:00:00 UTC", at("2026-06-26T16:00")),
    ("paris", "2026-06-26 16:00:00 America/New_York", at("2026-06-26T20:00")),
    ("paris", "2026-03-29 01:59:59", at("2026-03-29T00:59:59")),
    ("paris", "2026-03-29 02:30:00", at("2026-03-29T01:30")),  # An hour that does not exist.
    ("paris", "2026-03-29 03:00:00", at("2026-03-29T01:00")),
    ("paris", "2026-10-25 01:59:59", at("2026-10-24T23:59:59")),
    ("paris", "2026-10-25 02:30:00", at("2026-10-25T01:30")),  # It comes twice: the later one.
    ("paris", "2026-10-25 03:00:00", at("2026-10-25T02:00")),
    ("day_first", "5/4/2026 9:07", at("2026-04-05T13:07")),
    ("day_first", "05/01/2026 09:07", at("2026-01-05T14:07")),
    ("day_first", "2026-04-05 09:07", at("2026-04-05T13:07")),
    ("day_first", "2026-04-05T09:07Z", at("2026-04-05T09:07")),
    ("day_first", "31/2/2026 09:07", None),
    ("day_first", "5/4/26 09:07", None),
    ("day_first", "iso", None),
    ("only_day_first", "5/4/2026 9:07", at("2026-04-05T09:07")),
    ("only_day_first", "2026-04-05 09:07", None),
    ("zoned_format", "26/06/2026 16:00 +0530", at("2026-06-26T10:30")),
    ("zoned_format", "26/06/2026 16:00", at("2026-06-26T14:00")),
    ("seconds", 1782489600, at("2026-06-26T16:00")),
    ("seconds", "1782489600.25", at("2026-06-26T16:00:00.25")),
    ("seconds", "2026-06-26T16:00:00Z", at("2026-06-26T16:00")),
    ("seconds", 1782489600123, None),  # They are milliseconds.
    ("seconds", 1e300, None),
    ("seconds", "nan", None),
    ("seconds", "inf", None),
    ("milliseconds", 1782489600123, at("2026-06-26T16:00:00.123")),
    ("milliseconds", "2026-06-26T16:00:00Z", None),
    ("day", "2026-06-26", date(2026, 6, 26)),
    ("day", "2026-06-26T23:30:00-11:00", date(2026, 6, 26)),
    ("day", "2026-06-26 23:30:00", date(2026, 6, 26)),
    ("day", "26/06/2026", None),
    ("day", "infinity", None),
    ("day_of_format", "26/6/2026", date(2026, 6, 26)),
    ("day_of_format", 1782489600, date(2026, 6, 26)),
    ("day_of_format", "2026-06-26", None),
    *[("flag", text, True) for text in (True, "true", "TRUE", "t", "1", 1, "yes", " true ")],
    *[("flag", text, False) for text in (False, "false", "F", "0", 0, "no")],
    *[("flag", text, None) for text in ("maybe", 2, "on")],
    ("whole", 42, 42),
    ("whole", " 42 ", 42),
    ("whole", "42.0", 42),
    ("whole", 9007199254740993, 9007199254740993),
    ("whole", "9223372036854775808", None),
    ("whole", 1.5, None),
    ("whole", "1e-1", None),
    ("whole", "1,5", None),
    ("whole", True, None),
    ("real", "1.5", 1.5),
    ("real", -3, -3.0),
    ("real", "NaN", None),
    ("real", "inf", None),
    ("real", "1e400", None),
    ("real", "1,5", None),
]

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
        {"check": "closed_at >= opened_at", "reason": "it's closed before it was opened; mend it"},
        {"check": "id not like 'x%'", "reason": "x is no id; take another"},
    ],
)


def ndjson(records: Iterable[Any]) -> str:
    return "".join(json.dumps(record) + "\n" for record in records)


@pytest.fixture(scope="module")
def landing(tmp_path_factory: pytest.TempPathFactory) -> Landing:
    landing = Landing(tmp_path_factory.mktemp("values"))
    landing.write(
        "paths/x.ndjson", ndjson({"id": name} | record for name, (record, _) in RECORDS.items())
    )
    landing.write(
        "times/x.ndjson",
        ndjson({"id": str(number), name: value} for number, (name, value, _) in enumerate(VALUES)),
    )
    landing.write("children/x.ndjson", ndjson(PARENTS))
    landing.write(
        "rules/x.ndjson",
        ndjson(
            [
                {"id": "good", "opened_at": "2026-01-01", "closed_at": "2026-01-01"},
                {"id": "open", "opened_at": "2026-01-01"},
                {"id": "clock", "opened_at": "2026-01-02", "closed_at": "2026-01-01"},
                {"id": "x1", "opened_at": "2026-01-02", "closed_at": "2026-01-03"},
                {"id": "xboth", "opened_at": "2026-01-02", "closed_at": "2026-01-01"},
            ]
        ),
    )
    report = landing.load(PATHS, stream("times", {"id": column(**ID)} | TIMES), CHILDREN, RULES)
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


@pytest.mark.parametrize(
    ("number", "name", "value", "expected"),
    [
        pytest.param(n, *case, id=f"{case[0]}-{str(case[1]).replace(' ', '_')}-{n}")
        for n, case in enumerate(VALUES)
    ],
)
def test_types(landing: Landing, number: int, name: str, value: Any, expected: Any) -> None:
    row = landing.by_id("times").get(str(number))
    if expected is not None:
        assert row is not None, f"{name}={value!r} went to quarantine"
        assert row[name] == expected
        assert type(row[name]) is type(expected)
        return
    assert row is None, f"{name}={value!r} was read as {row and row[name]!r}"
    (problem,) = [row for row in landing.quarantine("times") if row["line"] == number + 1]
    as_text = json.dumps(value) if not isinstance(value, str) else value
    shown = problem["value"]
    assert shown == as_text or math.isclose(float(shown), float(as_text))
    assert problem["field"] == name
    kind = TIMES[name]["data_type"]
    assert problem["reason"].startswith(f"{name} is not a {kind}")
    assert "models/staging/demo/_demo__sources.yml" in problem["reason"]


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
        (3, None, "it's closed before it was opened; mend it"),
        (4, None, "x is no id; take another"),
        (5, None, "it's closed before it was opened; mend it"),
    ]


def test_where_a_row_came_from(landing: Landing) -> None:
    rows = landing.rows("rules")
    assert [(r["_source_file"], r["_line"]) for r in rows] == [
        ("rules/x.ndjson", 1),
        ("rules/x.ndjson", 2),
    ]
    ids = landing.query("select _load_id, _loaded_at from raw.loads where stream = 'rules'")
    assert {(r["_load_id"], r["_loaded_at"]) for r in rows} == {
        (ids[0]["_load_id"], ids[0]["_loaded_at"])
    }
    assert isinstance(rows[0]["_loaded_at"], datetime)
    assert rows[0]["_loaded_at"].tzinfo is None
