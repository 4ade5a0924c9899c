"""The files of `modernization/`: the article's to the letter, what they default to, and the rows
that the contracts make of them."""

from __future__ import annotations

import csv
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from orchestration.configuration import MODELS, READERS
from orchestration.documents import load_model
from orchestration.rubric import Scoring
from orchestration.rubric.scoring import FACTORS
from orchestration.rubric.teams import time_zones

from .loader_helpers import ROOT, Json, Landing, project_streams

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


def rows(landing: Landing, name: str, text: str) -> dict[str, list[tuple[Any, ...]]]:
    """The raw rows of each stream that reads the file, without their origin."""
    landing.write(f"{name}.yaml", text, root="modernization")
    streams = project_streams()
    nodes = [n for n in streams if n["config"].get("meta", {}).get("reader") == name]
    report = landing.load(*nodes, readers=READERS)
    assert report.rejected == []
    return {node["name"]: _rows(landing, node) for node in nodes}


def _rows(landing: Landing, node: Json) -> list[tuple[Any, ...]]:
    columns = ", ".join(node["columns"])
    found = landing.query(f"select {columns} from raw.{node['identifier']}")
    return in_order([tuple(row.values()) for row in found])


def in_order(found: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """The rows of a table have no order; this gives them one."""
    return sorted(found, key=repr)


def scoring(folder: Path, text: str) -> Scoring:
    (folder / "scoring.yaml").write_text(text, encoding="utf-8")
    return load_model(folder / "scoring.yaml", Scoring)


def cuts(rubric: Scoring) -> dict[str, list[float | None]]:
    found = {row["factor"]: row for row in rubric.record()["factors"]}
    return {name: [row["low"], row["medium"], row["high"]] for name, row in found.items()}


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
    ((rubric_hash, *settings),) = found["scoring"]
    # Scores already stored carry it: change this value only with a note in the changelog.
    assert rubric_hash == "d4ae216a70c8"
    assert settings == [90, 90, 2, 28]
    assert in_order([row[1:] for row in found["scoring_factors"]]) == in_order(
        [
            ("slo_burn", 5, 1, 6, 14.4),
            ("repeats", 4, 1, 2, 3),
            ("mttr", 3, 30, 60, 120),
            ("blast_radius", 5, 0.01, 0.1, 0.3),
            ("dependency_centrality", 4, 0.05, 0.15, 0.3),
            ("revenue_impact", 5, 10_000, 100_000, 500_000),
            ("effort", -3, 1, 5, 15),
            ("ai_risk", 2, None, None, 1),
        ]
    )
    assert in_order([row[1:] for row in found["scoring_levels"]]) == in_order([
        ("none", 0, 0), ("low", 1, 0.3), ("medium", 2, 0.6), ("high", 3, 1),
    ])  # fmt: skip
    assert in_order([row[1:] for row in found["scoring_bands"]]) == in_order(
        [
            ("promote_to_epic", 2, 24, 45),
            ("bundle_with_existing", 1, 16, 90),
            ("close_as_hygiene", 0, None, None),
        ]
    )


def test_scoring_says_only_what_is_different(tmp_path: Path) -> None:
    text = SHORT.replace("24}", "24, due_in_days: 30}") + (
        "window_days: 30\nrepeat_window_days: 60\nhysteresis: {margin: 0}\nlevels: {low: 0.25}\n"
        "thresholds: {mttr: {high: 240}, ai_risk: {medium: 0.5}, effort: {low: null}, repeats: }\n"
    )
    rubric = scoring(tmp_path, text)
    record = rubric.record()
    assert (record["window_days"], record["repeat_window_days"]) == (30, 60)
    assert (record["leave_margin"], record["hold_days"]) == (0, 28)
    assert [row["share"] for row in record["levels"]] == [0, 0.25, 0.6, 1]
    assert [row["due_in_days"] for row in record["bands"]] == [30, 90, None]
    assert {row["factor"]: row["weight"] for row in record["factors"]} == dict.fromkeys(
        FACTORS, 0
    ) | {"slo_burn": 5}
    assert cuts(rubric) | {"repeats": [1, 2, 3]} == cuts(rubric)
    assert [cuts(rubric)[name] for name in ("mttr", "ai_risk", "effort")] == [
        [30, 60, 240], [None, 0.5, 1], [None, 5, 15],
    ]  # fmt: skip
    for levels in cuts(scoring(tmp_path, SHORT)).values():
        stated = [cut for cut in levels if cut is not None]
        assert all(lower < higher for lower, higher in pairwise(stated))


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
    ]
    assert len({scoring(tmp_path, text).rubric_hash for text in other} - {article}) == len(other)


NUMBERS = st.floats(allow_nan=False, allow_infinity=False, width=32)


@given(st.dictionaries(st.sampled_from(FACTORS), NUMBERS, min_size=1), st.randoms())
def test_the_hash_does_not_depend_on_the_order_of_keys(
    weights: dict[str, float], random: Any
) -> None:
    if not any(weights.values()):
        return
    shuffled = list(weights.items())
    random.shuffle(shuffled)
    bands = {"promote_to_epic": {"min_score": 2}, "bundle_with_existing": {"min_score": 1}}
    one = Scoring.model_validate({"weights": weights, "bands": bands})
    two = Scoring.model_validate({"bands": bands, "weights": dict(shuffled)})
    assert one.rubric_hash == two.rubric_hash


def test_the_articles_criteria_have_evidence_without_saying_so(landing: Landing) -> None:
    found = rows(landing, "maturity", MATURITY)
    assert in_order([row[:3] for row in found["maturity_criteria"]]) == in_order([
        ("bronze", 1, 1), ("bronze", 1, 2), ("silver", 2, 1), ("silver", 2, 2), ("silver", 2, 3),
        ("gold", 3, 1), ("gold", 3, 2), ("gold", 3, 3),
    ])  # fmt: skip
    assert not found["maturity_evidence"]
    with (ROOT / "seeds" / "criterion_evidence.csv").open(encoding="utf-8", newline="") as file:
        assert {row["criterion"] for row in csv.DictReader(file)} == {
            row[3] for row in found["maturity_criteria"]
        }


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
    found = rows(landing, "maturity", text)
    assert in_order(found["maturity_criteria"]) == in_order(
        [
            ("bronze", 1, 1, "Chaos experiments quarterly"),
            ("bronze", 1, 2, "Runbooks in repo (/runbooks)"),
            ("gold", 3, 1, "ours alone"),
        ]
    )
    assert in_order(found["maturity_evidence"]) == in_order(
        [
            (1, 1, 1, None, "example.com/chaos", None, 30),
            (1, 1, 2, None, None, "chaos", None),
            (1, 1, 3, "slo", None, None, None),
        ]
    )


def test_capacity_fills_in_the_defaults(landing: Landing) -> None:
    found = rows(landing, "capacity", CAPACITY)
    assert found["capacity"] == [(1200, 2, "USD")]
    assert in_order(found["capacity_teams"]) == in_order(
        [
            ("team-payments", 1300, 7, 0, 0),
            ("team-data", 1200, None, 0.2, 2),
        ]
    )
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
    working_hours: 22:00-06:00
    holidays:
  team-india: {time_zone: Asia/Kolkata, holidays: [{date: 2026-01-26, name: Republic Day}]}
  team-none: {holidays: []}
reports: {windows_days: [7, 28]}
"""
    found = rows(landing, "calendar", text)
    usual = '["monday","tuesday","wednesday","thursday","friday"]'
    assert in_order(found["calendars"]) == in_order(
        [
            ("defaults", None, "Europe/Paris", "09:00-17:30", usual),
            (
                "team:team-night", "team-night", "Europe/Paris", "22:00-06:00",
                '["saturday","monday"]',
            ),
            ("team:team-india", "team-india", "Asia/Kolkata", "09:00-17:30", usual),
            ("team:team-none", "team-none", "Europe/Paris", "09:00-17:30", usual),
        ]
    )  # fmt: skip
    assert in_order([(row[0], str(row[1])) for row in found["holidays"]]) == in_order(
        [
            ("defaults", "2026-12-25"),
            ("team:team-night", "2026-12-25"),
            ("team:team-india", "2026-01-26"),
        ]
    )
    assert (in_order(found["report_windows"]), found["reports"]) == ([(28,), (7,)], [(10,)])


def test_the_seed_names_every_zone_that_a_calendar_may() -> None:
    with (ROOT / "seeds" / "time_zones.csv").open(encoding="utf-8", newline="") as file:
        zones = {row["time_zone"]: row["zone_name"] for row in csv.DictReader(file)}
    assert all(zones[name] == name for name in set(zones.values()))
    assert {"Europe/Paris", "America/New_York", "Asia/Kolkata", "UTC"} <= set(zones.values())
    assert zones["Asia/Calcutta"] == "Asia/Kolkata"
    assert set(time_zones()) <= set(zones)


def test_targets_have_the_articles_values_where_the_file_says_nothing(landing: Landing) -> None:
    article = (None, 90, 5, 0.95, 0.70, 7, -0.50, -0.20, -0.30, -0.40, 0.15, 0.25)
    assert rows(landing, "targets", "days: 90\n")["target_values"] == [article]
    text = "starts_on: 2026-01-05\npromotion:\nchanges: {mttr: 0, slo_burn: -1}\n"
    (stated,) = set(rows(landing, "targets", text)["target_values"]) - {article}
    assert (str(stated[0]), stated[7], stated[8]) == ("2026-01-05", 0, -1)
    assert [*stated[1:7], *stated[9:]] == [*article[1:7], *article[9:]]


def test_shared_fixes_and_their_members(landing: Landing) -> None:
    assert rows(landing, "shared_fixes", "fixes:\n") == {
        "shared_fixes": [],
        "shared_fix_members": [],
    }
    mesh = "{id: mesh-2, title: ' One mesh ', services: [c, d], owner: team-mesh, "
    mesh += "estimate_days: 2.5, fix_class: config_only}"
    found = rows(landing, "shared_fixes", f"fixes:\n  - {FIX}\n  - {mesh}\n")
    assert in_order(found["shared_fixes"]) == in_order(
        [
            ("timeouts", 0, "Timeouts", None, None, None),
            ("mesh-2", 1, "One mesh", "team-mesh", 2.5, "config_only"),
        ]
    )
    assert in_order(found["shared_fix_members"]) == in_order([
        ("timeouts", 1, "a"), ("timeouts", 1, "b"), ("mesh-2", 2, "c"), ("mesh-2", 2, "d"),
    ])  # fmt: skip


def test_the_example_of_a_shared_fix_that_ships_is_valid(landing: Landing) -> None:
    shipped = (MODERNIZATION / "shared_fixes.yaml").read_text(encoding="utf-8")
    example = shipped.split("fixes: []\n")[1].replace("# ", "  ", 1).replace("\n#", "\n ")
    ((_, _, _, owner, *_),) = rows(landing, "shared_fixes", f"fixes:\n{example}")["shared_fixes"]
    assert owner == "team-platform"
