"""modernization/maturity.yaml and capacity.yaml."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from orchestration.configuration import READERS
from orchestration.documents import ConfigError, load_model
from orchestration.rubric import Capacity, Maturity
from orchestration.rubric.maturity import DEFAULT_EVIDENCE

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
EVIDENCE = "levels:\n  gold:\n    - text: x\n      evidence:\n"
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


def test_the_articles_criteria_have_evidence_without_saying_so(tmp_path: Path) -> None:
    record = read("maturity", ARTICLE, tmp_path)
    criteria = {(row["level_ordinal"], row["ordinal"]) for row in record["criteria"]}
    evidence = record["evidence"]
    assert {(row["level_ordinal"], row["criterion_ordinal"]) for row in evidence} == criteria
    assert {row["text"] for row in record["criteria"]} == set(DEFAULT_EVIDENCE)
    assert [row["kind"] for row in evidence[:2]] == ["slo", "alerting"]
    (chaos,) = [row for row in evidence if row["key"] == "paydown/chaos-date"]
    assert (chaos["kind"], chaos["level_ordinal"], chaos["within_days"]) == ("annotation", 3, 100)


def test_a_criterion_says_its_evidence_or_has_none(tmp_path: Path) -> None:
    text = """\
levels:
  bronze:
    - text: Chaos experiments quarterly
      evidence:
        - annotation: example.com/chaos
          within_days: 30
        - tag: Chaos
    - text: Runbooks in repo (/runbooks)
    - ours alone
"""
    record = read("maturity", text, tmp_path)
    assert [row["text"] for row in record["criteria"]] == [
        "Chaos experiments quarterly",
        "Runbooks in repo (/runbooks)",
        "ours alone",
    ]
    place = {"level_ordinal": 1, "criterion_ordinal": 1}
    assert record["evidence"] == [
        place | {"ordinal": 1, "kind": "annotation", "key": "example.com/chaos", "within_days": 30},
        place | {"ordinal": 2, "kind": "tag", "key": "chaos", "within_days": None},
        {
            "level_ordinal": 1,
            "criterion_ordinal": 2,
            "ordinal": 1,
            "kind": "annotation",
            "key": "paydown/runbook",
            "within_days": None,
        },
    ]


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
        (EVIDENCE + "      - {}\n", 5, "levels.gold.0.evidence.0", "must name one thing"),
        (EVIDENCE + "      - {tag: a, check: slo}\n", 5, "levels.gold.0.evidence.0", "name one"),
        (EVIDENCE + "      - check: slos\n", 5, "levels.gold.0.evidence.0.check", "write slo"),
        (
            EVIDENCE + "      - annotaton: a\n",
            5,
            "levels.gold.0.evidence.0.annotaton",
            "write annotation",
        ),
        (
            EVIDENCE + "      - tag: a\n        within_days: 5\n",
            6,
            "levels.gold.0.evidence.0.within_days",
            "has no date",
        ),
        (
            EVIDENCE + "      - annotation: a\n        within_days: 0\n",
            6,
            "levels.gold.0.evidence.0.within_days",
            "larger number",
        ),
        ("levels:\n  gold:\n    - evidence: []\n", 3, "levels.gold.0.text", "add the key"),
        (EVIDENCE.replace("x\n", "x\n    - text: x\n", 1), 4, "levels.gold.1", "listed twice"),
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
