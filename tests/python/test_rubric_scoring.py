"""modernization/scoring.yaml: the article's file to the letter, its extensions, its mistakes."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from orchestration.configuration import READERS
from orchestration.documents import ConfigError, load_model
from orchestration.rubric import Scoring
from orchestration.rubric.scoring import FACTORS

SHIPPED = Path(__file__).parents[2] / "modernization" / "scoring.yaml"
# The article's file, to the letter.
ARTICLE = """\
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
# Everything that can be stated, at its default.
EXTENDED = """
window_days: 90
repeat_window_days: 90
hysteresis: {margin: 2, hold_days: 28}
levels: {none: 0, low: 0.3, medium: 0.6, high: 1.0}
thresholds:
  slo_burn:              {low: 1, medium: 6, high: 14.4}
  repeats:               {low: 1, medium: 2, high: 3}
  mttr:                  {low: 30, medium: 60, high: 120}
  blast_radius:          {low: 0.01, medium: 0.10, high: 0.30}
  dependency_centrality: {low: 0.05, medium: 0.15, high: 0.30}
  revenue_impact:        {low: 10000, medium: 100000, high: 500000}
  effort:                {low: 1, medium: 5, high: 15}
  ai_risk:               {high: 1}
"""
SHORT = "weights: {slo_burn: 5}\nbands:\n  promote_to_epic: {min_score: 24}\n"
SHORT += "  bundle_with_existing: {min_score: 16}\n"


def load(folder: Path, text: str) -> Scoring:
    path = folder / "scoring.yaml"
    path.write_text(text, encoding="utf-8")
    return load_model(path, Scoring)


def factors(rubric: Scoring) -> dict[str, dict[str, Any]]:
    return {row["factor"]: row for row in rubric.record()["factors"]}


def test_the_file_that_ships_is_the_articles() -> None:
    shipped = SHIPPED.read_text(encoding="utf-8")
    assert shipped == "".join(f"{line.rstrip()}\n" for line in ARTICLE.splitlines())


def test_the_articles_file_is_accepted_to_the_letter(tmp_path: Path) -> None:
    rubric = load(tmp_path, ARTICLE)
    assert rubric.record() == {
        "rubric_hash": rubric.rubric_hash,
        "window_days": 90,
        "leave_margin": 2,
        "hold_days": 28,
        "repeat_window_days": 90,
        "factors": [
            {"factor": "slo_burn", "weight": 5, "low": 1, "medium": 6, "high": 14.4},
            {"factor": "repeats", "weight": 4, "low": 1, "medium": 2, "high": 3},
            {"factor": "mttr", "weight": 3, "low": 30, "medium": 60, "high": 120},
            {"factor": "blast_radius", "weight": 5, "low": 0.01, "medium": 0.1, "high": 0.3},
            {
                "factor": "dependency_centrality",
                "weight": 4,
                "low": 0.05,
                "medium": 0.15,
                "high": 0.3,
            },
            {
                "factor": "revenue_impact",
                "weight": 5,
                "low": 10_000,
                "medium": 100_000,
                "high": 500_000,
            },
            {"factor": "effort", "weight": -3, "low": 1, "medium": 5, "high": 15},
            {"factor": "ai_risk", "weight": 2, "low": None, "medium": None, "high": 1},
        ],
        "levels": [
            {"level": "none", "ordinal": 0, "share": 0},
            {"level": "low", "ordinal": 1, "share": 0.3},
            {"level": "medium", "ordinal": 2, "share": 0.6},
            {"level": "high", "ordinal": 3, "share": 1},
        ],
        "bands": [
            {"band": "promote_to_epic", "ordinal": 2, "min_score": 24, "due_in_days": 45},
            {"band": "bundle_with_existing", "ordinal": 1, "min_score": 16, "due_in_days": 90},
            {"band": "close_as_hygiene", "ordinal": 0, "min_score": None, "due_in_days": None},
        ],
    }


def test_the_reader_gives_the_record_on_one_line(tmp_path: Path) -> None:
    (line,) = READERS["scoring"](SHIPPED)
    assert line.reason is None
    assert json.loads(line.text) == load(tmp_path, ARTICLE).record()


def test_a_factor_left_out_weighs_nothing(tmp_path: Path) -> None:
    found = factors(load(tmp_path, SHORT))
    assert tuple(found) == FACTORS
    assert found["slo_burn"]["weight"] == 5
    assert {row["weight"] for name, row in found.items() if name != "slo_burn"} == {0}


def test_thresholds_override_level_by_level(tmp_path: Path) -> None:
    text = "thresholds: {mttr: {high: 240}, ai_risk: {medium: 0.5}, effort: {low: null}, repeats: }"
    found = factors(load(tmp_path, SHORT + text))
    cuts = {name: [row["low"], row["medium"], row["high"]] for name, row in found.items()}
    assert cuts["mttr"] == [30, 60, 240]
    assert cuts["ai_risk"] == [None, 0.5, 1]
    assert cuts["effort"] == [None, 5, 15]
    assert cuts["repeats"] == [1, 2, 3]


def test_other_keys_override(tmp_path: Path) -> None:
    text = SHORT.replace("24}", "24, due_in_days: 30}") + (
        "window_days: 30\nrepeat_window_days: 60\nhysteresis: {margin: 0}\nlevels: {low: 0.25}\n"
    )
    record = load(tmp_path, text).record()
    assert record["window_days"] == 30
    assert record["repeat_window_days"] == 60
    assert (record["leave_margin"], record["hold_days"]) == (0, 28)
    assert [row["share"] for row in record["levels"]] == [0, 0.25, 0.6, 1]
    assert [row["due_in_days"] for row in record["bands"]] == [30, 90, None]


def test_the_hash_names_the_meaning(tmp_path: Path) -> None:
    article = load(tmp_path, ARTICLE).rubric_hash
    assert len(article) == 12
    assert int(article, 16) >= 0
    same = [
        ARTICLE.replace("# negative weight, easier = higher score", "# why"),
        ARTICLE + EXTENDED,
        ARTICLE.replace("slo_burn: 5\n", "slo_burn: 5.0\n"),
        yaml.safe_dump(yaml.safe_load(ARTICLE), sort_keys=True, default_flow_style=True),
    ]
    assert {load(tmp_path, text).rubric_hash for text in same} == {article}
    other = [
        ARTICLE.replace("slo_burn: 5", "slo_burn: 6"),
        ARTICLE.replace("min_score: 24", "min_score: 25"),
        ARTICLE + "window_days: 91\n",
        ARTICLE + "hysteresis: {hold_days: 27}\n",
        ARTICLE + "levels: {low: 0.31}\n",
        ARTICLE + "thresholds: {mttr: {low: 31}}\n",
    ]
    assert len({load(tmp_path, text).rubric_hash for text in other} - {article}) == len(other)


def test_the_hash_does_not_change_between_versions(tmp_path: Path) -> None:
    """Scores already stored carry it: change this value only with a note in the changelog."""
    assert load(tmp_path, ARTICLE).rubric_hash == "d4ae216a70c8"


@pytest.mark.parametrize(
    ("text", "line", "field", "words"),
    [
        (ARTICLE.replace("slo_burn", "slo_brun"), 3, "weights.slo_brun", "write slo_burn"),
        (ARTICLE.replace("effort: -3", "effort: easy"), 9, "weights.effort", "plain number"),
        (ARTICLE.replace("effort: -3", "effort: .inf"), 9, "weights.effort", "plain number"),
        (ARTICLE.replace("effort: -3", "effort: true"), 9, "weights.effort", "plain number"),
        (ARTICLE.replace("effort: -3", "effort:"), 9, "weights.effort", "plain number"),
        (ARTICLE.replace("effort: -3", "mttr: 2"), 9, "weights.mttr", "first on line 5"),
        (ARTICLE.replace("24", "'24'"), 13, "bands.promote_to_epic.min_score", "plain number"),
        (ARTICLE.replace("24", "16"), 13, "bands.promote_to_epic.min_score", "ask for more"),
        (ARTICLE.replace("bundle_with", "bundl_with"), 14, "bands.bundl_with_existing", "write b"),
        (SHORT.replace("slo_burn: 5", "slo_burn: 0"), 1, "weights", "every weight is 0"),
        (SHORT.replace("{slo_burn: 5}", "{}"), 1, "weights", "at least one entry"),
        ("weights: {mttr: 3}\n", 1, "bands", "add the key"),
        ("", 1, "file", "is empty"),
        ("- a\n", 1, "document", "key: value"),
        (SHORT + "---\n" + SHORT, 6, "file", "second document"),
        (SHORT + "windw_days: 3\n", 5, "windw_days", "write window_days"),
        (SHORT + "window_days: 0\n", 5, "window_days", "larger number"),
        (SHORT + "window_days: 9.5\n", 5, "window_days", "whole number"),
        (SHORT + "hysteresis:\n  margin: -1\n", 6, "hysteresis.margin", "larger number"),
        (SHORT + "levels:\n  low: 0.7\n", 6, "levels.low", "rise from none to high"),
        (SHORT + "levels: {high: 1.5}\n", 5, "levels.high", "smaller number"),
        (SHORT + "thresholds:\n  mttr:\n    low: 90\n", 7, "thresholds.mttr.low", "low: null"),
        (SHORT + "thresholds: {latency: {low: 1}}\n", 5, "thresholds.latency", "use slo_burn"),
        (SHORT + "thresholds: {mttr: {hi: 1}}\n", 5, "thresholds.mttr.hi", "write high"),
        (SHORT + "thresholds: {ai_risk: {high: }}\n", 5, "thresholds.ai_risk", "no threshold"),
        (
            SHORT + "thresholds: {blast_radius: {high: 30}}\n",
            5,
            "thresholds.blast_radius.high",
            "write 0.3 for 30 %",
        ),
    ],
)
def test_a_mistake_names_file_line_field_and_fix(
    tmp_path: Path, text: str, line: int, field: str, words: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, text)
    problem = caught.value.problems[0]
    assert (problem.line, problem.field) == (line, field)
    message = str(caught.value)
    assert message.startswith(f"{tmp_path / 'scoring.yaml'}:{line}: ")
    assert words in message
    assert "fix: " in message
    (read,) = READERS["scoring"](tmp_path / "scoring.yaml")
    assert (read.line, read.field, read.text) == (line, field, text)


def test_every_mistake_is_named_at_once(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, ARTICLE.replace("slo_burn", "slo_brun").replace("24", "high"))
    assert [problem.line for problem in caught.value.problems] == [3, 13]
    assert len(str(caught.value).splitlines()) == 2


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


def test_default_thresholds_rise(tmp_path: Path) -> None:
    for row in factors(load(tmp_path, SHORT)).values():
        cuts = [row[level] for level in ("low", "medium", "high") if row[level] is not None]
        assert all(lower < higher for lower, higher in pairwise(cuts))
