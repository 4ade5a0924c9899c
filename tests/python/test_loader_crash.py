"""Whatever a load dies of, the next one leaves each source row in `raw` or in quarantine, once.

As a program, `python -m tests.python.test_loader_crash FOLDER` kills a load at each of `POINTS` and
prints what a clean load finds afterwards. Each load runs in a fork, so that dlt is imported once.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import duckdb
import pytest

from .loader_helpers import ID, ROOT, Json, Landing, column, kill_at, stream


@dataclass(frozen=True)
class Point:
    """The load that is killed, over what an earlier one left or nothing, and just before what: the
    `number`-th statement that holds `sql`. Without `sql` so many loads race each other.
    """

    meaning: str
    sql: str
    number: int = 1
    after_another: bool = True


POINTS = [
    Point("some tables exist", 'create table raw."demo__docs"', after_another=False),
    Point("some tables of the first load are filled", "FROM read_parquet", 3, after_another=False),
    Point("some tables of the second load are filled", "FROM read_parquet", 3),
    Point("all rows are there, dlt's own mark is not", 'INSERT INTO "raw"."_dlt_loads"'),
    Point("all rows are there, no load is", "insert into raw.loads"),
    Point("nothing is killed, three load at once", "", 3, after_another=False),
]


COLUMNS = {"id": column(**ID), "n": column("bigint")}
STREAMS = [
    stream("lines", COLUMNS),
    stream("table", COLUMNS),
    stream("docs", COLUMNS, mode="snapshot"),
]


def main(folder: Path) -> None:
    for number, point in enumerate(POINTS):
        landing = Landing(folder / str(number))
        if point.after_another:
            write(landing, "first")
            finish(fork(partial(landing.load, *STREAMS)))
        write(landing, "second")
        if point.sql:
            killed = finish(fork(partial(load_and_die, landing, point)))
        else:
            racing = [fork(partial(landing.load, *STREAMS)) for _ in range(point.number)]
            killed = True in [finish(child) for child in racing]
        finish(fork(partial(load_and_tell, landing, point, killed)))


def write(landing: Landing, name: str) -> None:
    """Two good rows and a bad one in each of three streams; the snapshot's file changes."""
    rows: list[Json] = [{"id": f"{name}-{n}", "n": n if n else "bad"} for n in range(3)]
    landing.write(f"lines/{name}.ndjson", "".join(json.dumps(row) + "\n" for row in rows))
    csv = "".join(f"{row['id']},{row['n']}\n" for row in rows)
    landing.write(f"table/{name}.csv", f"id,n\n{csv}")
    landing.write("docs/same.ndjson", "".join(json.dumps(row) + "\n" for row in rows))


def load_and_die(landing: Landing, point: Point) -> None:
    kill_at(point.sql, point.number)
    landing.load(*STREAMS)


def load_and_tell(landing: Landing, point: Point, killed: bool) -> None:
    landing.load(*STREAMS)
    again = landing.load(*STREAMS)
    found = {
        name: [row["id"] for row in landing.rows(name)]
        + [f"bad {row['file']}" for row in landing.quarantine(name)]
        for name in ("lines", "table", "docs")
    }
    result = {
        "point": point.meaning,
        "killed": killed,
        "found": found,
        "loads": len(landing.query("select * from raw.loads")),
        "unaccounted": [str(one) for one in landing.unaccounted(*STREAMS)],
        "again": again.files_loaded + again.files_removed,
    }
    print(json.dumps(result), flush=True)


def fork(work: Callable[[], object]) -> int:
    """Do the work in a child."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            work()
            status = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(status)
    return child


def finish(child: int) -> bool:
    """Wait for a child; whether it was killed."""
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        return os.WTERMSIG(status) == signal.SIGKILL
    if os.WEXITSTATUS(status):
        raise SystemExit(f"a load failed with {os.WEXITSTATUS(status)}")
    return False


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = str(tmp_path_factory.mktemp("crash"))
    command = [sys.executable, "-m", "tests.python.test_loader_crash", folder]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600)
    assert run.returncode == 0, run.stderr
    return {row["point"]: row for row in map(json.loads, run.stdout.splitlines())}


@pytest.mark.parametrize("point", POINTS, ids=lambda point: point.meaning)
def test_after_a_kill(outcomes: dict[str, Any], point: Point) -> None:
    outcome = outcomes[point.meaning]
    assert outcome["killed"] == bool(point.sql)
    files = ["first", "second"] if point.after_another else ["second"]
    for name, ending in {"lines": "ndjson", "table": "csv"}.items():
        expected = [f"{file}-{n}" for file in files for n in (1, 2)]
        expected += [f"bad {name}/{file}.{ending}" for file in files]
        assert sorted(outcome["found"][name]) == sorted(expected)
    # The snapshot's file has one name; each of its contents was loaded.
    expected = [f"{file}-{n}" for file in files for n in (1, 2)]
    expected += ["bad docs/same.ndjson" for _ in files]
    assert sorted(outcome["found"]["docs"]) == sorted(expected)
    assert outcome["loads"] == 3 * len(files)
    assert outcome["unaccounted"] == []
    assert outcome["again"] == 0


LINES = STREAMS[0]


def test_leftovers_of_a_file_that_is_gone(tmp_path: Path) -> None:
    """Rows without a load are no rows, even where nothing brings them anew."""
    landing = Landing(tmp_path)
    landing.write("lines/x.ndjson", '{"id": "a"}\n')
    landing.load(LINES)
    with duckdb.connect(str(landing.warehouse)) as con:
        con.execute("insert into raw.demo__lines by name select 'x' as id, 'dead' as _load_id")
        con.execute("insert into raw.quarantine by name select 'dead' as _load_id")
    landing.load(LINES)
    assert [row["id"] for row in landing.rows("lines")] == ["a"]
    assert landing.query("select * from raw.quarantine") == []


def test_dlt_forgets_or_the_warehouse_goes(tmp_path: Path) -> None:
    landing = Landing(tmp_path)
    rows: list[Json] = [{"id": "a"}, {"ID": "no key"}]
    landing.write("lines/x.ndjson", "".join(json.dumps(row) + "\n" for row in rows))
    landing.load(LINES)

    (landing.home / "dlt").rename(landing.home / "gone")
    assert landing.load(LINES).files_unchanged == 1
    landing.write("lines/y.ndjson", '{"id": "b"}\n')
    assert landing.load(LINES).rows_loaded == 1

    landing.warehouse.unlink()
    report = landing.load(LINES)
    assert (report.rows_loaded, report.rows_quarantined) == (2, 1)
    assert landing.unaccounted(LINES) == []


def test_a_table_that_somebody_dropped(tmp_path: Path) -> None:
    """It comes back empty, for what is new; what it held is reported until it is loaded anew."""
    landing = Landing(tmp_path)
    landing.write("lines/x.ndjson", '{"id": "a"}\n')
    landing.load(LINES)
    with duckdb.connect(str(landing.warehouse)) as con:
        con.execute("drop table raw.demo__lines")
    lost = "demo.lines: lines/x.ndjson: 1 records, 0 rows"
    assert landing.unaccounted(LINES) == [lost]
    landing.write("lines/y.ndjson", '{"id": "b"}\n')
    landing.load(LINES)
    assert [row["id"] for row in landing.rows("lines")] == ["b"]
    assert landing.unaccounted(LINES) == [lost]
    with duckdb.connect(str(landing.warehouse)) as con:
        con.execute("delete from raw.loads where file = 'lines/x.ndjson'")
    landing.load(LINES)
    assert {row["id"] for row in landing.rows("lines")} == {"a", "b"}
    assert landing.unaccounted(LINES) == []


if __name__ == "__main__":
    main(Path(sys.argv[1]))
