"""What was set aside is listed, shown and read again: what becomes of records and files."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import duckdb
import pytest

from orchestration.loader.project import MAX_QUARANTINED_TEXT
from orchestration.loader.quarantine import Quarantine, QuarantineError, Row
from orchestration.loader.replay import replay

from .loader_helpers import ID, ROOT, Json, Landing, column, contracts, ndjson, stream

COLUMNS = {"id": column(**ID), "n": column("bigint")}
OLD = stream("s", COLUMNS | {"at": column("timestamp")})
NEW = stream("s", COLUMNS | {"at": column("timestamp", formats=["iso", "%d/%m/%Y"])})
GOOD: Json = {"id": "good", "at": "2026-06-01"}
BAD_DATE: Json = {"id": "day first", "at": "26/06/2026", "secret": "x"}
BAD_NUMBER: Json = {"id": "number", "n": "many"}


@pytest.fixture
def landing(tmp_path: Path) -> Landing:
    return Landing(tmp_path)


def again(
    landing: Landing, *nodes: Json, ids: Sequence[str] = (), correction: Path | None = None
) -> list[tuple[str, str]]:
    """Place and state of each record after a replay; reasons by `reasons`."""
    outcomes, _ = replay(contracts(*nodes), landing.store(), {}, ids=ids, correction=correction)
    return [(one["place"], one["state"]) for one in outcomes]


def reasons(landing: Landing, *nodes: Json, **options: object) -> dict[str, str]:
    outcomes, _ = replay(contracts(*nodes), landing.store(), {}, **options)  # ty: ignore
    return {one["place"]: one["reason"] for one in outcomes}


def problems(landing: Landing) -> list[Row]:
    with duckdb.connect(str(landing.warehouse), read_only=True) as con:
        return Quarantine(con).kinds(settled=True, each=True)


def states(landing: Landing) -> dict[tuple[str, int | None], str]:
    return {(row["file"], row["line"]): row["state"] for row in problems(landing)}


def id_of(landing: Landing, line: int) -> str:
    return next(row["id"] for row in problems(landing) if row["line"] == line)


def loaded(landing: Landing) -> list[tuple[str, int, str]]:
    return sorted((row["_source_file"], row["_line"], row["id"]) for row in landing.rows("s"))


def test_a_contract_corrected_after_the_file_was_gone(landing: Landing) -> None:
    landing.write("s/x.ndjson", ndjson(GOOD, BAD_DATE, BAD_NUMBER))
    landing.load(OLD)
    landing.remove("s/x.ndjson")
    assert again(landing, NEW) == [("s/x.ndjson:2", "loaded"), ("s/x.ndjson:3", "open")]
    assert loaded(landing) == [("s/x.ndjson", 1, "good"), ("s/x.ndjson", 2, "day first")]
    assert json.loads(landing.rows("s")[1]["_payload"]) == BAD_DATE
    assert states(landing) == {("s/x.ndjson", 2): "replayed", ("s/x.ndjson", 3): "open"}
    assert landing.unaccounted(NEW) == []

    before = landing.warehouse.read_bytes()
    assert again(landing, NEW) == [("s/x.ndjson:3", "open")]
    both = [id_of(landing, 2), id_of(landing, 3)]
    assert [state for _, state in again(landing, NEW, ids=both)] == ["settled", "open"]
    assert landing.warehouse.read_bytes() == before, "a second replay changes nothing"
    assert landing.load(NEW).files_again == 1, "by itself, without a replay"
    assert set(states(landing).values()) == {"open"}


def test_a_corrected_contract_reads_the_file_that_exists_again(landing: Landing) -> None:
    landing.write("s/x.ndjson", ndjson(GOOD, BAD_DATE, BAD_NUMBER))
    landing.load(OLD)
    kept = id_of(landing, 3)
    landing.load(NEW)
    assert states(landing) == {("s/x.ndjson", 3): "open"}
    assert id_of(landing, 3) == kept, "an id stays the same"
    assert again(landing, NEW) == [("s/x.ndjson:3", "open")]


def test_a_date_that_its_file_decided_is_not_guessed(landing: Landing) -> None:
    columns = {"id": column(**ID), "at": column("date", formats=["%d/%m/%Y"])}
    old = stream("s", columns | {"n": column("bigint")})
    new = stream("s", columns | {"n": column("bigint", lenient=True)})
    landing.write("s/x.csv", "id,at,n\na,06/25/2026,1\nb,03/04/2026,many\nc,03/31/2026,many\n")
    landing.load(old)
    said = reasons(landing, new)
    assert "such as 03/04/2026, can be read either way, day or month first" in said["s/x.csv:3"]
    assert said["s/x.csv:4"] == ""
    assert str(landing.by_id("s")["c"]["at"]) == "2026-03-31"
    assert again(landing, stream("s", columns, dates="month_first")) == [("s/x.csv:3", "loaded")]
    assert str(landing.by_id("s")["b"]["at"]) == "2026-03-04"


def test_a_correction(landing: Landing, tmp_path: Path) -> None:
    landing.write("s/x.ndjson", ndjson(GOOD, BAD_NUMBER) + "{broken\n")
    landing.load(OLD)
    number, broken = id_of(landing, 2), id_of(landing, 3)
    correction = tmp_path / "record.json"
    before = landing.warehouse.read_bytes()
    for text, reason in {
        json.dumps(BAD_NUMBER | {"n": "some"}): "n is not a bigint; correct the value, or its type",
        json.dumps([BAD_NUMBER | {"n": 1}, {"n": 2}]): "id is missing (looked in id)",
    }.items():
        correction.write_text(text)
        (said,) = reasons(landing, OLD, ids=[number], correction=correction).values()
        assert said.startswith(reason)
    for text, words in {
        "": "record.json: is empty",
        "[]": "has no record",
        "{": "export it again",
    }.items():
        correction.write_text(text)
        with pytest.raises(QuarantineError, match=words):
            again(landing, OLD, ids=[number], correction=correction)
    assert landing.warehouse.read_bytes() == before, "a bad correction changes nothing"

    correction.write_text(json.dumps(BAD_NUMBER | {"n": 7}, indent=2))
    assert again(landing, OLD, ids=[number[:8]], correction=correction)[0][1] == "loaded"
    two = tmp_path / "two.ndjson"
    two.write_text(ndjson({"id": "a"}, {"id": "b"}))
    assert again(landing, OLD, ids=[broken], correction=two)[0][1] == "loaded"
    assert loaded(landing) == [
        ("s/x.ndjson", 1, "good"),
        ("s/x.ndjson", 2, "number"),
        ("s/x.ndjson", 3, "a"),
        ("s/x.ndjson", 3, "b"),
    ], "a line held two records"
    assert again(landing, OLD, ids=[broken], correction=two)[0][1] == "settled"
    assert landing.unaccounted(OLD) == []
    assert landing.quarantine("s")[0]["text"] == json.dumps(BAD_NUMBER), "the original stays"

    landing.load(NEW)
    assert set(states(landing).values()) == {"replayed"}, "read again, it is known as corrected"
    assert again(landing, NEW) == []


def test_a_csv_row_is_corrected_below_its_header(landing: Landing, tmp_path: Path) -> None:
    landing.write("s/x.csv", "id,n\na,1\nb,2,3\n")
    landing.load(OLD)
    (problem,) = problems(landing)
    assert reasons(landing, OLD) == {"s/x.csv:3": problem["reason"]}
    row = tmp_path / "row.csv"
    row.write_text("id,n\nb,23\n")
    assert again(landing, OLD, ids=[problem["id"]], correction=row) == [("s/x.csv:3", "loaded")]
    assert [(r["id"], r["n"], r["_line"]) for r in landing.rows("s")] == [("a", 1, 2), ("b", 23, 3)]


def test_an_envelope_whose_list_was_looked_for_elsewhere(landing: Landing) -> None:
    landing.write("s/x.json", json.dumps({"data": {"items": [GOOD, {"id": "b"}]}}))
    (problem,) = landing.load(stream("s", OLD["columns"], records="items")).rejected
    assert problem.reason.startswith("none of its records has id (looked in id; they have data); ")
    landing.load(stream("s", OLD["columns"], records="data.items"))
    assert loaded(landing) == [("s/x.json", 1, "good"), ("s/x.json", 2, "b")]


def test_a_record_of_which_anything_is_still_bad_stays(landing: Landing) -> None:
    """With its new reason, and nothing of it is written, however its elements are."""
    columns = {"id": column(**ID), "part": column("bigint", path="each")}
    each = stream("s", columns, each="parts", key=["id", "part"])
    landing.write("s/x.ndjson", ndjson({"id": "a", "parts": [1, "two", "three"]}))
    landing.load(each)
    with duckdb.connect(str(landing.warehouse), read_only=True) as con:
        (kind,) = Quarantine(con).kinds()
    assert (kind["open"], kind["files"]) == (1, 1), "one record"
    before = landing.warehouse.read_bytes()
    assert again(landing, each) == [("s/x.ndjson:1", "open")]
    looser = stream("s", columns, each="parts", key=["id", "part"], nulls=["", "two"])
    (reason,) = reasons(landing, looser).values()
    assert reason.startswith("part is not a bigint")
    assert landing.warehouse.read_bytes() == before
    loosest = stream("s", columns, each="parts", key=["id", "part"], nulls=["two", "three"])
    assert again(landing, loosest) == [("s/x.ndjson:1", "loaded")]
    assert landing.unaccounted(loosest) == []


def test_what_cannot_be_replayed_says_why(landing: Landing, tmp_path: Path) -> None:
    snapshot = stream("docs", OLD["columns"], mode="snapshot")
    other = stream("other", OLD["columns"])
    landing.write("s/x.ndjson", ndjson(BAD_NUMBER | {"pad": "x" * MAX_QUARANTINED_TEXT}))
    landing.write("docs/x.ndjson", ndjson(BAD_NUMBER))
    landing.write("other/x.ndjson", ndjson(BAD_NUMBER))
    landing.load(OLD, snapshot, other)
    before = landing.warehouse.read_bytes()
    assert reasons(landing, OLD, snapshot) == {
        "docs/x.ndjson:1": (
            "demo.docs mirrors its files; correct docs/x.ndjson itself, and the next run reads it"
        ),
        "other/x.ndjson:1": (
            "no contract reads demo.other any more; add it to a _sources.yml again"
        ),
        "s/x.ndjson:1": (
            "only its first 1,000,000 characters were kept; correct it in s/x.ndjson and run "
            "again, or give the complete record by --with FILE"
        ),
    }
    assert landing.warehouse.read_bytes() == before
    whole = tmp_path / "whole.json"
    whole.write_text(json.dumps(BAD_NUMBER | {"n": 1, "pad": "x" * MAX_QUARANTINED_TEXT}))
    cut, open_other = (
        next(row["id"] for row in problems(landing) if row["stream"] == name)
        for name in ("s", "other")
    )
    assert again(landing, OLD, ids=[cut], correction=whole) == [("s/x.ndjson:1", "loaded")]
    with pytest.raises(QuarantineError, match="corrects one record; give one id"):
        again(landing, OLD, correction=whole)
    with pytest.raises(QuarantineError, match=r"gone.json: can't be read \(.*No such file"):
        again(landing, other, ids=[open_other], correction=tmp_path / "gone.json")


def test_files_that_change_settle_what_they_said(landing: Landing) -> None:
    snapshot = stream("docs", OLD["columns"], mode="snapshot")
    for name in ("s/edited", "docs/edited", "docs/gone", "s/gone", "s/broken"):
        landing.write(f"{name}.ndjson", ndjson(BAD_NUMBER | {"file": name}))
    landing.load(OLD, snapshot)
    for name in ("s/edited", "docs/edited"):
        landing.write(f"{name}.ndjson", ndjson(GOOD, BAD_NUMBER | {"n": "few"}))
    for name in ("docs/gone", "s/gone", "s/broken"):
        landing.remove(f"{name}.ndjson")
    landing.write("s/broken.what", ndjson(BAD_NUMBER))
    landing.load(OLD, snapshot)
    assert states(landing) == {
        ("s/edited.ndjson", 1): "read again",
        ("s/edited.ndjson", 2): "open",
        ("docs/edited.ndjson", 1): "read again",
        ("docs/edited.ndjson", 2): "open",
        ("docs/gone.ndjson", 1): "removed",
        ("s/gone.ndjson", 1): "open",
        ("s/broken.ndjson", 1): "open",
    }


KILLED = """
import sys
from pathlib import Path
from orchestration.loader.replay import replay
from tests.python.loader_helpers import Landing, contracts, kill_at
from tests.python.test_quarantine import NEW

landing = Landing(Path(sys.argv[1]))
kill_at(sys.argv[2])
replay(contracts(NEW), landing.store(), {})
"""


def test_killed_half_way_it_loses_nothing(landing: Landing) -> None:
    landing.write("s/x.ndjson", ndjson(GOOD, BAD_DATE, BAD_NUMBER))
    landing.load(OLD)
    landing.remove("s/x.ndjson")
    for fatal in (
        "FROM read_parquet",
        'INSERT INTO "raw"."_dlt_loads"',
        "insert into raw.loads",
    ):
        run = subprocess.run(
            [sys.executable, "-c", KILLED, str(landing.home), fatal],
            cwd=ROOT, capture_output=True, text=True, timeout=300,
        )  # fmt: skip
        assert run.returncode == -signal.SIGKILL, run.stderr
        assert states(landing) == {("s/x.ndjson", 2): "open", ("s/x.ndjson", 3): "open"}
    assert ("s/x.ndjson:2", "loaded") in again(landing, NEW)
    assert loaded(landing) == [("s/x.ndjson", 1, "good"), ("s/x.ndjson", 2, "day first")]
    assert [row["line"] for row in landing.quarantine("s")] == [2, 3]
    assert landing.unaccounted(NEW) == []


def test_an_id(landing: Landing) -> None:
    known = ["aaaa1111" + "0" * 24, "aaaa2222" + "0" * 24]
    with pytest.raises(QuarantineError, match="nothing was loaded yet; run `paydown run`"):
        again(landing, OLD, ids=["aaaa"])
    landing.load(OLD)
    with duckdb.connect(str(landing.warehouse)) as con:
        quarantine = Quarantine(con)
        con.execute(f"create or replace temp view records as select unnest({known}) as id")
        assert quarantine.full_id("aaaa1") == known[0]
        with pytest.raises(QuarantineError, match=r"aaaa: matches 2 ids .*; give more of it"):
            quarantine.full_id("aaaa")
        for wrong in ("bbbb", "aaa", "AAAA1", "' or true --", ""):
            with pytest.raises(QuarantineError, match="no quarantined record has this id"):
                quarantine.full_id(wrong)
