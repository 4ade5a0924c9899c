"""modernization/shared_fixes.yaml."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from orchestration.configuration import READERS, check_configuration

MODERNIZATION = Path(__file__).parents[2] / "modernization"
FIX = "{id: timeouts, title: Timeouts, services: [a, b]}"


def read(text: str, folder: Path) -> Any:
    """The record, or the problem's line, field and reason."""
    path = folder / "shared_fixes.yaml"
    path.write_text(text, encoding="utf-8")
    (line,) = READERS["shared_fixes"](path)
    return json.loads(line.text) if line.reason is None else (line.line, line.field, line.reason)


@pytest.mark.parametrize("text", ["fixes: []\n", "fixes:\n"])
def test_there_may_be_none(tmp_path: Path, text: str) -> None:
    assert read(text, tmp_path) == {"fixes": [], "members": []}


def test_a_fix_and_its_members(tmp_path: Path) -> None:
    text = f"""\
fixes:
  - {FIX}
  - id: mesh-2
    title: " One mesh "
    services: [c, d]
    owner: team-mesh
    estimate_days: 2.5
    fix_class: config_only
"""
    record = read(text, tmp_path)
    unsaid = {"owner": None, "estimate_days": None, "fix_class": None}
    assert record["fixes"] == [
        {"id": "timeouts", "title": "Timeouts", "ordinal": 1, **unsaid},
        {"id": "mesh-2", "title": "One mesh", "ordinal": 2, "owner": "team-mesh",
         "estimate_days": 2.5, "fix_class": "config_only"},
    ]  # fmt: skip
    assert [(m["id"], m["ordinal"], m["service"]) for m in record["members"]] == [
        ("timeouts", 1, "a"),
        ("timeouts", 1, "b"),
        ("mesh-2", 2, "c"),
        ("mesh-2", 2, "d"),
    ]


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("fixes:\n  - {id: Time Outs, title: x, services: [a, b]}\n", 2, "write lower-case"),
        ("fixes:\n  - {id: x, title: x, services: [a]}\n", 2, "add at least one entry"),
        ("fixes:\n  - {id: x, title: x, services: [a, A]}\n", 2, "list a service once"),
        (f"fixes:\n  - {FIX}\n  - {{id: x, title: x, services: [c, B]}}\n", 3, "b is listed twice"),
        (f"fixes:\n  - {FIX}\n  - {FIX}\n", 3, "timeouts is there twice"),
        (f"fixes:\n  - {FIX[:-1]}, fix_class: magic}}\n", 2, "magic: is not one of the values"),
        (f"fixes:\n  - {FIX[:-1]}, estimate_days: 0}}\n", 2, "write a larger number"),
        ("fix: []\n", 1, "write fixes"),
    ],
)
def test_a_mistake_is_named_with_its_line(tmp_path: Path, text: str, line: int, said: str) -> None:
    at, _, reason = read(text, tmp_path)
    assert (at, said in reason) == (line, True), reason


def test_the_example_in_the_file_that_ships_is_valid(tmp_path: Path) -> None:
    shipped = (MODERNIZATION / "shared_fixes.yaml").read_text(encoding="utf-8")
    example = shipped.split("fixes: []\n")[1].replace("# ", "  ", 1).replace("\n#", "\n ")
    (fix,) = read(f"fixes:\n{example}", tmp_path)["fixes"]
    assert fix["owner"] == "team-platform"


def test_a_folder_without_the_file_goes_on_working(tmp_path: Path) -> None:
    names = [checked.path.name for checked in check_configuration(tmp_path)]
    assert "shared_fixes.yaml" not in names
