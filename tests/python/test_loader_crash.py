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
from pathlib import Path
from typing import Any

import duckdb
import pytest

from .loader_helpers import ID, ROOT, Json, Landing, column, kill_at, ndjson, stream

# Just before what a load is killed: the so-many-th statement that holds the text. Whether an
# earlier load was through. Without a text so many loads race each other.
POINTS: dict[str, tuple[str, int, bool]] = {
    "some tables exist": ('create table raw."demo__docs"', 1, False),
    "some tables of the first load are filled": ("FROM read_parquet", 3, False),
    "some tables of the second load are filled": ("FROM read_parquet", 3, True),
    "all rows are there, dlt's own mark is not": ('INSERT INTO "raw"."_dlt_loads"', 1, True),
    "all rows are there, no load is": ("insert into raw.loads", 1, True),
    "nothing is killed, three load at once": ("", 3, False),
}
COLUMNS = {"id": column(**ID), "n": column("bigint")}
STREAMS = [
    stream("lines", COLUMNS),
    stream("table", COLUMNS),
    stream("docs", COLUMNS, mode="snapshot"),
]


def main(folder: Path) -> None:
    for number, (meaning, (sql, times, after_another)) in enumerate(POINTS.items()):
        landing = Landing(folder / str(number))
        if after_another:
            write(landing, "first")
            finish(fork(landing.load, *STREAMS))
        write(landing, "second")

        def load(landing: Landing = landing, sql: str = sql, times: int = times) -> None:
            if sql:
                kill_at(sql, times)
            landing.load(*STREAMS)

        racing = [fork(load) for _ in range(1 if sql else times)]
        was_killed = True in [finish(child) for child in racing]
        finish(fork(load_and_report, landing, meaning, was_killed))


def write(landing: Landing, name: str) -> None:
    """Two good rows and a bad one in each of three streams; the snapshot's file changes."""
    rows: list[Json] = [{"id": f"{name}-{n}", "n": n if n else "bad"} for n in range(3)]
    csv = "".join(f"{row['id']},{row['n']}\n" for row in rows)
    landing.write(f"lines/{name}.ndjson", ndjson(*rows))
    landing.write(f"table/{name}.csv", f"id,n\n{csv}")
    landing.write("docs/same.ndjson", ndjson(*rows))


def load_and_report(landing: Landing, meaning: str, was_killed: bool) -> None:
    landing.load(*STREAMS)
    again = landing.load(*STREAMS)
    found = {
        name: sorted(
            [row["id"] for row in landing.rows(name)]
            + [f"bad {row['file']}" for row in landing.quarantine(name)]
        )
        for name in ("lines", "table", "docs")
    }
    loads = len(landing.query("select * from raw.loads"))
    wrong = [*landing.unaccounted(*STREAMS), *[1] * (again.files_loaded + again.files_removed)]
    print(json.dumps([meaning, [was_killed, found, loads, wrong]]), flush=True)


def fork(work: Callable[..., object], *arguments: object) -> int:
    """Do the work in a child."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            work(*arguments)
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
    return dict(map(json.loads, run.stdout.splitlines()))


@pytest.mark.parametrize("point", POINTS)
def test_after_a_kill(outcomes: dict[str, Any], point: str) -> None:
    sql, _, after_another = POINTS[point]
    files = ["first", "second"] if after_another else ["second"]
    rows = [f"{file}-{n}" for file in files for n in (1, 2)]
    expected = {
        "lines": [*(f"bad lines/{file}.ndjson" for file in files), *rows],
        "table": [*(f"bad table/{file}.csv" for file in files), *rows],
        # The snapshot's file has one name; each of its contents was loaded.
        "docs": [*("bad docs/same.ndjson" for _ in files), *rows],
    }
    assert outcomes[point] == [bool(sql), expected, 3 * len(files), []]


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
    landing.write("lines/x.ndjson", ndjson({"id": "a"}, {"ID": "no key"}))
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
