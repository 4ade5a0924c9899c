"""A contract or setting that changed takes effect for what was loaded before, also of files that
are gone."""

from __future__ import annotations

from pathlib import Path

import pytest

from .loader_helpers import ID, Json, Landing, column, ndjson, stream


def service(path: str, **meta: object) -> Json:
    columns = {"id": column(**ID), "service": column(path=path), "at": column("timestamp")}
    return stream("s", columns, expected=["service"], **meta)


OLD, NEW = service("ci"), service("business")
RECORDS = [
    {"id": "a", "ci": "db-1", "business": "shop", "at": "2026-06-01T00:00:00Z"},
    {"id": "b", "ci": "db-2", "business": "pay"},
    {"id": "c", "ci": "db-3", "business": "mail", "at": "02.06.2026"},
]
DATES = service("business")
DATES["columns"]["at"] = {"name": "at", **column("timestamp", formats=["iso", "%d.%m.%Y"])}


@pytest.fixture
def landing(tmp_path: Path) -> Landing:
    landing = Landing(tmp_path)
    landing.write("s/x.ndjson", ndjson(*RECORDS))
    report = landing.load(OLD)
    assert (report.rows_loaded, report.rows_quarantined, report.files_again) == (2, 1, 0)
    return landing


def services(landing: Landing) -> dict[str, tuple[str, str, int]]:
    rows = landing.rows("s")
    assert len({row["id"] for row in rows}) == len(rows)
    return {row["id"]: (row["service"], row["_source_file"], row["_line"]) for row in rows}


@pytest.mark.parametrize("is_gone", [False, True])
def test_what_was_loaded_is_read_again(landing: Landing, is_gone: bool) -> None:
    before = landing.query("select _loaded_at from raw.loads")
    if is_gone:
        landing.remove("s/x.ndjson")
    report = landing.load(NEW)
    assert (report.files_again, report.files_kept) == (1, int(is_gone))
    assert services(landing) == {"a": ("shop", "s/x.ndjson", 1), "b": ("pay", "s/x.ndjson", 2)}
    assert [(row["line"], row["field"]) for row in landing.quarantine("s")] == [(3, "at")]
    assert landing.query("select _loaded_at from raw.loads") == before, "it is no fresher for it"
    assert landing.unaccounted(NEW) == []

    report = landing.load(DATES)
    assert services(landing)["c"] == ("mail", "s/x.ndjson", 3)
    assert landing.quarantine("s") == []
    assert landing.unaccounted(DATES) == []
    again = landing.load(DATES)
    assert (again.files_loaded, again.rows_loaded) == (0, 0)


def test_a_snapshot_is_read_again_where_its_file_is_there(tmp_path: Path) -> None:
    landing = Landing(tmp_path)
    old, new = (service(path, mode="snapshot") for path in ("ci", "business"))
    landing.write("s/x.ndjson", ndjson(*RECORDS[:1]))
    landing.load(old)
    assert landing.load(new).files_loaded == 1
    assert [row["service"] for row in landing.rows("s")] == ["db-1", "shop"], "the last load counts"
    assert landing.load(new).files_loaded == 0


@pytest.mark.parametrize("is_gone", [False, True])
def test_a_setting_that_names_no_column_changes_nothing(landing: Landing, is_gone: bool) -> None:
    if is_gone:
        landing.remove("s/x.ndjson")
    wrong = service("nonsense")
    for _ in range(2):
        (problem,) = landing.load(wrong).rejected
        assert problem.file == "s/x.ndjson"
        assert "none of its records has service (looked in nonsense; they have at, " in str(problem)
        assert services(landing)["a"] == ("db-1", "s/x.ndjson", 1)
    assert len(landing.loads("s")) == 2, "a problem is written once"
    for contract, name in ((OLD, "db-1"), (NEW, "shop")):
        assert landing.load(contract).rejected == []
        assert services(landing)["a"][0] == name
        attempts = ["rejected"] if is_gone and contract == OLD else []
        assert [load["status"] for load in landing.loads("s")] == ["loaded", *attempts]
        assert landing.load(contract).files_loaded == 0
        assert landing.unaccounted(contract) == []


def test_a_file_that_grew_and_a_copy_are_read_again_once(landing: Landing) -> None:
    grown = landing.roots["landing"] / "s" / "x.ndjson"
    grown.write_text(ndjson(*RECORDS[:2], {"id": "d", "ci": "db-4", "business": "ads"}))
    landing.write("s/copy.ndjson", grown.read_text())
    landing.load(OLD)
    assert len(landing.rows("s")) == 5
    report = landing.load(NEW)
    assert (report.files_again, report.files_kept) == (2, 1), "the bytes of before are gone"
    rows = landing.rows("s")
    assert sorted(row["service"] for row in rows) == ["ads", "pay", "pay", "shop", "shop"]
    assert landing.unaccounted(NEW) == []


def test_an_envelope_and_a_list_in_records(tmp_path: Path) -> None:
    landing = Landing(tmp_path)
    columns = {"id": column(**ID), "tag": column(path="each.x")}
    meta = {"records": "items", "each": "tags", "key": ["id", "tag"]}
    tags = [{"x": 1, "y": 2}, {"x": 3, "y": 4}]
    landing.write("s/x.json", '{"items": ' + ndjson([{"id": "a", "tags": tags}]).strip() + "}")
    landing.load(stream("s", columns, **meta))
    landing.remove("s/x.json")
    landing.load(stream("s", columns | {"tag": column(path="each.y")}, **meta))
    assert [row["tag"] for row in landing.rows("s")] == ["2", "4"]
    assert landing.unaccounted(stream("s", columns, **meta)) == []


def test_a_copy_of_a_rejected_file_is_reported_too(tmp_path: Path) -> None:
    landing = Landing(tmp_path)
    for name in ("a.json", "b.json"):
        landing.write(f"s/{name}", '[{"id": "a"')
    said = [str(problem) for problem in landing.load(OLD).rejected]
    copy = "s/b.json: has the same bytes as s/a.json, which is rejected; fix or remove it"
    assert said[1:] == [copy]
    assert said[0].startswith("s/a.json: is cut off, its list has no end")
    landing.write("s/a.json", '[{"id": "a", "ci": "x"}]')
    assert [problem.file for problem in landing.load(OLD).rejected] == ["s/b.json"]
