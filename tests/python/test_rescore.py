"""Scores computed again: past days, and today with another rubric. Over a copy of the demo."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

import duckdb
import pytest

from .flow_helpers import ROOT, Site

HISTORY = (
    "paydown_intermediate.int_scoring__history",
    "paydown_intermediate.int_scoring__factor_history",
)


def difference(before: Path, after: Path, table: str, where: str = "true") -> int:
    """Rows that are in one of the two warehouses only."""
    with duckdb.connect() as con:
        con.execute(f"attach '{before}' as a (read_only); attach '{after}' as b (read_only)")
        rows = f"(select * from {{0}}.{table} where {where})"
        a, b = rows.format("a"), rows.format("b")
        found = con.execute(
            f"select count(*) from ((from {a} except all from {b}) "
            f"union all (from {b} except all from {a}))"
        ).fetchone()
        assert found
        return found[0]


def test_a_past_day_is_the_same_however_often_and_in_whatever_range(
    demo_copy: Site, tmp_path: Path
) -> None:
    warehouse, before = demo_copy.warehouse, tmp_path / "before.duckdb"
    shutil.copyfile(warehouse, before)
    done = demo_copy.command("backfill", "--from", "2025-12-30", "--to", "2026-04-03")
    assert done.returncode == 0, done.stdout
    for table in HISTORY:
        assert difference(before, warehouse, table, "scoring_date >= date '2026-03-29'") == 0
        assert difference(before, warehouse, table) > 0
    days = demo_copy.raw(
        "select min(scoring_date)::varchar, count(distinct scoring_date), "
        "count(distinct scoring_date) filter (where is_latest) "
        "from paydown_marts.fct_service_scores"
    )
    assert days == [("2025-12-30", 179, 1)]
    once = tmp_path / "once.duckdb"
    shutil.copyfile(warehouse, once)
    assert (
        demo_copy.command("backfill", "--from", "2026-01-15", "--to", "2026-01-15").returncode == 0
    )
    for table in HISTORY:
        assert difference(once, warehouse, table) == 0


def test_another_rubric_says_who_moves_and_changes_nothing(demo_copy: Site, tmp_path: Path) -> None:
    other = tmp_path / "other.yaml"
    text = (ROOT / "modernization" / "scoring.yaml").read_text()
    other.write_text(text.replace("min_score: 24", "min_score: 20"))
    warehouse = demo_copy.warehouse
    before = hashlib.sha256(warehouse.read_bytes()).hexdigest()
    done = demo_copy.command("whatif", "--scoring", str(other), "--months", "2")
    assert done.returncode == 0, done.stdout
    text = " ".join(done.stdout.split())
    for words in (
        "3 of 32 services move, 2 more epics would open",
        "4 4 ledger 22 0 bundle -> promote bundle -> blocked",
        "6 6 auth 20 0 bundle -> promote bundle -> promote",
        "2026-06: 3 -> 6 above the promotion band; in: auth, card-processor, ledger",
    ):
        assert words in text
    assert hashlib.sha256(warehouse.read_bytes()).hexdigest() == before


SCORING = str(ROOT / "modernization" / "scoring.yaml")


@pytest.mark.parametrize(
    ("command", "status", "words"),
    [
        (("whatif", "--scoring", SCORING), 0, "none of 32 services moves"),
        (("whatif", "--scoring", "OTHER"), 1, "other.yaml:3: weights.slo_bern"),
        (("whatif", "--scoring", "no.yaml"), 1, "no.yaml: No such file"),
        (("backfill", "--from", "2026-02-02", "--to", "2026-02-01"), 1, "name days in order"),
        (("backfill", "--from", "2026-06-01", "--to", "2099-01-01"), 1, "name days in order"),
    ],
)
def test_what_cannot_be_scored_is_refused(
    demo_copy: Site, tmp_path: Path, command: tuple[str, ...], status: int, words: str
) -> None:
    other = tmp_path / "other.yaml"
    other.write_text(Path(SCORING).read_text().replace("slo_burn: 5", "slo_bern: 5"))
    done = demo_copy.command(*(word.replace("OTHER", str(other)) for word in command))
    assert done.returncode == status, done.stdout
    assert words in " ".join(done.stdout.split())


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (("backfill", "--from", "2026-02-01", "--to", "2026-02-02"), "`paydown run` fills it"),
        (("whatif", "--scoring", SCORING), "`paydown run` fills it"),
        (("run",), "PAYDOWN_TARGET=nowhere: no such warehouse"),
    ],
)
def test_before_the_first_run_commands_say_what_to_do(
    tmp_path: Path, command: tuple[str, ...], words: str
) -> None:
    target = "nowhere" if command == ("run",) else "duckdb"
    done = Site(tmp_path).command(*command, PAYDOWN_TARGET=target)
    assert done.returncode == 1
    assert words in " ".join(done.stdout.split())


REVIEW = """\
---
incident: "servicenow:INC0010102"
title: The portal forgets its sessions
services: [merchant-portal]
impact: {users_percent: 60, revenue_usd: 900000, regulatory: [PCI]}
ai_generated_code: {present: true, has_tests: false}
estimate_days: 2
owner: team-merchant
---
"""


def test_a_review_says_what_it_would_do_to_the_score_and_changes_nothing(
    demo_copy: Site, tmp_path: Path
) -> None:
    review = tmp_path / "portal.md"
    review.write_text(REVIEW)
    before = hashlib.sha256(demo_copy.warehouse.read_bytes()).hexdigest()
    done = demo_copy.command("postmortem", "check", "--score", str(review))
    assert done.returncode == 0, done.stdout
    text = " ".join(done.stdout.split())
    assert "can be read; to fill in: " in text
    assert "with these reviews: " in text
    assert " services move, " in text
    assert "merchant-portal: blast_radius 2 -> 5, revenue_impact 0 -> 5" in text
    assert hashlib.sha256(demo_copy.warehouse.read_bytes()).hexdigest() == before
    review.write_text(REVIEW.replace("60,", "many,"))
    done = demo_copy.command("postmortem", "check", "--score", str(review))
    assert done.returncode == 1
    assert "portal.md:5:" in done.stdout
    assert "with these reviews" not in done.stdout
