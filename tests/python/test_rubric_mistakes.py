"""Mistakes in the files of `modernization/`: each is named with file, line, field and fix."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestration.configuration import MODELS, NEEDED, READERS, check_configuration
from orchestration.documents import ConfigError, load_model

from .test_rubric_records import CAPACITY, FIX, SCORING, SHORT

EVIDENCE = "levels:\n  gold:\n    - text: x\n      evidence:\n"
# By file: text, line, field, words of the reason.
MISTAKES = {
    "scoring": [
        (SCORING.replace("slo_burn", "slo_brun"), 3, "weights.slo_brun", "write slo_burn"),
        (SCORING.replace("effort: -3", "effort: easy"), 9, "weights.effort", "plain number"),
        (SCORING.replace("effort: -3", "effort: .inf"), 9, "weights.effort", "plain number"),
        (SCORING.replace("effort: -3", "effort: true"), 9, "weights.effort", "plain number"),
        (SCORING.replace("effort: -3", "effort:"), 9, "weights.effort", "plain number"),
        (SCORING.replace("effort: -3", "mttr: 2"), 9, "weights.mttr", "first on line 5"),
        (SCORING.replace("24", "'24'"), 13, "bands.promote_to_epic.min_score", "plain number"),
        (SCORING.replace("24", "16"), 12, "bands.promote_to_epic", "must be more than"),
        (SCORING.replace("bundle_with", "bundl_with"), 14, "bands.bundl_with_existing", "write b"),
        (SHORT.replace("slo_burn: 5", "slo_burn: 0"), 1, "weights", "every weight is 0"),
        (SHORT.replace("{slo_burn: 5}", "{}"), 1, "weights", "at least one entry"),
        ("weights: {mttr: 3}\n", 1, "bands", "add the key"),
        ("", 1, "file", "is empty"),
        ("- a\n", 1, "document", "key: value"),
        (SHORT + "---\n" + SHORT, 6, "file", "second time"),
        (SHORT + "windw_days: 3\n", 5, "windw_days", "write window_days"),
        (SHORT + "window_days: 0\n", 5, "window_days", "larger number"),
        (SHORT + "window_days: 9.5\n", 5, "window_days", "whole number"),
        (SHORT + "hysteresis:\n  margin: -1\n", 6, "hysteresis.margin", "larger number"),
        (SHORT + "levels:\n  low: 0.7\n", 6, "levels.low", "rise from none to high"),
        (SHORT + "levels: {high: 1.5}\n", 5, "levels.high", "smaller number"),
        (SHORT + "thresholds:\n  mttr:\n    low: 90\n", 7, "thresholds.mttr.low", "write null"),
        (SHORT + "thresholds: {latency: {low: 1}}\n", 5, "thresholds.latency", "slo_burn"),
        (SHORT + "thresholds: {mttr: {hi: 1}}\n", 5, "thresholds.mttr.hi", "write high"),
        (SHORT + "thresholds: {ai_risk: {high: }}\n", 5, "thresholds.ai_risk", "no threshold"),
        # As rubrics had it before: a burn rate. Taken for a share, 14.4 would be 1,440 %.
        (
            SHORT + "thresholds:\n  slo_burn: {low: 1, medium: 6, high: 14.4}\n",
            6,
            "thresholds.slo_burn.low",
            "budget_spent: {low: 0.1, medium: 0.5, high: 1}",
        ),
        (
            SHORT + "thresholds:\n  slo_burn:\n    budget_spent: {low: 2}\n",
            7,
            "thresholds.slo_burn.budget_spent.low",
            "write null",
        ),
        (
            SHORT + "thresholds: {slo_burn: {alerts: {page: 5}}}\n",
            5,
            "thresholds.slo_burn.alerts.page",
            "medium",
        ),
        (
            SHORT + "thresholds: {blast_radius: {high: 30}}\n",
            5,
            "thresholds.blast_radius.high",
            "write 0.3 for 30 %",
        ),
    ],
    "maturity": [
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
    "capacity": [
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
    "calendar": [
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
    "targets": [
        ("starts_on: 2026-02-30\n", 1, "starts_on", "is not a date"),
        ("days: 0\n", 1, "days", "larger number"),
        ("postmortems:\n  complete_share: 95\n", 2, "postmortems.complete_share", "write 0.95"),
        ("changes:\n  repeat_rate: 0.5\n", 2, "changes.repeat_rate", "write -0.5"),
        ("changes:\n  mttr: -20\n", 2, "changes.mttr", "write -0.2"),
        ("changes:\n  burn: -0.2\n", 2, "changes.burn", "write slo_burn"),
        ("capacity_share:\n  min: 0.3\n", 2, "capacity_share.min", "make min"),
        ("capacity_share:\n  max: 0.1\n", 2, "capacity_share.max", "must be more"),
        ("promotion:\n  median_days_to_epic: 0\n", 2, "promotion.median_days_to_epic", "larger"),
        ("targets: {}\n", 1, "targets", "not a known key"),
    ],
    "shared_fixes": [
        ("fixes: [{id: Time Outs, title: x, services: [a, b]}]\n", 1, "fixes.0.id", "lower-case"),
        ("fixes:\n  - {id: x, title: x, services: [a]}\n", 2, "fixes.0.services", "at least"),
        ("fixes:\n  - {id: x, title: x, services: [a, A]}\n", 2, "fixes.0.services.1", "twice"),
        (f"fixes:\n  - {FIX}\n  - {{id: x, title: x, services: [c, B]}}\n",
         3, "fixes.1.services", "twice"),
        (f"fixes:\n  - {FIX}\n  - {FIX}\n", 3, "fixes.1", "listed twice"),
        (f"fixes:\n  - {FIX[:-1]}, fix_class: magic}}\n", 2, "fixes.0.fix_class", "magic: is not"),
        (f"fixes:\n  - {FIX[:-1]}, estimate_days: 0}}\n", 2, "fixes.0.estimate_days", "larger"),
        ("fix: []\n", 1, "fix", "write fixes"),
    ],
}  # fmt: skip


@pytest.mark.parametrize(
    ("name", "text", "line", "field", "words"),
    [(name, *case) for name, cases in MISTAKES.items() for case in cases],
)
def test_a_mistake_names_file_line_field_and_fix(
    tmp_path: Path, name: str, text: str, line: int, field: str, words: str
) -> None:
    path = tmp_path / f"{name}.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load_model(path, MODELS[name])
    assert (caught.value.problems[0].line, caught.value.problems[0].field) == (line, field)
    message = str(caught.value)
    assert message.startswith(f"{path}:{line}: ")
    assert words in message
    assert "fix: " in message
    (read,) = READERS[name](path)
    assert (read.line, read.field, read.text) == (line, field, text)


def test_every_mistake_is_named_in_one_message(tmp_path: Path) -> None:
    path = tmp_path / "scoring.yaml"
    path.write_text(SCORING.replace("slo_burn", "slo_brun").replace("24", "high"))
    with pytest.raises(ConfigError) as caught:
        load_model(path, MODELS["scoring"])
    assert [problem.line for problem in caught.value.problems] == [3, 13]
    assert len(str(caught.value).splitlines()) == 2


def test_a_folder_needs_only_the_files_without_defaults(tmp_path: Path) -> None:
    found = {checked.path.stem: checked.problem for checked in check_configuration(tmp_path)}
    assert set(found) == set(NEEDED)
    assert all("add the file" in problem for problem in found.values())
