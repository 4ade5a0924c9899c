"""Files of costs and toil, as finance and teams export them: amounts that could mean another."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from orchestration.configuration import READERS

from .loader_helpers import Landing, project_streams

EITHER = "can have a decimal point or a separator of thousands"


@pytest.mark.parametrize(
    ("file", "amounts", "loaded"),
    [
        ("costs/a.csv", ["1.234", "12.500", "900"], [900.0]),
        ("costs/a.csv", ["-1.234", "950.000"], []),
        # One amount of the file shows that its point is a decimal one.
        ("costs/a.csv", ["1.234", "12.5"], [1.234, 12.5]),
        ("costs/a.csv", ["1.234", "1234.567"], [1.234, 1234.567]),
        ("costs/a.csv", ["0.125", "1.125"], [0.125, 1.125]),
        # Numbers in JSON have no separators.
        ("costs/a.json", [1.234, 2.345], [1.234, 2.345]),
        ("toil/a.csv", ["38", "10000", "0"], [0.0, 38.0, 10000.0]),
    ],
)
def test_an_amount_that_can_be_read_two_ways_is_not_loaded(
    tmp_path: Path, file: str, amounts: list[object], loaded: list[float]
) -> None:
    landing = Landing(tmp_path)
    stream = file.split("/")[0]
    head = ["service", "month", "usd"] if stream == "costs" else ["team", "week", "hours"]
    rows = [dict(zip(head, ("a", "2026-06-01", amount), strict=True)) for amount in amounts]
    lines = [",".join(head), *(f"a,2026-06-01,{amount}" for amount in amounts)]
    text = json.dumps(rows) if file.endswith("json") else "\n".join(lines)
    landing.write(f"finance/{file}", text)
    report = landing.load(*project_streams(), readers=READERS)
    found = landing.query(f"select {head[2]} as amount from raw.finance__{stream} order by all")
    assert [row["amount"] for row in found] == loaded
    assert report.rows_quarantined == len(amounts) - len(loaded)
    assert all(EITHER in one.reason for one in report.quarantined)


def test_an_amount_that_is_no_number_does_not_decide_how_others_are_read(tmp_path: Path) -> None:
    landing = Landing(tmp_path)
    text = 'service,month,usd\na,2026-06,1.234\na,2026-06,"1.234,56"\n'
    landing.write("finance/costs/a.csv", text)
    report = landing.load(*project_streams(), readers=READERS)
    assert report.rows_loaded == 0
    assert EITHER in report.quarantined[0].reason
    assert "is not a double" in report.quarantined[1].reason


@pytest.mark.parametrize("hours", ["700000", "-1"])
def test_toil_that_no_team_can_have_is_not_loaded(tmp_path: Path, hours: str) -> None:
    landing = Landing(tmp_path)
    landing.write("finance/toil/a.csv", f"team,week,hours\na,2026-06-01,{hours}\n")
    (problem,) = landing.load(*project_streams(), readers=READERS).quarantined
    assert (problem.field, problem.value) == ("hours", f"{float(hours)}")
    assert "write" in problem.reason
