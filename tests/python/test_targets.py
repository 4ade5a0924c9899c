"""modernization/targets.yaml."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from orchestration.configuration import READERS, check_configuration
from orchestration.documents import load_model
from orchestration.rubric import Targets

MODERNIZATION = Path(__file__).parents[2] / "modernization"
# The article's targets after 90 days: at least, at most, below.
ARTICLE = {
    "postmortems_complete": (0.95, None, None),
    "action_items_promoted": (0.70, None, None),
    "median_days_to_epic": (None, None, 7),
    "repeat_rate": (None, -0.50, None),
    "mttr": (None, -0.20, None),
    "slo_burn": (None, -0.30, None),
    "pages_outside_business_hours": (None, -0.40, None),
    "capacity_share": (0.15, 0.25, None),
}


def read(text: str, folder: Path) -> Any:
    """The record, or the problem's line, field and reason."""
    path = folder / "targets.yaml"
    path.write_text(text, encoding="utf-8")
    (line,) = READERS["targets"](path)
    return json.loads(line.text) if line.reason is None else (line.line, line.field, line.reason)


def bounds(record: Any) -> dict[str, tuple[float | None, ...]]:
    return {
        row["target"]: (row["at_least"], row["at_most"], row["below"]) for row in record["targets"]
    }


def test_the_defaults_are_the_articles(tmp_path: Path) -> None:
    record = read("days: 90\n", tmp_path)
    assert bounds(record) == ARTICLE
    assert (record["starts_on"], record["days"], record["within_business_days"]) == (None, 90, 5)


def test_the_file_that_ships_says_the_defaults() -> None:
    assert load_model(MODERNIZATION / "targets.yaml", Targets) == Targets()


def test_what_is_said_stands(tmp_path: Path) -> None:
    text = """\
starts_on: 2026-01-05
days: 60
postmortems: {within_business_days: 10}
promotion:
changes: {mttr: 0, slo_burn: -1}
capacity_share: {min: 0.2, max: 0.2}
"""
    record = read(text, tmp_path)
    assert (record["starts_on"], record["days"], record["within_business_days"]) == (
        "2026-01-05",
        60,
        10,
    )
    assert bounds(record) == ARTICLE | {
        "mttr": (None, 0, None),
        "slo_burn": (None, -1, None),
        "capacity_share": (0.2, 0.2, None),
    }


@pytest.mark.parametrize(
    ("text", "line", "field", "words"),
    [
        ("starts_on: 2026-02-30\n", 1, "starts_on", "is not a date"),
        ("days: 0\n", 1, "days", "larger number"),
        ("postmortems:\n  complete_share: 95\n", 2, "postmortems.complete_share", "write 0.95"),
        ("changes:\n  repeat_rate: 0.5\n", 2, "changes.repeat_rate", "write -0.5"),
        ("changes:\n  mttr: -20\n", 2, "changes.mttr", "write -0.2"),
        ("changes:\n  burn: -0.2\n", 2, "changes.burn", "write slo_burn"),
        ("capacity_share:\n  min: 0.3\n", 2, "capacity_share.min", "is more than max"),
        ("capacity_share:\n  max: 0.1\n", 2, "capacity_share.max", "is more than max"),
        ("promotion:\n  median_days_to_epic: 0\n", 2, "promotion.median_days_to_epic", "larger"),
        ("targets: {}\n", 1, "targets", "not a known key"),
    ],
)
def test_mistakes(tmp_path: Path, text: str, line: int, field: str, words: str) -> None:
    found_line, found_field, reason = read(text, tmp_path)
    assert (found_line, found_field) == (line, field)
    assert words in reason


def test_a_folder_without_the_file_goes_on_working(tmp_path: Path) -> None:
    names = [checked.path.name for checked in check_configuration(tmp_path)]
    assert "scoring.yaml" in names
    assert "targets.yaml" not in names
