"""modernization/calendar.yaml."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from orchestration.configuration import READERS
from orchestration.documents import load_model
from orchestration.rubric import Calendar
from orchestration.rubric.calendar import time_zones

ROOT = Path(__file__).parents[2]
FULL = """\
defaults:
  time_zone: Europe/Paris
  working_hours: 09:00-17:30
  holidays: [{date: 2026-12-25, name: Christmas Day}]
teams:
  team-night:
    working_days: [saturday, monday]
    working_hours: 22:00-06:00
    holidays:
  team-india: {time_zone: Asia/Kolkata, holidays: [{date: 2026-01-26, name: Republic Day}]}
  team-none: {holidays: []}
reports: {windows_days: [7, 28]}
"""


def read(text: str, folder: Path) -> Any:
    """The record, or the problem's line, field and reason."""
    path = folder / "calendar.yaml"
    path.write_text(text, encoding="utf-8")
    (line,) = READERS["calendar"](path)
    return json.loads(line.text) if line.reason is None else (line.line, line.field, line.reason)


def test_a_team_says_only_what_is_different(tmp_path: Path) -> None:
    record = read(FULL, tmp_path)
    assert record["calendars"] == [
        {"calendar": "defaults", "team": None, "time_zone": "Europe/Paris"},
        {"calendar": "team:team-night", "team": "team-night", "time_zone": "Europe/Paris"},
        {"calendar": "team:team-india", "team": "team-india", "time_zone": "Asia/Kolkata"},
        {"calendar": "team:team-none", "team": "team-none", "time_zone": "Europe/Paris"},
    ]
    hours = [list(entry.values()) for entry in record["hours"]]
    assert [entry for entry in hours if entry[0] == "team:team-night"] == [
        ["team:team-night", 1, 1320, 1800],
        ["team:team-night", 6, 1320, 1800],
    ]
    assert [entry for entry in hours if entry[0] == "team:team-india"] == [
        ["team:team-india", day, 540, 1050] for day in range(1, 6)
    ]
    assert [(entry["calendar"], entry["date"]) for entry in record["holidays"]] == [
        ("defaults", "2026-12-25"),
        ("team:team-night", "2026-12-25"),
        ("team:team-india", "2026-01-26"),
    ]
    assert record["windows"] == [{"days": 7}, {"days": 28}]
    assert record["min_incidents"] == 10


@pytest.mark.parametrize(
    ("hours", "minutes"),
    [("00:00-24:00", [0, 1440]), ("23:30 - 23:00", [1410, 2820]), ("00:00-00:01", [0, 1])],
)
def test_hours(hours: str, minutes: list[int], tmp_path: Path) -> None:
    record = read(f"defaults: {{working_hours: {hours}}}", tmp_path)
    assert list(record["hours"][0].values()) == ["defaults", 1, *minutes]


def test_everything_has_a_default(tmp_path: Path) -> None:
    shipped = load_model(ROOT / "modernization" / "calendar.yaml", Calendar)
    assert read("defaults:\nteams:\nreports:\n", tmp_path) == shipped.record()
    assert [window["days"] for window in shipped.record()["windows"]] == [7, 30, 90, 365]


@pytest.mark.parametrize(
    ("text", "line", "field", "words"),
    [
        ("default: {}\n", 1, "default", "write defaults"),
        ("defaults:\n  time_zone: Europe/Pariss\n", 2, "defaults.time_zone", "Europe/Paris"),
        ("defaults:\n  time_zone: CET\n", 2, "defaults.time_zone", "area and city"),
        ("defaults:\n  time_zone: ../UTC\n", 2, "defaults.time_zone", "area and city"),
        ("defaults:\n  working_hours: 9-17\n", 2, "defaults.working_hours", "09:00-17:00"),
        ("defaults:\n  working_hours: 24:00-06:00\n", 2, "defaults.working_hours", "24:00"),
        ("defaults:\n  working_hours: 09:00-24:01\n", 2, "defaults.working_hours", "24:00"),
        ("defaults:\n  working_hours: 09:00-09:00\n", 2, "defaults.working_hours", "when it ends"),
        ("defaults:\n  working_days: [mon]\n", 2, "defaults.working_days.0", "monday"),
        ("defaults:\n  working_days: []\n", 2, "defaults.working_days", "at least one"),
        (
            "defaults:\n  working_days:\n    - monday\n    - monday\n",
            4, "defaults.working_days.1", "twice",
        ),
        (
            "teams:\n  x:\n    holidays:\n      - {date: 2026-02-30, name: x}\n",
            4, "teams.x.holidays.0.date", "YYYY-MM-DD",
        ),
        (
            "teams:\n  x:\n    holidays:\n      - {date: 2026-01-01, name: a}\n"
            "      - {date: 2026-01-01, name: b}\n",
            5, "teams.x.holidays.1", "twice",
        ),
        ("teams:\n  ../x: {}\n", 2, "teams.../x", "such as team-payments"),
        ("reports:\n  windows_days: [0]\n", 2, "reports.windows_days.0", "larger number"),
        ("reports:\n  min_incidents: 0\n", 2, "reports.min_incidents", "larger number"),
    ],
)  # fmt: skip
def test_mistakes(tmp_path: Path, text: str, line: int, field: str, words: str) -> None:
    found_line, found_field, reason = read(text, tmp_path)
    assert (found_line, found_field) == (line, field)
    assert words in reason


def test_the_seed_names_every_zone_that_a_calendar_may() -> None:
    with (ROOT / "seeds" / "time_zones.csv").open(encoding="utf-8", newline="") as file:
        zones = {row["time_zone"]: row["zone_name"] for row in csv.DictReader(file)}
    assert all(zones[name] == name for name in set(zones.values()))
    assert {"Europe/Paris", "America/New_York", "Asia/Kolkata", "UTC"} <= set(zones.values())
    assert zones["Asia/Calcutta"] == "Asia/Kolkata"
    assert set(time_zones()) <= set(zones)
