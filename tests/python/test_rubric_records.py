"""The files of `modernization/`: the article's to the letter, what they default to, and the rows
that the contracts make of them."""

from __future__ import annotations

import csv
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml

from orchestration.configuration import MODELS, READERS
from orchestration.documents import load_model
from orchestration.rubric import Scoring
from orchestration.rubric.teams import time_zones

from .loader_helpers import ROOT, Landing, project_streams

MODERNIZATION = ROOT / "modernization"
# The article's files, to the letter.
SCORING = """\
# modernization/scoring.yaml
weights:
  slo_burn: 5
  repeats: 4
  mttr: 3
  blast_radius: 5
  dependency_centrality: 4
  revenue_impact: 5
  effort: -3   # negative weight, easier = higher score
  ai_risk: 2   # presence of AI-generated code w/o tests
bands:
  promote_to_epic:\x20
    min_score: 24
  bundle_with_existing:
    min_score: 16
"""
SHORT = "weights: {slo_burn: 5}\nbands:\n  promote_to_epic: {min_score: 24}\n"
SHORT += "  bundle_with_existing: {min_score: 16}\n"
MATURITY = """\
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
FIX = "{id: timeouts, title: Timeouts, services: [a, b]}"


@pytest.fixture
def landing(tmp_path: Path) -> Landing:
    return Landing(tmp_path)


def rows(landing: Landing, name: str, text: str) -> dict[str, set[tuple[Any, ...]]]:
    """The raw rows of each stream that reads the file, without their origin."""
    landing.write(f"{name}.yaml", text, root="modernization")
    nodes = [n for n in project_streams() if n["config"].get("meta", {}).get("reader") == name]
    assert landing.load(*nodes, readers=READERS).rejected == []
    found = {}
    for node in nodes:
        table = landing.query(f"select {', '.join(node['columns'])} from raw.{node['identifier']}")
        found[node["name"]] = {tuple(map(plain, row.values())) for row in table}
    return found


def plain(value: Any) -> Any:
    return str(value) if isinstance(value, date) else value


def scoring(folder: Path, text: str) -> Scoring:
    (folder / "scoring.yaml").write_text(text, encoding="utf-8")
    return load_model(folder / "scoring.yaml", Scoring)


def test_the_files_that_ship_are_the_articles_or_say_the_defaults(tmp_path: Path) -> None:
    shipped = (MODERNIZATION / "scoring.yaml").read_text(encoding="utf-8")
    assert shipped == "".join(f"{line.rstrip()}\n" for line in SCORING.splitlines())
    assert (MODERNIZATION / "maturity.yaml").read_text(encoding="utf-8") == MATURITY
    for name, empty in {"targets": "days: 90\n", "calendar": "defaults:\nteams:\n"}.items():
        (tmp_path / f"{name}.yaml").write_text(empty)
        said = load_model(tmp_path / f"{name}.yaml", MODELS[name])
        assert load_model(MODERNIZATION / f"{name}.yaml", MODELS[name]).record() == said.record()
    shares = load_model(MODERNIZATION / "capacity.yaml", MODELS["capacity"]).record()["teams"]
    assert all(0.15 <= (team["carve_out_share"] or 0.2) <= 0.25 for team in shares.values())


def test_the_articles_scoring_and_its_defaults(landing: Landing) -> None:
    found = rows(landing, "scoring", SCORING)
    # Scores already stored carry the hash: change it only with a note in the changelog.
    assert found.pop("scoring") == {("c353580c428b", 90, 90, 2, 28)}
    assert {stream: {row[1:] for row in of} for stream, of in found.items()} == {
        "scoring_factors": {
            ("slo_burn", 5, 0.1, 0.5, 1, 2, 1),
            ("repeats", 4, 1, 2, 3, None, None),
            ("mttr", 3, 30, 60, 120, None, None),
            ("blast_radius", 5, 0.01, 0.1, 0.3, None, None),
            ("dependency_centrality", 4, 0.05, 0.15, 0.3, None, None),
            ("revenue_impact", 5, 10_000, 100_000, 500_000, None, None),
            ("effort", -3, 1, 5, 15, None, None),
            ("ai_risk", 2, None, None, 1, None, None),
        },
        "scoring_levels": {("none", 0, 0), ("low", 1, 0.3), ("medium", 2, 0.6), ("high", 3, 1)},
        "scoring_bands": {
            ("promote_to_epic", 2, 24, 45),
            ("bundle_with_existing", 1, 16, 90),
            ("close_as_hygiene", 0, None, None),
        },
    }


def test_scoring_says_only_what_is_different(tmp_path: Path) -> None:
    text = SHORT.replace("24}", "24, due_in_days: 30}") + (
        "window_days: 30\nrepeat_window_days: 60\nhysteresis: {margin: 0}\nlevels: {low: 0.25}\n"
        "thresholds: {mttr: {high: 240}, ai_risk: {medium: 0.5}, effort: {low: null}, repeats: }\n"
    )
    record = scoring(tmp_path, text).record()
    assert (record["window_days"], record["repeat_window_days"]) == (30, 60)
    assert (record["leave_margin"], record["hold_days"]) == (0, 28)
    assert [row["share"] for row in record["levels"]] == [0, 0.25, 0.6, 1]
    assert [row["due_in_days"] for row in record["bands"]] == [30, 90, None]
    factors = {name: cuts for name, *cuts in (row.values() for row in record["factors"])}
    assert sum(weight for weight, *_ in factors.values()) == factors["slo_burn"][0] == 5
    assert [factors[name][1:] for name in ("mttr", "ai_risk", "effort", "repeats")] == [
        [30, 60, 240], [None, 0.5, 1], [None, 5, 15], [1, 2, 3],
    ]  # fmt: skip


def test_the_hash_names_the_meaning(tmp_path: Path) -> None:
    article = scoring(tmp_path, SCORING).rubric_hash
    same = [
        SCORING.replace("# negative weight, easier = higher score", "# why"),
        SCORING + "window_days: 90\nlevels: {high: 1.0}\nthresholds: {mttr: {low: 30}}\n",
        SCORING.replace("slo_burn: 5\n", "slo_burn: 5.0\n"),
        yaml.safe_dump(yaml.safe_load(SCORING), sort_keys=True, default_flow_style=True),
    ]
    assert {scoring(tmp_path, text).rubric_hash for text in same} == {article}
    other = [
        SCORING.replace("slo_burn: 5", "slo_burn: 6"),
        SCORING.replace("min_score: 24", "min_score: 25"),
        SCORING + "window_days: 91\n",
        SCORING + "hysteresis: {hold_days: 27}\n",
        SCORING + "levels: {low: 0.31}\n",
        SCORING + "thresholds: {mttr: {low: 31}}\n",
        SCORING + "thresholds: {slo_burn: {budget_spent: {high: 2}}}\n",
        SCORING + "thresholds: {slo_burn: {alerts: {page: high}}}\n",
    ]
    assert len({scoring(tmp_path, text).rubric_hash for text in other} - {article}) == len(other)


def test_the_articles_criteria_have_evidence_without_saying_so(landing: Landing) -> None:
    found = rows(landing, "maturity", MATURITY)
    places = [f"{row[0]} {row[1]} {row[2]}" for row in found["maturity_criteria"]]
    assert sorted(places) == [
        "bronze 1 1", "bronze 1 2", "gold 3 1", "gold 3 2", "gold 3 3",
        "silver 2 1", "silver 2 2", "silver 2 3",
    ]  # fmt: skip
    assert not found["maturity_evidence"]
    known = {row["criterion"] for row in seed("criterion_evidence")}
    assert known == {row[3] for row in found["maturity_criteria"]}


def seed(name: str) -> list[dict[str, str]]:
    with (ROOT / "seeds" / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_a_criterion_states_its_evidence_and_levels_keep_their_rank(landing: Landing) -> None:
    text = """\
levels:
  gold: [ours alone]
  bronze:
    - text: Chaos experiments quarterly
      evidence:
        - {annotation: example.com/chaos, within_days: 30}
        - {tag: Chaos}
        - {check: slo}
    - text: Runbooks in repo (/runbooks)
"""
    assert rows(landing, "maturity", text) == {
        "maturity_criteria": {
            ("bronze", 1, 1, "Chaos experiments quarterly"),
            ("bronze", 1, 2, "Runbooks in repo (/runbooks)"),
            ("gold", 3, 1, "ours alone"),
        },
        "maturity_evidence": {
            (1, 1, 1, None, "example.com/chaos", None, 30),
            (1, 1, 2, None, None, "chaos", None),
            (1, 1, 3, "slo", None, None, None),
        },
    }


def test_capacity_fills_in_the_defaults(landing: Landing) -> None:
    assert rows(landing, "capacity", CAPACITY) == {
        "capacity": {(1200, 2, "USD")},
        "capacity_teams": {("team-payments", 1300, 7, 0, 0), ("team-data", 1200, None, 0.2, 2)},
    }
    assert rows(landing, "capacity", "defaults: {day_rate_usd: 900}\nteams:\n")["capacity"]


def test_a_team_says_only_what_is_different_in_its_calendar(landing: Landing) -> None:
    text = """\
defaults:
  time_zone: Europe/Paris
  working_hours: 09:00-17:30
  holidays: [{date: 2026-12-25, name: Christmas Day}]
teams:
  team-night:
    working_days: [saturday, monday]
    working_hours: 22:00 - 06:00
    holidays:
  team-india: {time_zone: Asia/Kolkata, holidays: [{date: 2026-01-26, name: Republic Day}]}
  team-none: {holidays: []}
reports: {windows_days: [7, 28]}
"""
    usual = '["monday","tuesday","wednesday","thursday","friday"]'
    paris, india, ours = "Europe/Paris", "Asia/Kolkata", '["saturday","monday"]'
    assert rows(landing, "calendar", text) == {
        "calendars": {
            ("defaults", None, paris, "09:00-17:30", usual),
            ("team:team-night", "team-night", paris, "22:00-06:00", ours),
            ("team:team-india", "team-india", india, "09:00-17:30", usual),
            ("team:team-none", "team-none", paris, "09:00-17:30", usual),
        },
        "holidays": {
            ("defaults", "2026-12-25", "Christmas Day"),
            ("team:team-night", "2026-12-25", "Christmas Day"),
            ("team:team-india", "2026-01-26", "Republic Day"),
        },
        "report_windows": {(28,), (7,)},
        "reports": {(10,)},
    }


def test_the_seed_names_every_zone_that_a_calendar_may() -> None:
    zones = {row["time_zone"]: row["zone_name"] for row in seed("time_zones")}
    assert all(zones[name] == name for name in set(zones.values()))
    assert {"Europe/Paris", "America/New_York", "Asia/Kolkata", "UTC"} <= set(zones.values())
    assert zones["Asia/Calcutta"] == "Asia/Kolkata"
    assert set(time_zones()) <= set(zones)


def test_targets_have_the_articles_values_where_the_file_says_nothing(landing: Landing) -> None:
    article = (None, 90, 5, 0.95, 0.70, 7, -0.50, -0.20, -0.30, -0.40, -0.05, 0.0, 3, 0.15, 0.25)
    assert rows(landing, "targets", "days: 90\n")["target_values"] == {article}
    text = "starts_on: 2026-01-05\npromotion:\nchanges: {mttr: 0, slo_burn: -1}\n"
    stated = ("2026-01-05", *article[1:7], 0, -1, *article[9:])
    assert rows(landing, "targets", text)["target_values"] - {article} == {stated}


def test_shared_fixes_and_their_members(landing: Landing) -> None:
    assert not any(rows(landing, "shared_fixes", "fixes:\n").values())
    shipped = (MODERNIZATION / "shared_fixes.yaml").read_text(encoding="utf-8")
    example = shipped.split("fixes: []\n")[1].replace("# ", "  ", 1).replace("\n#", "\n ")
    ((_, _, _, owner, *_),) = rows(landing, "shared_fixes", f"fixes:\n{example}")["shared_fixes"]
    assert owner == "team-platform"
    mesh = "{id: mesh-2, title: ' One mesh ', services: [c, d], owner: team-mesh, "
    mesh += "estimate_days: 2.5, fix_class: config_only}"
    found = rows(landing, "shared_fixes", f"fixes:\n  - {FIX}\n  - {mesh}\n")
    assert found["shared_fixes"] >= {
        ("timeouts", 0, "Timeouts", None, None, None),
        ("mesh-2", 1, "One mesh", "team-mesh", 2.5, "config_only"),
    }
    assert found["shared_fix_members"] >= {
        ("timeouts", 1, "a"), ("timeouts", 1, "b"), ("mesh-2", 2, "c"), ("mesh-2", 2, "d"),
    }  # fmt: skip
