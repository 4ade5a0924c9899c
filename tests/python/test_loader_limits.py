"""What is very long or very much costs no more memory than it must, and no Python per row."""

from __future__ import annotations

import cProfile
import json
import subprocess
import sys
from collections import Counter
from pathlib import Path
from types import CodeType

import pyarrow as pa
import pytest

from orchestration.loader import load_landing

from .loader_helpers import ID, ROOT, Json, Landing, column, contracts, parquet, stream

COLUMNS = {"id": column(**ID), "n": column("bigint"), "opened_at": column("timestamp")}


def records(number: int) -> list[Json]:
    return [
        {
            "id": f"r{n}",
            "n": n,
            "opened_at": "2026-06-26T16:00:00Z" if n % 100 else "soon",
            "title": f'the "{n}th", of several',
            "service": {"id": f"s{n % 25}", "summary": "checkout"},
        }
        for n in range(number)
    ]


def write_all_kinds(landing: Landing, number: int) -> None:
    rows = records(number)
    lines = "".join(json.dumps(row) + "\n" for row in rows)
    landing.write("lines/x.ndjson", lines)
    landing.write("envelope/x.json.gz", json.dumps({"incidents": rows}))
    landing.write("table/x.parquet", parquet(pa.Table.from_pylist(rows)))
    header = "id,n,opened_at,title\n"
    text = "".join(f'{r["id"]},{r["n"]},{r["opened_at"]},"a ""{r["n"]}"""\n' for r in rows)
    landing.write("csv/x.csv", header + text)


KINDS = [
    stream(name, COLUMNS, records="incidents") for name in ("lines", "envelope", "table", "csv")
]


def python_calls(landing: Landing) -> tuple[int, int]:
    """Python functions called in one load: of the loader, and of anything at all."""
    profile = cProfile.Profile()
    profile.runcall(landing.load, *KINDS)
    calls: Counter[bool] = Counter()
    for entry in profile.getstats():
        if isinstance(entry.code, CodeType):
            calls["/orchestration/" in entry.code.co_filename] += entry.callcount
    return calls[True], calls.total()


def test_python_does_no_work_per_row(tmp_path: Path) -> None:
    """Of 20,000 records in each of four formats; some of them go to quarantine."""
    warm = Landing(tmp_path / "warm")
    write_all_kinds(warm, 10)
    warm.load(KINDS[0])

    few, many = Landing(tmp_path / "few"), Landing(tmp_path / "many")
    write_all_kinds(few, 200)
    write_all_kinds(many, 20_000)
    ours_of_few, all_of_few = python_calls(few)
    ours_of_many, all_of_many = python_calls(many)

    (total,) = many.query("select sum(records) as n, sum(rows_loaded) as good from raw.loads")
    assert (total["n"], total["good"]) == (80_000, 4 * 19_800)
    assert ours_of_few > 100, "nothing was counted"
    # A hundred times the rows: only blocks of 1 MB and what quarantine shows are more.
    assert ours_of_many - ours_of_few < 200
    assert all_of_many - all_of_few < 6_000


HUGE = """
import json, resource, sys
from pathlib import Path
from tests.python.loader_helpers import ID, Landing, column, stream

landing = Landing(Path(sys.argv[1]))
landing.load()  # Imports, and dlt's own tables.
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
report = landing.load(stream("huge", {"id": column(**ID)}))
after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(json.dumps([after - before, report.rows_loaded, report.rows_quarantined]))
"""


def test_a_line_of_200_mb_beside_good_ones(tmp_path: Path) -> None:
    landing = Landing(tmp_path)
    path = landing.roots["landing"] / "huge" / "x.ndjson"
    path.parent.mkdir()
    with path.open("wb") as file:
        file.write(b'{"id": "before"}\n{"id": "huge", "x": "')
        for _ in range(200):
            file.write(b"x" * (1 << 20))
        file.write(b'"}\n{"id": "after"}\n')
    output = subprocess.run(
        [sys.executable, "-c", HUGE, str(tmp_path)],
        cwd=ROOT, check=True, capture_output=True, text=True, timeout=60,
    ).stdout  # fmt: skip
    kilobytes, loaded, quarantined = json.loads(output.splitlines()[-1])
    assert (loaded, quarantined) == (2, 1)
    assert kilobytes < 300_000
    assert [(row["id"], row["_line"]) for row in landing.rows("huge")] == [
        ("before", 1),
        ("after", 3),
    ]
    (problem,) = landing.quarantine("huge")
    assert problem["line"] == 2
    assert problem["reason"].startswith("is longer than 64 MB, its beginning is kept; ")
    assert problem["text"].startswith('{"id": "huge", "x": "xxx')
    assert len(problem["text"]) == 1_000_000


def test_running_out_of_memory_is_not_blamed_on_the_file(tmp_path: Path) -> None:
    landing = Landing(tmp_path)
    rows = [{"id": str(n), "pad": "x" * 1000} for n in range(20_000)]
    landing.write("s/x.json", json.dumps(rows))
    s = stream("s", {"id": column(**ID)})
    with pytest.raises(Exception, match=r"[Oo]ut of [Mm]emory"):
        load_landing(contracts(s), landing.roots, landing.store("5MB"), {})
    report = landing.load(s)
    assert (report.rejected, report.rows_loaded) == ([], 20_000)
