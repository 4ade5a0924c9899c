"""How a text becomes a value: a moment in its zone, a day, a number, or a problem."""

from __future__ import annotations

import json
import math
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from orchestration.loader import batch, text

from .loader_helpers import ID, Landing, at, column, stream

TIMES = {
    "plain": column("timestamp"),
    "paris": column("timestamp", timezone="Europe/Paris"),
    "day_first": column(
        "timestamp", formats=["iso", "%d/%m/%Y %H:%M"], timezone="America/New_York"
    ),
    "only_day_first": column("timestamp", formats="%d/%m/%Y %H:%M"),
    "zoned_format": column(
        "timestamp", formats=["%d/%m/%Y %H:%M %z", "%d/%m/%Y %H:%M"], timezone="Europe/Paris"
    ),
    "seconds": column("timestamp", formats=["epoch_s", "iso"]),
    "milliseconds": column("timestamp", formats="epoch_ms", timezone="Europe/Paris"),
    "day": column("date", timezone="Pacific/Auckland"),
    "day_of_format": column("date", formats=["%d/%m/%Y", "epoch_s"], timezone="Pacific/Auckland"),
    "flag": column("boolean"),
    "whole": column("bigint"),
    "real": column("double"),
}
# Column, text or value, and what it is read as; None where it can't be read.
VALUES: list[tuple[str, Any, Any]] = [
    ("plain", "2026-06-26T16:00:00Z", at("2026-06-26T16:00")),
    ("plain", "2026-06-26 16:00:00", at("2026-06-26T16:00")),
    ("plain", "2026-06-26", at("2026-06-26T00:00")),
    ("plain", "2026-06-26T16:00:00.123456789Z", at("2026-06-26T16:00:00.123456")),
    ("plain", "2026-06-26T16:00:00.123+0000", at("2026-06-26T16:00:00.123")),
    ("plain", "2026-06-26T16:00:00+05:30", at("2026-06-26T10:30")),
    ("plain", "2026-06-26T16:00:00+0530", at("2026-06-26T10:30")),
    ("plain", "2026-06-26T16:00:00-07", at("2026-06-26T23:00")),
    ("plain", "2026-02-30T00:00:00Z", None),
    ("plain", "26/06/2026 16:00", None),
    ("plain", "infinity", None),
    ("plain", "epoch", None),
    ("plain", "44-03-15 (BC) 00:00:00", None),
    ("plain", "0001-01-01T00:00:00Z", None),
    ("plain", "1751000000", None),
    ("plain", "soon", None),
    ("paris", "2026-06-26 16:00:00", at("2026-06-26T14:00")),
    ("paris", "2026-01-26T16:00", at("2026-01-26T15:00")),
    ("paris", "2026-06-26", at("2026-06-25T22:00")),
    ("paris", "2026-06-26T16:00:00Z", at("2026-06-26T16:00")),
    ("paris", "2026-06-26T16:00:00Z ", at("2026-06-26T16:00")),
    ("paris", "2026-06-26T16:00:00+09:00", at("2026-06-26T07:00")),
    ("paris", "2026-06-26 16:00:00 UTC", at("2026-06-26T16:00")),
    ("paris", "2026-06-26 16:00:00 America/New_York", at("2026-06-26T20:00")),
    ("paris", "2026-03-29 01:59:59", at("2026-03-29T00:59:59")),
    ("paris", "2026-03-29 02:30:00", at("2026-03-29T01:30")),  # An hour that does not exist.
    ("paris", "2026-03-29 03:00:00", at("2026-03-29T01:00")),
    ("paris", "2026-10-25 01:59:59", at("2026-10-24T23:59:59")),
    ("paris", "2026-10-25 02:30:00", at("2026-10-25T01:30")),  # It comes twice: the later one.
    ("paris", "2026-10-25 03:00:00", at("2026-10-25T02:00")),
    ("day_first", "5/4/2026 9:07", at("2026-04-05T13:07")),
    ("day_first", "05/01/2026 09:07", at("2026-01-05T14:07")),
    ("day_first", "2026-04-05 09:07", at("2026-04-05T13:07")),
    ("day_first", "2026-04-05T09:07Z", at("2026-04-05T09:07")),
    ("day_first", "31/2/2026 09:07", None),
    ("day_first", "5/4/26 09:07", None),
    ("day_first", "iso", None),
    ("only_day_first", "5/4/2026 9:07", at("2026-04-05T09:07")),
    ("only_day_first", "2026-04-05 09:07", None),
    ("zoned_format", "26/06/2026 16:00 +0530", at("2026-06-26T10:30")),
    ("zoned_format", "26/06/2026 16:00", at("2026-06-26T14:00")),
    ("seconds", 1782489600, at("2026-06-26T16:00")),
    ("seconds", "1782489600.25", at("2026-06-26T16:00:00.25")),
    ("seconds", "2026-06-26T16:00:00Z", at("2026-06-26T16:00")),
    ("seconds", 1782489600123, None),  # They are milliseconds.
    ("seconds", 1e300, None),
    ("seconds", "nan", None),
    ("seconds", "inf", None),
    ("milliseconds", 1782489600123, at("2026-06-26T16:00:00.123")),
    ("milliseconds", "2026-06-26T16:00:00Z", None),
    ("day", "2026-06-26", date(2026, 6, 26)),
    ("day", "2026-06-26T23:30:00-11:00", date(2026, 6, 26)),
    ("day", "2026-06-26 23:30:00", date(2026, 6, 26)),
    ("day", "26/06/2026", None),
    ("day", "infinity", None),
    ("day_of_format", "26/6/2026", date(2026, 6, 26)),
    ("day_of_format", 1782489600, date(2026, 6, 26)),
    ("day_of_format", "2026-06-26", None),
    *[("flag", text, True) for text in (True, "true", "TRUE", "t", "1", 1, "yes", " true ")],
    *[("flag", text, False) for text in (False, "false", "F", "0", 0, "no")],
    *[("flag", text, None) for text in ("maybe", 2, "on")],
    ("whole", 42, 42),
    ("whole", " 42 ", 42),
    ("whole", "42.0", 42),
    ("whole", 9007199254740993, 9007199254740993),
    ("whole", "9223372036854775808", None),
    ("whole", 1.5, None),
    ("whole", "1e-1", None),
    ("whole", "1,5", None),
    ("whole", True, None),
    ("real", "1.5", 1.5),
    ("real", -3, -3.0),
    ("real", "NaN", None),
    ("real", "inf", None),
    ("real", "1e400", None),
    ("real", "1,5", None),
]


@pytest.fixture(scope="module")
def landing(tmp_path_factory: pytest.TempPathFactory) -> Landing:
    landing = Landing(tmp_path_factory.mktemp("types"))
    records = ({"id": str(number), name: value} for number, (name, value, _) in enumerate(VALUES))
    landing.write("times/x.ndjson", "".join(json.dumps(record) + "\n" for record in records))
    landing.load(stream("times", {"id": column(**ID)} | TIMES, dates="day_first"))
    return landing


@pytest.mark.parametrize(
    ("number", "name", "value", "expected"),
    [
        pytest.param(n, *case, id=f"{case[0]}-{str(case[1]).replace(' ', '_')}-{n}")
        for n, case in enumerate(VALUES)
    ],
)
def test_types(landing: Landing, number: int, name: str, value: Any, expected: Any) -> None:
    row = landing.by_id("times").get(str(number))
    if expected is not None:
        assert row is not None, f"{name}={value!r} went to quarantine"
        assert row[name] == expected
        assert type(row[name]) is type(expected)
        return
    assert row is None, f"{name}={value!r} was read as {row and row[name]!r}"
    (problem,) = [row for row in landing.quarantine("times") if row["line"] == number + 1]
    as_text = json.dumps(value) if not isinstance(value, str) else value
    shown = problem["value"]
    assert shown == as_text or math.isclose(float(shown), float(as_text))
    assert problem["field"] == name
    kind = TIMES[name]["data_type"]
    assert problem["reason"].startswith(f"{name} is not a {kind}")
    assert "models/staging/demo/_demo__sources.yml" in problem["reason"]


# Dates of one file, and as which days they are read; or what is said where that can't be known.
ORDERS: dict[str, tuple[list[str], list[str] | str]] = {
    "day": (["05/06/2026", "13/06/2026"], ["2026-06-05", "2026-06-13"]),
    "month": (["06/05/2026", "06/25/2026", "4/3/2026"], ["2026-06-05", "2026-06-25", "2026-04-03"]),
    "iso": (["2026-06-05", "2026-06-06"], ["2026-06-05", "2026-06-06"]),
    "same": (["05/06/2026"], "its dates, such as 05/06/2026, can be read either way"),
    "mixed": (["13/06/2026", "06/25/2026"], "can be read in no one way, day or month first; set"),
}


@pytest.mark.parametrize("name", ORDERS)
def test_day_and_month_are_decided_from_all_dates_of_a_file(tmp_path: Path, name: str) -> None:
    landing, (texts, expected) = Landing(tmp_path), ORDERS[name]
    landing.write("s/x.csv", "id,on\n" + "".join(f"{n},{one}\n" for n, one in enumerate(texts)))
    columns = {"id": column(**ID), "on": column("date", formats=["iso", "%d/%m/%Y"])}
    rejected = landing.load(stream("s", columns)).rejected
    if isinstance(expected, str):
        assert expected in str(rejected[0])
        assert "set dates in models/staging/demo/_demo__sources.yml to day_first" in str(
            rejected[0]
        )
        landing.load(stream("s", columns, dates="month_first"))
        expected = ["2026-05-06"] if name == "same" else ["2026-06-25"]
    assert [str(row["on"]) for row in landing.rows("s")] == expected


# Dates of a file in several pieces, of which the first can be read either way.
LATE: dict[str, tuple[str, str]] = {
    "decided further down": ("06/25/2026", ""),
    "decided nowhere": ("06/05/2026", "can be read either way, day or month first; set PAYDOWN_D"),
    "torn": ("06/25/2026\nlast,25/06/2026", "can be read in no one way"),
}


@pytest.mark.parametrize("name", LATE)
def test_dates_of_a_large_file_are_decided_from_all_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(batch, "PIECE_BYTES", 1000)
    monkeypatch.setattr(text, "BLOCK_BYTES", 500)
    landing, (late, problem) = Landing(tmp_path), LATE[name]
    rows = "".join(f"{n},06/05/2026\n" for n in range(500))
    landing.write("s/x.csv", f"id,on\n{rows}late,{late}\n{rows}")
    landing.write("s/y.csv", "id,on\ny,25/06/2026\n")
    columns = {"id": column(**ID), "on": column("date", formats=["iso", "%d/%m/%Y"])}
    s = stream("s", columns, dates_variable="PAYDOWN_DATES")
    report = landing.load(s)
    assert problem in "".join(map(str, report.rejected))
    assert len(report.rejected) == bool(problem)
    found = landing.query('select "on"::varchar as day, count(*) as n from raw.demo__s group by 1')
    counted = {row["day"]: row["n"] for row in found}
    mine = {} if problem else {"2026-06-05": 1000}
    assert counted == {"2026-06-25": 1 if problem else 2, **mine}
    assert landing.unaccounted(s) == []
