"""Contracts as people write them in `_sources.yml`: every mistake is reported, with its place."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from orchestration.loader import ContractError
from orchestration.loader.expressions import identifier, json_path, literal

from .loader_helpers import ID, Json, Landing, column, contracts, project_streams, stream

WHERE = "models/staging/demo/_demo__sources.yml: source demo.s"


def test_defaults_and_where_older_dbt_puts_meta() -> None:
    node = stream("s", {"id": {"data_type": None}, "x": {"data_type": "TEXT", "meta": {}}})
    node["columns"]["x"] |= {"data_type": "DATE", "meta": {"path": "y"}}
    node["meta"] = node["config"].pop("meta") | {"timezone": "Asia/Tokyo"}
    theirs = stream("theirs", {"id": column()})
    del theirs["config"]["meta"]["files"]
    (contract,) = contracts(node, theirs)
    assert (contract.name, contract.table, contract.mode) == ("demo.s", "demo__s", "append")
    assert (contract.files, contract.key, contract.nulls) == (("landing:s/*",), ("id",), ("",))
    assert [(c.name, c.data_type, c.paths, c.timezone) for c in contract.columns] == [
        ("id", "varchar", ("id",), "Asia/Tokyo"),
        ("x", "date", ("y",), "Asia/Tokyo"),
    ]


PROBLEMS: dict[str, tuple[Json, Json, str]] = {
    "table-key": (
        {},
        {"fiels": 1},
        ": unknown meta key 'fiels'; known keys: dates, dates_variable, each, end,",
    ),
    "mode": ({}, {"mode": "replace"}, ": mode: Input should be 'append' or 'snapshot', not 'repla"),
    "no-key": ({}, {"key": []}, ": an append stream needs a key"),
    "key": ({}, {"key": ["id", "no"]}, ": key 'no' is not one of its columns"),
    "version": ({}, {"version": "no"}, ": version 'no' is not one of its columns"),
    "files": ({}, {"files": "s/*"}, ": files 's/*' is not <root>:<pattern>"),
    "no-files": ({}, {"files": []}, ": files '' is not <root>:<pattern>"),
    "rule": ({}, {"rules": [{"check": "id > 1"}]}, ": rules.0.reason: Field required"),
    "rule-text": ({}, {"rules": ["id > 1"]}, ": rules.0: Input should be a valid dict"),
    "rule-column": (
        {},
        {"rules": [{"check": "true", "reason": "r", "column": "no"}]},
        ": rule 'no' is not one of its columns",
    ),
    "column-key": ({"x": column(pth="y")}, {}, ", column x: unknown meta key 'pth'; known keys: c"),
    "type": ({"x": column("json")}, {}, ", column x: data_type: Input should be 'varchar', 'bigi"),
    "zone": ({"x": column(timezone="CET+1")}, {}, ", column x: 'CET+1' is not an IANA time zone"),
    "table-zone": ({}, {"timezone": "Paris"}, ", column id: 'Paris' is not an IANA time zone"),
    "upper-case": ({"Opened At": column()}, {}, ", column Opened At: its name is not snake_case"),
    "underscore": ({"_mine": column()}, {}, ", column _mine: its name is not snake_case"),
    "formats": ({"x": column("bigint", formats="%d")}, {}, ": formats are for timestamp and date"),
    "capture": ({"x": column(capture="(")}, {}, ": capture '(' is not a regular expression"),
    "no-group": ({"x": column(capture="a")}, {}, ": capture 'a' has no group (...) around"),
    "star": ({"x": column(path="a[*].b")}, {}, ": a path over a list ([*]) needs a capture"),
    "each": ({"x": column(path="each.b")}, {}, ": its path begins at each, but the table names"),
    "last": ({"x": column(path="states[-1]")}, {}, ": path 'states[-1]' can't be followed"),
    "dollar": ({"x": column(path="$.a[?(@.b)]")}, {}, ": path '$.a[?(@.b)]' can't be followed"),
    "half": ({"x": column(path="states[1")}, {}, ": path 'states[1' can't be followed"),
}


@pytest.mark.parametrize("name", PROBLEMS)
def test_a_mistake_is_reported_with_its_place(name: str) -> None:
    columns, meta, words = PROBLEMS[name]
    with pytest.raises(ContractError) as caught:
        contracts(stream("s", {"id": column()} | columns, **meta))
    (line,) = str(caught.value).splitlines()
    assert line.startswith(WHERE)
    assert words in line


def test_all_mistakes_are_reported_together() -> None:
    first = stream("s", {"id": column("json"), "x": column(pth="y")}, mode="replace")
    second = stream("t", {"id": column("blob")})
    with pytest.raises(ContractError) as caught:
        contracts(first, second)
    assert len(str(caught.value).splitlines()) == 4


def test_the_fingerprint_is_of_what_decides_how_a_file_is_read() -> None:
    def fingerprint(columns: Json | None = None, **meta: Any) -> str:
        (contract,) = contracts(stream("s", columns or {"id": column()}, **meta))
        return contract.fingerprint

    same = fingerprint()
    assert same == fingerprint(files="landing:other/*") == fingerprint(version="id")
    assert len({
        same, fingerprint({"id": column(path="x")}), fingerprint(nulls=["?"]),
        fingerprint(records="r"), fingerprint(timezone="Asia/Tokyo"),
        fingerprint({"id": column(lenient=True)}),
        fingerprint(rules=[{"check": "true", "reason": "r"}]),
    }) == 7  # fmt: skip


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("id", '$."id"'),
        ("a.b.c", '$."a"."b"."c"'),
        ("teams[0].id", '$."teams"[0]."id"'),
        ("tags[*]", '$."tags"[*]'),
        ("annotations[pagerduty.com/service-id]", '$."annotations"."pagerduty.com/service-id"'),
        ("[a.b].c", '$."a.b"."c"'),
        ('a[say "x"\\y]', '$."a"."say \\"x\\"\\\\y"'),
        ("Opened By", '$."Opened By"'),
        ("$.a[#-1]", "$.a[#-1]"),
    ],
)
def test_paths(path: str, expected: str) -> None:
    assert json_path(path) == expected


def test_quoting() -> None:
    assert literal("it's") == "'it''s'"
    assert identifier('a"b') == '"a""b"'


def test_the_sources_of_this_project_are_good() -> None:
    found = {contract.name: contract for contract in contracts(*project_streams())}
    assert list(found) == sorted(found)
    assert {"pagerduty.incidents", "opsgenie.alerts", "servicenow.incidents"} <= set(found)
    assert "paydown.loads" not in found
    assert len({contract.table for contract in found.values()}) == len(found)


@pytest.mark.parametrize(
    ("columns", "meta", "words"),
    [
        ({}, {"rules": [{"check": "nope > 1", "reason": "r"}]}, "nope"),
        ({}, {"rules": [{"check": "cast(id as integer) > 1", "reason": "r"}]}, "Could not convert"),
        ({"t": column("timestamp", formats="%Q")}, {}, "%Q"),
        ({"t": column(path="tags[*]", capture="(?<=x)(y)")}, {}, "(?<"),
        ({}, {"files": "elsewhere:s/*"}, "'elsewhere', which is none of landing, modernization"),
    ],
)
def test_a_contract_that_can_not_be_used_loads_nothing(
    tmp_path: Path, columns: Json, meta: Json, words: str
) -> None:
    landing = Landing(tmp_path)
    landing.write("s/x.ndjson", '{"id": "a"}\n')
    with pytest.raises(ContractError, match=re.escape(words)) as caught:
        landing.load(stream("s", {"id": column(**ID)} | columns, **meta))
    assert str(caught.value).startswith("models/staging/demo/_demo__sources.yml: source demo.s: ")
    landing.load(stream("s", {"id": column(**ID)}))
    assert [row["id"] for row in landing.rows("s")] == ["a"]
