"""Whatever a load dies of, the next one leaves each source row in `raw` or in quarantine, once.

As a program, `python -m tests.python.test_loader_crash FOLDER POINT...` kills loads and prints, for
each point, what a clean load finds afterwards. A point is `<start>:<event>:<number>`: `empty` or
`loaded` before, then the kill before the n-th `sql` statement of dlt's, after the n-th `append`, or
before the n-th `file` is read; `race` kills nothing and lets so many load at once. Each load runs
in a fork, so that dlt is imported once.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import traceback
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import duckdb
import pytest
from dlt.destinations.impl.duckdb.sql_client import DuckDbSqlClient

from orchestration.loader import load as load_module
from orchestration.loader.history import Unaccounted

from .loader_helpers import ID, ROOT, Json, Landing, column, stream

# What was killed, and just before what (statements are numbered as dlt 1.31 sends them).
POINTS = {
    "empty:sql:8": "the tables are created, which dlt's own schema has already",
    "empty:sql:13": "the third of four tables is filled",
    "loaded:sql:14": "the third of four tables is filled, after an earlier load",
    "loaded:append:1": "`raw.loads` is written",
    "loaded:sql:20": "the package that wrote `raw.loads` is closed",
    "empty:race:3": "nothing is killed, three load at once",
}


COLUMNS = {"id": column(**ID), "n": column("bigint")}
STREAMS = [
    stream("lines", COLUMNS),
    stream("table", COLUMNS),
    stream("docs", COLUMNS, mode="snapshot"),
]


def main(folder: Path, points: list[str]) -> None:
    for point in points:
        start, event, number = point.split(":")
        landing = Landing(folder / point.replace(":", "-"))
        if start == "loaded":
            write(landing, "first")
            finish(fork(partial(landing.load, *STREAMS)))
        write(landing, "second")
        if event == "race":
            racing = [fork(partial(landing.load, *STREAMS)) for _ in range(int(number))]
            killed = True in [finish(child) for child in racing]
        else:
            killed = finish(fork(partial(load_and_die, landing, event, int(number))))
        finish(fork(partial(load_and_tell, landing, point, killed)))


def write(landing: Landing, name: str) -> None:
    """Two good rows and a bad one in each of three streams; the snapshot's file changes."""
    rows: list[Json] = [{"id": f"{name}-{n}", "n": n if n else "bad"} for n in range(3)]
    landing.write(f"lines/{name}.ndjson", "".join(json.dumps(row) + "\n" for row in rows))
    csv = "".join(f"{row['id']},{row['n']}\n" for row in rows)
    landing.write(f"table/{name}.csv", f"id,n\n{csv}")
    landing.write("docs/same.ndjson", "".join(json.dumps(row) + "\n" for row in rows))


def load_and_die(landing: Landing, event: str, number: int) -> None:
    owner: Any
    owner, name = {
        "sql": (DuckDbSqlClient, "execute_query"),
        "append": (load_module, "append"),
        "file": (load_module, "append_batch"),
    }[event]
    original = getattr(owner, name)
    seen = 0

    def dying(*args: Any, **options: Any) -> Any:
        nonlocal seen
        seen += 1
        if event != "append" and seen == number:
            os.kill(os.getpid(), signal.SIGKILL)
        result = original(*args, **options)
        if event == "append" and seen == number:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    setattr(owner, name, dying)
    landing.load(*STREAMS)


def load_and_tell(landing: Landing, point: str, killed: bool) -> None:
    landing.load(*STREAMS)
    again = landing.load(*STREAMS)
    found = {
        name: [row["id"] for row in landing.rows(name)]
        + [f"bad {row['file']}" for row in landing.quarantine(name)]
        for name in ("lines", "table", "docs")
    }
    result = {
        "point": point,
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
    command = [sys.executable, "-m", "tests.python.test_loader_crash", folder, *POINTS]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert run.returncode == 0, run.stderr
    output = run.stdout
    return {row["point"]: row for row in map(json.loads, output.splitlines())}


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
    lost = Unaccounted("demo.lines", "lines/x.ndjson", 1, 0)
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
    main(Path(sys.argv[1]), sys.argv[2:])
