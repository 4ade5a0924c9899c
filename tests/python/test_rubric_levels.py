"""modernization/maturity.yaml and capacity.yaml."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from orchestration.documents import READERS, ConfigError, load_model
from orchestration.rubric import Capacity, Maturity

MODERNIZATION = Path(__file__).parents[2] / "modernization"
# The article's file, to the letter.
ARTICLE = """\
# modernization/maturity.yaml
levels:
  bronze:
    - "SLOs defined and alerting wired to PagerDuty"
    - "Dashboards in Grafana with RED/USE metrics"
  silver:
    - "Canary deployment via ArgoCD + feature flags"
    - "Circuit breakers + timeouts configured (Istio DestinationRule)"
    - "Runbooks in repo (/runbooks)"
  gold:
    - "Chaos experiments quarterly"
    - "Load tests in CI before prod (k6/Locust)"
    - "No AI-generated code without tests + lint gates"
"""
CAPACITY = """\
defaults: {day_rate_usd: 1200}
teams:
  team-payments: {day_rate_usd: 1300, engineers: 7, carve_out_share: 0, wip_limit: 0}
  team-data:
"""


def read(name: str, text: str, folder: Path) -> Any:
    """The record, or the problem's line, field and reason."""
    path = folder / f"{name}.yaml"
    path.write_text(text, encoding="utf-8")
    (line,) = READERS[name](path)
    return json.loads(line.text) if line.reason is None else (line.line, line.field, line.reason)


def test_the_maturity_file_that_ships_is_the_articles() -> None:
    assert (MODERNIZATION / "maturity.yaml").read_text(encoding="utf-8") == ARTICLE


def test_maturity_levels_and_criteria(tmp_path: Path) -> None:
    record = read("maturity", ARTICLE, tmp_path)
    assert [(row["level"], row["ordinal"]) for row in record["levels"]] == [
        ("bronze", 1),
        ("silver", 2),
        ("gold", 3),
    ]
    assert [len(row["criteria"]) for row in record["levels"]] == [2, 3, 3]
    assert record["levels"][1]["criteria"][2] == {
        "ordinal": 3,
        "text": "Runbooks in repo (/runbooks)",
    }
    assert record["criteria"][2] == {
        "level": "silver",
        "level_ordinal": 2,
        "ordinal": 1,
        "text": "Canary deployment via ArgoCD + feature flags",
    }
    assert len(record["criteria"]) == 8


def test_levels_keep_their_rank_when_one_is_left_out(tmp_path: Path) -> None:
    record = read("maturity", "levels: {gold: [x], bronze: [y]}", tmp_path)
    assert [(row["level"], row["ordinal"]) for row in record["levels"]] == [
        ("bronze", 1),
        ("gold", 3),
    ]


@pytest.mark.parametrize(
    ("text", "line", "field", "words"),
    [
        ("levels:\n  slver: [x]\n", 2, "levels.slver", "write silver"),
        ("levels:\n  gold: []\n", 2, "levels.gold", "at least one entry"),
        ("levels:\n  gold: x\n", 2, "levels.gold", "one `- item` a line"),
        ("levels:\n  gold:\n    - x\n    - 5\n", 4, "levels.gold.1", "write text"),
        ("levels:\n  gold:\n    - x\n    - x\n", 4, "levels.gold.1", "listed twice"),
        ("levels: {}\n", 1, "levels", "at least one entry"),
        ("level: {}\n", 1, "level", "write levels"),
    ],
)
def test_maturity_mistakes(tmp_path: Path, text: str, line: int, field: str, words: str) -> None:
    found_line, found_field, reason = read("maturity", text, tmp_path)
    assert (found_line, found_field) == (line, field)
    assert words in reason


def test_capacity_fills_in_the_defaults(tmp_path: Path) -> None:
    assert read("capacity", CAPACITY, tmp_path) == {
        "day_rate_usd": 1200,
        "currency": "USD",
        "carve_out_share": 0.2,
        "wip_limit": 2,
        "teams": [
            {
                "team": "team-payments",
                "day_rate_usd": 1300,
                "engineers": 7,
                "carve_out_share": 0,
                "wip_limit": 0,
            },
            {
                "team": "team-data",
                "day_rate_usd": 1200,
                "engineers": None,
                "carve_out_share": 0.2,
                "wip_limit": 2,
            },
        ],
    }


def test_capacity_needs_no_teams(tmp_path: Path) -> None:
    assert read("capacity", "defaults: {day_rate_usd: 900}\nteams:\n", tmp_path)["teams"] == []


def test_the_files_that_ship_load() -> None:
    assert load_model(MODERNIZATION / "maturity.yaml", Maturity).levels["gold"]
    shipped = load_model(MODERNIZATION / "capacity.yaml", Capacity).record()
    assert all(0.15 <= team["carve_out_share"] <= 0.25 for team in shipped["teams"])


@pytest.mark.parametrize(
    ("text", "line", "field", "words"),
    [
        ("teams: {}\n", 1, "defaults", "add the key"),
        ("defaults:\n  day_rate_usd: 0\n", 2, "defaults.day_rate_usd", "larger number"),
        ("defaults:\n  day_rate_usd: $900\n", 2, "defaults.day_rate_usd", "plain number"),
        ("defaults:\n  day_rate: 900\n", 2, "defaults.day_rate", "write day_rate_usd"),
        (CAPACITY + "currency: EUR\n", 5, "currency", "use USD"),
        (CAPACITY + "  x: {carve_out_share: 20}\n", 5, "teams.x.carve_out_share", "write 0.2"),
        (CAPACITY + "  x: {wip_limit: 1.5}\n", 5, "teams.x.wip_limit", "whole number"),
        (CAPACITY + "  x: {engineers: -1}\n", 5, "teams.x.engineers", "larger number"),
        (CAPACITY + "  ../x: {}\n", 5, "teams.../x", "such as team-payments"),
    ],
)
def test_capacity_mistakes(tmp_path: Path, text: str, line: int, field: str, words: str) -> None:
    (tmp_path / "capacity.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load_model(tmp_path / "capacity.yaml", Capacity)
    faults = {(problem.line, problem.field): str(problem) for problem in caught.value.problems}
    assert words in faults[(line, field)]
