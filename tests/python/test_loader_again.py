"""The second load, and the tenth: nothing twice, nothing lost, whatever changed in between."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import duckdb
import pytest

from orchestration.documents.problems import Line
from orchestration.loader import ContractError, batch, files, raw
from orchestration.loader import text as texts

from .loader_helpers import ID, ROOT, Landing, column, ndjson, stream

COLUMNS = {"id": column(**ID), "n": column("bigint"), "updated_at": column("timestamp")}
APPEND = stream("append", COLUMNS, version="updated_at")
SNAPSHOT = stream("snapshot", COLUMNS, mode="snapshot")


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


def test_each_table_has_its_own_columns(landing: Landing) -> None:
    other = stream("other", {"id": column(**ID), "state": column()})
    landing.write("append/a.ndjson", ndjson({"id": "a"}, {"n": 1}))
    landing.write("other/a.ndjson", ndjson({"id": "a", "state": "new"}))
    landing.load(APPEND, other)
    landing.write("append/b.ndjson", ndjson({"id": "b"}, {"n": 2}))
    landing.load(APPEND, other)
    found: dict[str, set[str]] = {}
    for row in landing.query(
        "select table_name, column_name from information_schema.columns where table_schema = 'raw'"
    ):
        found.setdefault(row["table_name"].split("__")[-1], set()).add(row["column_name"])
    assert found["append"] == {*COLUMNS, *raw.ORIGIN}
    assert found["other"] == {"id", "state", *raw.ORIGIN}
    assert found["quarantine"] == {*raw.QUARANTINE}


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


def test_a_snapshot_that_breaks_is_reported_until_it_is_corrected(landing: Landing) -> None:
    good = ndjson({"id": "a"})
    landing.write("snapshot/a.json", good)
    landing.load(SNAPSHOT)
    landing.write("snapshot/a.json", "{")
    assert [len(landing.load(SNAPSHOT).rejected) for _ in range(2)] == [1, 1]
    landing.write("snapshot/a.json", good)
    assert landing.load(SNAPSHOT).rejected == []
    assert [load[1] for load in counts(landing, "snapshot")] == ["loaded", "rejected", "loaded"]


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


def test_what_comes_later_is_added_and_changes_no_row(landing: Landing) -> None:
    """An older export after a newer one, and a file that has grown, which is read again whole."""
    newer = {"id": "a", "n": 2, "updated_at": "2026-06-02T00:00:00Z"}
    older = {"id": "a", "n": 1, "updated_at": "2026-06-01T00:00:00Z"}
    landing.write("append/june-02.ndjson", ndjson(newer))
    landing.load(APPEND)
    path = landing.write("append/june-01.ndjson", ndjson(older))
    landing.load(APPEND)
    rows = sorted(landing.rows("append"), key=lambda row: row["_loaded_at"])
    assert [json.loads(row["_payload"]) for row in rows] == [newer, older]
    with path.open("a") as file:
        file.write(ndjson({"id": "b"}))
    assert landing.load(APPEND).rows_loaded == 2
    assert [row["n"] for row in landing.rows("append")] == [1, 1, None, 2]


def test_a_column_that_the_contract_names_later(landing: Landing) -> None:
    landing.write("append/a.ndjson", ndjson({"id": "a", "severity": "high"}))
    landing.load(APPEND)
    wider = stream("append", COLUMNS | {"severity": column(), "score": column("double")})
    landing.write("append/b.ndjson", ndjson({"id": "b", "severity": "low", "score": 1.5}))
    assert landing.load(wider).rows_loaded == 2, "what is there is read again"
    found = {key: (row["severity"], row["score"]) for key, row in landing.by_id("append").items()}
    assert found == {"a": ("high", None), "b": ("low", 1.5)}
    landing.load(APPEND)
    assert landing.by_id("append")["b"]["severity"] is None, "a column less is no error"


def test_mending_the_contract_lets_in_what_it_kept_out(landing: Landing) -> None:
    """The reason said to correct the contract; then the file, unchanged, must be read again."""
    landing.write("append/a.ndjson", ndjson({"id": "a"}, {"id": "b", "updated_at": "13/2/2026"}))
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
    assert (report.files_loaded, report.files_unchanged, report.files_again) == (3, 0, 2)
    assert (report.rows_quarantined, report.rejected) == (0, [])
    assert set(landing.by_id("append")) == {"a", "b", "c", "d"}
    assert landing.load(fixed).files_loaded == 0
    assert landing.unaccounted(fixed) == []


def test_a_column_of_another_type_later(landing: Landing) -> None:
    """The table can't follow, and a cast would change values: the load stops with a remedy."""
    landing.write("append/a.ndjson", ndjson({"id": "a", "n": 1}))
    landing.load(APPEND)
    landing.write("append/b.ndjson", ndjson({"id": "b", "n": 1.5}))
    words = "column n should be double, but demo__append has it as bigint; give the column another"
    with pytest.raises(ContractError, match=words):
        landing.load(stream("append", COLUMNS | {"n": column("double")}))
    renamed = {"id": COLUMNS["id"], "n_exact": column("double", path="n")}
    assert landing.load(stream("append", renamed)).rows_loaded == 2
    assert landing.by_id("append")["b"]["n_exact"] == 1.5


def test_unaccounted_counts_what_is_there(landing: Landing) -> None:
    landing.write("append/a.ndjson", ndjson({"id": "a"}, {"id": "b"}, {"n": 1}, {"n": 2}))
    landing.write("append/b.ndjson", ndjson({"id": "c"}))
    landing.load(APPEND, SNAPSHOT)
    assert landing.unaccounted(APPEND, SNAPSHOT) == []

    def change(sql: str) -> list[str]:
        with duckdb.connect(str(landing.warehouse)) as con:
            con.execute(sql)
        return landing.unaccounted(APPEND, SNAPSHOT)

    a, b = "demo.append: append/a.ndjson: 4 records", "demo.append: append/b.ndjson: 1 records"
    assert change("delete from raw.demo__append where id = 'a'") == [f"{a}, 3 rows"]
    assert change("delete from raw.quarantine where line = 3") == [f"{a}, 2 rows"]
    again = change("insert into raw.demo__append select * from raw.demo__append")
    assert again == [f"{a}, 3 rows", f"{b}, 2 rows"]
    assert change("delete from raw.demo__append") == [f"{a}, 1 rows", f"{b}, 0 rows"]


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


def hashed(landing: Landing, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the files that another load reads in order to hash them."""
    names: list[str] = []
    digest = hashlib.file_digest

    def noted(file: Any, kind: str) -> Any:
        names.append(Path(file.name).name)
        return digest(file, kind)

    with monkeypatch.context() as patch:
        patch.setattr(hashlib, "file_digest", noted)
        landing.load(APPEND, SNAPSHOT)
    return names


def test_a_file_is_hashed_when_it_changed(
    landing: Landing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "SETTLING_SECONDS", 3600)
    old = landing.write("append/old.ndjson", ndjson({"id": "a"}))
    assert hashed(landing, monkeypatch) == ["old.ndjson"]
    assert hashed(landing, monkeypatch) == ["old.ndjson"], "it could change within a clock tick"
    monkeypatch.setattr(files, "SETTLING_SECONDS", 0)
    time.sleep(0.05)
    assert hashed(landing, monkeypatch) == ["old.ndjson"]
    assert hashed(landing, monkeypatch) == []
    state = old.stat()
    old.write_text(ndjson({"id": "b"}))
    os.utime(old, ns=(state.st_atime_ns, state.st_mtime_ns))
    assert hashed(landing, monkeypatch) == ["old.ndjson"], "size and time are the same"
    assert set(landing.by_id("append")) == {"a", "b"}
    (landing.home / "dlt" / "hashes.json").write_text("{")
    assert hashed(landing, monkeypatch) == ["old.ndjson"], "a broken store is no store"


def test_a_load_of_nothing_needs_no_dlt(landing: Landing) -> None:
    landing.write("append/a.ndjson", ndjson({"id": "a"}))
    landing.load(APPEND)
    program = (
        "import sys; from pathlib import Path; from tests.python.loader_helpers import Landing\n"
        "from tests.python.test_loader_again import APPEND\n"
        "print(Landing(Path(sys.argv[1])).load(APPEND).files_unchanged, 'dlt' in sys.modules)"
    )
    run = subprocess.run(
        [sys.executable, "-c", program, str(landing.home)],
        cwd=ROOT, capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    assert run.stdout == "1 False\n"


def test_nothing_is_left_of_a_load_but_its_rows(landing: Landing) -> None:
    """Packages that dlt has loaded, of earlier versions too, and Parquet files are deleted."""
    package = landing.home / "dlt/paydown/load/loaded/1.5/completed_jobs"
    package.mkdir(parents=True)
    (package / "x.parquet").write_bytes(b"x" * 1000)
    landing.write("append/a.ndjson", ndjson({"id": "a"}))
    landing.load(APPEND)
    assert list(landing.home.rglob("*.parquet")) == []


def test_a_file_in_several_pieces(landing: Landing, monkeypatch: pytest.MonkeyPatch) -> None:
    """Line numbers go on, an envelope's line is its own, and of a file that breaks later nothing
    is loaded, though its first pieces were written.
    """
    monkeypatch.setattr(batch, "PIECE_BYTES", 1000)
    monkeypatch.setattr(texts, "BLOCK_BYTES", 500)
    records = [{"id": f"r{n}", "n": n if n % 10 else "bad", "pad": "x" * 40} for n in range(100)]
    many = stream("many", COLUMNS, records="items", mode="snapshot")
    landing.write("many/lines.ndjson", ndjson(*records))
    landing.write(
        "many/table.csv", "id,n,pad\n" + "".join(f'c{n},{n},"x\ny"\n' for n in range(100))
    )
    landing.write("many/envelopes.ndjson", ndjson(*({"items": [r]} for r in records)))
    landing.write("many/array.json", json.dumps(records * 50))
    landing.write("many/cut.json", json.dumps(records * 50)[:-100])
    landing.write("many/cut.ndjson.gz", "").write_bytes(
        gzip.compress(ndjson(*records).encode())[:-9]
    )
    report = landing.load(many)
    assert {problem.file for problem in report.rejected} == {"many/cut.json", "many/cut.ndjson.gz"}
    found: dict[str, list[int]] = {}
    for row in landing.rows("many") + landing.query(
        "select file as _source_file, line as _line from raw.quarantine"
    ):
        found.setdefault(row["_source_file"], []).append(row["_line"])
    assert sorted(found.pop("many/table.csv")) == list(range(2, 202, 2))
    assert sorted(found.pop("many/array.json")) == list(range(1, 5001))
    assert {name: sorted(numbers) for name, numbers in found.items()} == {
        "many/lines.ndjson": list(range(1, 101)),
        "many/envelopes.ndjson": list(range(1, 101)),
    }
    assert (report.rows_loaded, report.rows_quarantined) == (90 + 100 + 90 + 4500, 10 + 10 + 500)
    assert report.unaccounted == []
