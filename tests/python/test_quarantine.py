"""What was set aside is listed, shown and read again, by functions and by the command line."""

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
from orchestration.loader.quarantine import Kind, Problem, Quarantine, QuarantineError
from orchestration.loader.replay import replay
from orchestration.loader.report import Outcome, ReplayReport

from .loader_helpers import ID, ROOT, Json, Landing, column, contracts, stream

OLD = stream("s", {"id": column(**ID), "n": column("bigint"), "at": column("timestamp")})
NEW = stream(
    "s",
    {
        "id": column(**ID),
        "n": column("bigint"),
        "at": column("timestamp", formats=["iso", "%d/%m/%Y"]),
    },
)
GOOD: Json = {"id": "good", "at": "2026-06-01"}
BAD_DATE: Json = {"id": "day first", "at": "26/06/2026", "secret": "x"}
BAD_NUMBER: Json = {"id": "number", "n": "many"}


@pytest.fixture
def landing(tmp_path: Path) -> Landing:
    return Landing(tmp_path)


def ndjson(*records: Json) -> str:
    return "".join(json.dumps(record) + "\n" for record in records)


def again(
    landing: Landing, *nodes: Json, ids: Sequence[str] = (), correction: Path | None = None
) -> ReplayReport:
    return replay(contracts(*nodes), landing.store(), {}, ids=ids, correction=correction)


def problems(landing: Landing, *, settled: bool = True) -> list[Problem]:
    with duckdb.connect(str(landing.warehouse), read_only=True) as con:
        return Quarantine(con).problems(settled=settled)


def kinds(landing: Landing, *, settled: bool = True) -> list[Kind]:
    with duckdb.connect(str(landing.warehouse), read_only=True) as con:
        return Quarantine(con).kinds(settled=settled)


def states(landing: Landing) -> dict[tuple[str, int | None], str]:
    return {(problem.file, problem.line): problem.state for problem in problems(landing)}


def id_of(landing: Landing, line: int) -> str:
    return next(problem.id for problem in problems(landing) if problem.line == line)


def loaded(landing: Landing) -> list[tuple[str, int, str]]:
    return sorted((row["_source_file"], row["_line"], row["id"]) for row in landing.rows("s"))


def test_a_contract_that_was_mended_after_the_file_was_gone(landing: Landing) -> None:
    path = landing.write("s/x.ndjson", ndjson(GOOD, BAD_DATE, BAD_NUMBER))
    landing.load(OLD)
    path.unlink()
    first = again(landing, NEW)
    assert (first.count("loaded"), first.count("open"), first.rows_loaded) == (1, 1, 1)
    assert loaded(landing) == [("s/x.ndjson", 1, "good"), ("s/x.ndjson", 2, "day first")]
    assert json.loads(landing.rows("s")[1]["_payload"]) == BAD_DATE
    assert states(landing) == {("s/x.ndjson", 2): "replayed", ("s/x.ndjson", 3): "open"}
    assert landing.unaccounted(NEW) == []

    before = landing.warehouse.read_bytes()
    second = again(landing, NEW)
    assert [outcome.state for outcome in second.outcomes] == ["open"]
    third = again(landing, NEW, ids=[id_of(landing, 2), id_of(landing, 3)])
    assert [outcome.state for outcome in third.outcomes] == ["settled", "open"]
    assert landing.warehouse.read_bytes() == before, "a second replay changes nothing"
    assert landing.load(NEW).rows_loaded == 0


def test_a_mended_contract_reads_the_file_that_is_there_again(landing: Landing) -> None:
    landing.write("s/x.ndjson", ndjson(GOOD, BAD_DATE, BAD_NUMBER))
    landing.load(OLD)
    ids = [problem.id for problem in problems(landing)]
    landing.load(NEW)
    assert states(landing) == {("s/x.ndjson", 2): "read again", ("s/x.ndjson", 3): "open"}
    assert {problem.id for problem in problems(landing)} == set(ids), "an id stays the same"
    (outcome,) = again(landing, NEW).outcomes
    assert (outcome.place, outcome.state) == ("s/x.ndjson:3", "open")
    (kind,) = kinds(landing, settled=False)
    assert (kind.open, kind.settled) == (1, 0)


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
        (outcome,) = again(landing, OLD, ids=[number], correction=correction).outcomes
        assert outcome.state == "open"
        assert outcome.reason.startswith(reason)
    for text, words in {
        "": "record.json: is empty",
        "[]": "holds no record",
        "{": "export it again",
    }.items():
        correction.write_text(text)
        with pytest.raises(QuarantineError, match=words):
            again(landing, OLD, ids=[number], correction=correction)
    assert landing.warehouse.read_bytes() == before, "a bad correction changes nothing"

    correction.write_text(json.dumps(BAD_NUMBER | {"n": 7}, indent=2))
    assert again(landing, OLD, ids=[number[:8]], correction=correction).rows_loaded == 1
    two = tmp_path / "two.ndjson"
    two.write_text(ndjson({"id": "a"}, {"id": "b"}))
    report = again(landing, OLD, ids=[broken], correction=two)
    assert (report.count("loaded"), report.rows_loaded) == (1, 2), "a line held two records"
    assert loaded(landing) == [
        ("s/x.ndjson", 1, "good"),
        ("s/x.ndjson", 2, "number"),
        ("s/x.ndjson", 3, "a"),
        ("s/x.ndjson", 3, "b"),
    ]
    assert again(landing, OLD, ids=[broken], correction=two).count("settled") == 1
    assert landing.unaccounted(OLD) == []
    assert landing.quarantine("s")[0]["text"] == json.dumps(BAD_NUMBER), "the original stays"

    landing.load(NEW)
    assert set(states(landing).values()) == {"replayed"}, "read again, it is known as corrected"
    assert again(landing, NEW).outcomes == []


def test_a_csv_row_is_corrected_below_its_header(landing: Landing, tmp_path: Path) -> None:
    landing.write("s/x.csv", "id,n\na,1\nb,2,3\n")
    landing.load(OLD)
    (problem,) = problems(landing)
    assert again(landing, OLD).outcomes == [
        Outcome(problem.id, "s/x.csv:3", "open", problem.reason)
    ]
    row = tmp_path / "row.csv"
    row.write_text("id,n\nb,23\n")
    assert again(landing, OLD, ids=[problem.id], correction=row).rows_loaded == 1
    assert [(row["id"], row["n"], row["_line"]) for row in landing.rows("s")] == [
        ("a", 1, 2),
        ("b", 23, 3),
    ]


def test_what_is_bad_again_stays_with_its_new_reason(landing: Landing) -> None:
    path = landing.write("s/x.ndjson", ndjson(BAD_DATE | {"n": "many"}))
    landing.load(stream("s", {"id": column(**ID), "at": column("timestamp")}))
    path.unlink()
    (outcome,) = again(landing, NEW).outcomes
    assert outcome.state == "open"
    assert outcome.reason.startswith("n is not a bigint")
    (problem,) = problems(landing)
    assert (problem.id, problem.field, problem.state) == (outcome.id, "n", "open")
    assert [row["field"] for row in landing.quarantine("s")] == ["at", "n"], "nothing is deleted"
    assert landing.unaccounted(NEW) == []
    before = landing.warehouse.read_bytes()
    assert again(landing, NEW).count("open") == 1
    assert landing.warehouse.read_bytes() == before


def test_an_envelope_whose_list_was_looked_for_elsewhere(landing: Landing) -> None:
    landing.write("s/x.json", json.dumps({"data": {"items": [GOOD, {"id": "b"}]}})).touch()
    wrong = stream("s", OLD["columns"], records="items")
    landing.load(wrong)
    (landing.roots["landing"] / "s/x.json").unlink()
    report = again(landing, stream("s", OLD["columns"], records="data.items"))
    assert (report.count("loaded"), report.rows_loaded) == (1, 2)
    assert loaded(landing) == [("s/x.json", 1, "good"), ("s/x.json", 2, "b")]


def test_elements_of_which_some_are_bad(landing: Landing) -> None:
    columns = {"id": column(**ID), "part": column("bigint", path="each")}
    each = stream("s", columns, each="parts", key=["id", "part"])
    landing.write("s/x.ndjson", ndjson({"id": "a", "parts": [1, "two", "three"]}))
    landing.load(each)
    assert len(problems(landing)) == 2
    (kind,) = kinds(landing)
    assert kind.open == 1, "one record"
    before = landing.warehouse.read_bytes()
    assert again(landing, each).count("open") == 1
    assert landing.warehouse.read_bytes() == before
    looser = stream(
        "s",
        columns | {"part": column("bigint", path="each"), "name": column(path="each")},
        each="parts",
        key=["id", "name"],
        nulls=["", "two"],
    )
    report = again(landing, looser)
    assert report.count("open") == 1, "the third is still bad"
    assert landing.unaccounted(looser) == []


def test_what_cannot_be_replayed_says_why(landing: Landing, tmp_path: Path) -> None:
    snapshot = stream("docs", OLD["columns"], mode="snapshot")
    other = stream("other", OLD["columns"])
    landing.write("s/x.ndjson", ndjson(BAD_NUMBER | {"pad": "x" * MAX_QUARANTINED_TEXT}))
    landing.write("docs/x.ndjson", ndjson(BAD_NUMBER))
    landing.write("other/x.ndjson", ndjson(BAD_NUMBER))
    landing.load(OLD, snapshot, other)
    before = landing.warehouse.read_bytes()
    reasons = {outcome.place: outcome.reason for outcome in again(landing, OLD, snapshot).outcomes}
    assert reasons == {
        "docs/x.ndjson:1": (
            "demo.docs is what its files say; correct docs/x.ndjson itself, "
            "and the next run reads it"
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
    cut = next(problem.id for problem in problems(landing) if problem.stream == "s")
    assert again(landing, OLD, ids=[cut], correction=whole).rows_loaded == 1
    with pytest.raises(QuarantineError, match="corrects one record; give the id of one"):
        again(landing, OLD, correction=whole)
    open_other = next(problem.id for problem in problems(landing) if problem.stream == "other")
    with pytest.raises(QuarantineError, match=r"gone.json: can't be read \(No such file"):
        again(landing, other, ids=[open_other], correction=tmp_path / "gone.json")


def test_files_that_change_settle_what_they_said(landing: Landing) -> None:
    snapshot = stream("docs", OLD["columns"], mode="snapshot")
    for name in ("s/edited", "docs/edited", "docs/gone", "s/gone", "s/broken"):
        landing.write(f"{name}.ndjson", ndjson(BAD_NUMBER | {"file": name}))
    landing.load(OLD, snapshot)
    for name in ("s/edited", "docs/edited"):
        landing.write(f"{name}.ndjson", ndjson(GOOD, BAD_NUMBER | {"n": "few"}))
    for name in ("docs/gone", "s/gone"):
        (landing.roots["landing"] / f"{name}.ndjson").unlink()
    (landing.roots["landing"] / "s/broken.ndjson").rename(
        landing.roots["landing"] / "s/broken.what"
    )
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
    landing.write("s/x.ndjson", ndjson(GOOD, BAD_DATE, BAD_NUMBER)).touch()
    landing.load(OLD)
    (landing.roots["landing"] / "s/x.ndjson").unlink()
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
    assert again(landing, NEW).count("loaded") == 1
    assert loaded(landing) == [("s/x.ndjson", 1, "good"), ("s/x.ndjson", 2, "day first")]
    assert [row["line"] for row in landing.quarantine("s")] == [2, 3]
    assert landing.unaccounted(NEW) == []


def test_an_id(landing: Landing) -> None:
    known = ["aaaa1111" + "0" * 24, "aaaa2222" + "0" * 24]
    with duckdb.connect() as con:
        con.execute("create schema raw; create table raw.loads as select 1 as _load_id")
        with pytest.raises(QuarantineError, match="nothing was loaded yet; run `paydown run`"):
            Quarantine(con)
    with pytest.raises(QuarantineError, match="nothing was loaded yet; run `paydown run`"):
        again(landing, OLD, ids=["aaaa"])
    landing.load(OLD)
    with duckdb.connect(str(landing.warehouse)) as con:
        quarantine = Quarantine(con)
        con.execute(f"create or replace temp view records as select unnest({known}) as id")
        assert quarantine.full_id("aaaa1") == known[0]
        with pytest.raises(QuarantineError, match=r"aaaa begins 2 ids .*; give more of it"):
            quarantine.full_id("aaaa")
        for wrong in ("bbbb", "aaa", "AAAA1", "' or true --", ""):
            with pytest.raises(QuarantineError, match="no quarantined record has this id"):
                quarantine.full_id(wrong)
