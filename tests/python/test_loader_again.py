"""The second load, and the tenth: nothing twice, nothing lost, whatever changed in between."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import duckdb
import pytest

from orchestration.documents.problems import Line
from orchestration.loader import ContractError
from orchestration.loader.raw import Unaccounted

from .loader_helpers import ID, Json, Landing, column, stream

COLUMNS = {"id": column(**ID), "n": column("bigint"), "updated_at": column("timestamp")}
APPEND = stream("append", COLUMNS, version="updated_at")
SNAPSHOT = stream("snapshot", COLUMNS, mode="snapshot")


def ndjson(*records: Json) -> str:
    return "".join(json.dumps(record) + "\n" for record in records)


@pytest.fixture
def landing(tmp_path: Path) -> Landing:
    return Landing(tmp_path)


def counts(landing: Landing, name: str) -> list[tuple[str, str, int]]:
    return [(r["file"].split("/")[1], r["status"], r["rows_loaded"]) for r in landing.loads(name)]


def test_the_same_again_changes_nothing(landing: Landing) -> None:
    landing.write("append/a.ndjson", ndjson({"id": "a"}, {"id": "b", "n": "bad"}))
    landing.write("snapshot/a.ndjson", ndjson({"id": "a"}))
    first = landing.load(APPEND, SNAPSHOT)
    assert (first.files_loaded, first.rows_loaded, first.rows_quarantined) == (2, 2, 1)
    before = landing.warehouse.read_bytes()
    again = landing.load(APPEND, SNAPSHOT)
    assert (again.files_loaded, again.files_unchanged, again.files_removed) == (0, 2, 0)
    assert (again.rows_loaded, again.rows_quarantined, again.quarantined) == (0, 0, [])
    assert landing.warehouse.read_bytes() == before
    assert landing.unaccounted(APPEND, SNAPSHOT) == []


def test_the_same_bytes_under_another_name(landing: Landing) -> None:
    """An append stream knows them, in this load or a later one; a snapshot has two files."""
    text = ndjson({"id": "a"})
    for name in ("append", "snapshot"):
        landing.write(f"{name}/a.ndjson", text)
        landing.write(f"{name}/copy.ndjson", text)
    report = landing.load(APPEND, SNAPSHOT)
    assert (report.files_loaded, report.files_unchanged) == (3, 1)
    for name in ("append", "snapshot"):
        shutil.move(
            landing.roots["landing"] / name / "a.ndjson",
            landing.roots["landing"] / name / "moved.jsonl",
        )
    report = landing.load(APPEND, SNAPSHOT)
    assert (report.files_loaded, report.files_unchanged, report.files_removed) == (1, 3, 1)
    assert counts(landing, "append") == [("a.ndjson", "loaded", 1)]
    assert sorted(counts(landing, "snapshot")) == [
        ("a.ndjson", "loaded", 1),
        ("a.ndjson", "removed", 0),
        ("copy.ndjson", "loaded", 1),
        ("moved.jsonl", "loaded", 1),
    ]


def test_a_snapshot_follows_its_file(landing: Landing) -> None:
    """Each change is a load, going back to an older content too; so is the file's end."""
    old, new = ndjson({"id": "a", "n": 1}), ndjson({"id": "a", "n": 2}, {"id": "b"})
    for text in (old, new, old):
        landing.write("snapshot/a.ndjson", text)
        assert landing.load(SNAPSHOT).files_loaded == 1
    assert landing.load(SNAPSHOT).files_loaded == 0
    path = landing.roots["landing"] / "snapshot" / "a.ndjson"
    path.unlink()
    assert landing.load(SNAPSHOT).files_removed == 1
    assert landing.load(SNAPSHOT).files_removed == 0
    landing.write("snapshot/a.ndjson", old)
    assert landing.load(SNAPSHOT).files_loaded == 1
    assert [load[1:] for load in counts(landing, "snapshot")] == [
        ("loaded", 1),
        ("loaded", 2),
        ("loaded", 1),
        ("removed", 0),
        ("loaded", 1),
    ]
    assert landing.unaccounted(SNAPSHOT) == []


def test_a_snapshot_that_breaks_is_told_of_and_mended(landing: Landing) -> None:
    good = ndjson({"id": "a"})
    path = landing.write("snapshot/a.json", good)
    landing.load(SNAPSHOT)
    path.write_text("{")
    assert len(landing.load(SNAPSHOT).rejected) == 1
    assert len(landing.load(SNAPSHOT).rejected) == 1
    path.write_text(good)
    assert landing.load(SNAPSHOT).rejected == []
    assert [load[1:] for load in counts(landing, "snapshot")] == [
        ("loaded", 1),
        ("rejected", 0),
        ("loaded", 1),
    ]


def test_files_of_one_name_below_two_roots(landing: Landing) -> None:
    both = stream(
        "notes", COLUMNS, mode="snapshot", files=["landing:notes/*", "modernization:notes/*"]
    )
    landing.write("notes/a.ndjson", ndjson({"id": "a"}))
    landing.write("notes/a.ndjson", ndjson({"id": "b"}), root="modernization")
    assert landing.load(both).files_loaded == 2
    assert landing.load(both).files_unchanged == 2
    assert {row["_source_file"]: row["id"] for row in landing.rows("notes")} == {
        "notes/a.ndjson": "a",
        "modernization/notes/a.ndjson": "b",
    }


def test_an_older_export_after_a_newer_keeps_both(landing: Landing) -> None:
    newer = {"id": "a", "n": 2, "updated_at": "2026-06-02T00:00:00Z"}
    older = {"id": "a", "n": 1, "updated_at": "2026-06-01T00:00:00Z"}
    landing.write("append/june-02.ndjson", ndjson(newer))
    landing.load(APPEND)
    landing.write("append/june-01.ndjson", ndjson(older))
    landing.load(APPEND)
    rows = sorted(landing.rows("append"), key=lambda row: row["_loaded_at"])
    assert [json.loads(row["_payload"]) for row in rows] == [newer, older]
    assert [row["n"] for row in rows] == [2, 1]


def test_an_appended_file_is_read_again_whole(landing: Landing) -> None:
    path = landing.write("append/a.ndjson", ndjson({"id": "a"}))
    landing.load(APPEND)
    with path.open("a") as file:
        file.write(ndjson({"id": "b"}))
    assert landing.load(APPEND).rows_loaded == 2
    assert [row["id"] for row in landing.rows("append")] == ["a", "a", "b"]


def test_a_column_that_the_contract_names_later(landing: Landing) -> None:
    landing.write("append/a.ndjson", ndjson({"id": "a", "severity": "high"}))
    landing.load(APPEND)
    wider = stream("append", COLUMNS | {"severity": column(), "score": column("double")})
    assert landing.load(wider).rows_loaded == 0
    (row,) = landing.rows("append")
    assert row["severity"] is None, "no row is changed, but the column is there"
    assert json.loads(row["_payload"])["severity"] == "high", "to be filled from"
    landing.write("append/b.ndjson", ndjson({"id": "b", "severity": "low", "score": 1.5}))
    landing.load(wider)
    assert landing.by_id("append")["b"]["severity"] == "low"
    assert landing.load(APPEND).rows_loaded == 0, "a column less is no error"


def test_a_changed_contract_reads_a_snapshot_again(landing: Landing) -> None:
    """The rows that count are those of a file's last load, so they all are of one contract."""
    for name in ("append", "snapshot"):
        landing.write(f"{name}/a.ndjson", ndjson({"id": "a", "m": 5}))
    landing.load(APPEND, SNAPSHOT)
    columns = COLUMNS | {"n": column("bigint", path="m")}
    changed = [stream(one["name"], columns, **one["config"]["meta"]) for one in (APPEND, SNAPSHOT)]
    report = landing.load(*changed)
    assert (report.files_loaded, report.files_unchanged) == (1, 1)
    assert [row["n"] for row in landing.rows("snapshot", "n")] == [None, 5]
    assert landing.load(*changed).files_loaded == 0


def test_mending_the_contract_lets_in_what_it_kept_out(landing: Landing) -> None:
    """The reason said to correct the contract; then the file, unchanged, must be read again."""
    landing.write("append/a.ndjson", ndjson({"id": "a"}, {"id": "b", "updated_at": "1/2/2026"}))
    landing.write("append/fine.ndjson", ndjson({"id": "c"}))
    landing.write("append/table.csv", "ID,n\nd,1\n")
    first = landing.load(APPEND)
    assert (first.rows_loaded, first.rows_quarantined, len(first.rejected)) == (2, 1, 1)

    mended = COLUMNS | {
        "id": column(path=["id", "ID"], **ID),
        "updated_at": column("timestamp", formats=["iso", "%d/%m/%Y"]),
    }
    fixed = stream("append", mended)
    report = landing.load(fixed)
    assert (report.files_loaded, report.files_unchanged) == (2, 1)
    assert (report.rows_quarantined, report.rejected) == (0, [])
    assert set(landing.by_id("append")) == {"a", "b", "c", "d"}
    assert landing.load(fixed).files_loaded == 0
    assert landing.unaccounted(fixed) == []


def test_a_column_of_another_type_later(landing: Landing) -> None:
    """The table can't follow, and a cast would change values: the load stops with a remedy."""
    landing.write("append/a.ndjson", ndjson({"id": "a", "n": 1}))
    landing.load(APPEND)
    landing.write("append/b.ndjson", ndjson({"id": "b", "n": 1.5}))
    words = "column n is to be double, but demo__append has it as bigint; give the column another"
    with pytest.raises(ContractError, match=words):
        landing.load(stream("append", COLUMNS | {"n": column("double")}))
    renamed = {"id": COLUMNS["id"], "n_exact": column("double", path="n")}
    assert landing.load(stream("append", renamed)).rows_loaded == 1
    assert landing.by_id("append")["b"]["n_exact"] == 1.5


def test_unaccounted_counts_what_is_there(landing: Landing) -> None:
    landing.write("append/a.ndjson", ndjson({"id": "a"}, {"id": "b"}, {"n": 1}, {"n": 2}))
    landing.write("append/b.ndjson", ndjson({"id": "c"}))
    landing.load(APPEND, SNAPSHOT)
    assert landing.unaccounted(APPEND, SNAPSHOT) == []

    def change(sql: str) -> list[Unaccounted]:
        with duckdb.connect(str(landing.warehouse)) as con:
            con.execute(sql)
        return landing.unaccounted(APPEND, SNAPSHOT)

    one = ("demo.append", "append/a.ndjson", 4)
    assert change("delete from raw.demo__append where id = 'a'") == [Unaccounted(*one, 3)]
    assert change("delete from raw.quarantine where line = 3") == [Unaccounted(*one, 2)]
    assert change("insert into raw.demo__append select * from raw.demo__append") == [
        Unaccounted(*one, 3),
        Unaccounted("demo.append", "append/b.ndjson", 1, 2),
    ]
    assert change("delete from raw.demo__append") == [
        Unaccounted(*one, 1),
        Unaccounted("demo.append", "append/b.ndjson", 1, 0),
    ]


def test_documents_are_read_by_their_reader(landing: Landing) -> None:
    """One file for two streams; what its reader finds wrong is told with line, field, value."""

    def read(path: Path) -> Any:
        if path.stem == "gone":
            raise FileNotFoundError(2, "No such file", str(path))
        for number, text in enumerate(path.read_text().splitlines(), 1):
            if text.startswith("!"):
                yield Line(number, text, "is shouted; say it quietly", "title", text)
            else:
                yield Line(number, json.dumps({"id": text, "parts": list(text)}))

    columns = {"id": column(**ID)}
    meta = {"files": "landing:docs/*.md", "reader": "notes", "mode": "snapshot"}
    whole = stream("docs", columns, **meta)
    parts = stream("parts", columns | {"part": column(path="each")}, each="parts", **meta)
    landing.write("docs/x.md", "ab\n!c\n")
    landing.write("docs/gone.md", "z\n")
    report = landing.load(whole, parts, readers={"notes": read})
    assert [(problem.file, problem.reason) for problem in report.rejected] == [
        ("docs/gone.md", f"can't be read ([Errno 2] No such file: "
         f"'{landing.roots['landing']}/docs/gone.md')"),
    ]  # fmt: skip
    assert [row["id"] for row in landing.rows("docs")] == ["ab"]
    assert sorted(row["part"] for row in landing.rows("parts")) == ["a", "b"]
    (problem,) = landing.quarantine("docs")
    assert (problem["line"], problem["field"], problem["value"], problem["text"]) == (
        2, "title", "!c", "!c",
    )  # fmt: skip
    assert landing.quarantine("parts") == []
    landing.write("docs/y.md", "d\n")
    report = landing.load(whole, parts, readers={})
    reasons = {problem.file: problem.reason for problem in report.rejected}
    assert reasons["docs/y.md"] == (
        "models/staging/demo/_demo__sources.yml names reader 'notes'; known: none"
    )
