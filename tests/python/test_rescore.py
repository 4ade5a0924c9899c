"""Scores computed again: past days, and today with another rubric. Over a copy of the demo."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

import duckdb

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


def test_days_that_cannot_be_scored_are_refused(demo_copy: Site) -> None:
    for first, last in (("2026-02-02", "2026-02-01"), ("2026-06-01", "2099-01-01")):
        done = demo_copy.command("backfill", "--from", first, "--to", last)
        assert done.returncode == 1
        assert "name days in order" in " ".join(done.stdout.split())


def test_another_rubric_says_who_moves_and_changes_nothing(demo_copy: Site, tmp_path: Path) -> None:
    other = tmp_path / "other.yaml"
    text = (ROOT / "modernization" / "scoring.yaml").read_text()
    other.write_text(text.replace("min_score: 24", "min_score: 20"))
    warehouse = demo_copy.warehouse
    before = hashlib.sha256(warehouse.read_bytes()).hexdigest()
    done = demo_copy.command("whatif", "--scoring", str(other), "--months", "2", "--markdown")
    assert done.returncode == 0, done.stdout
    assert "1 of 31 services move, 1 more epics would open" in done.stdout
    assert (
        "| 5 | 5 | auth | 20 | 0 | bundle \\-\\> promote | bundle \\-\\> promote |" in done.stdout
    )
    assert "2026\\-06: 4 \\-\\> 5 above the promotion band; in: auth" in done.stdout
    assert hashlib.sha256(warehouse.read_bytes()).hexdigest() == before


def test_the_same_rubric_moves_nobody(demo_copy: Site) -> None:
    done = demo_copy.command("whatif", "--scoring", str(ROOT / "modernization" / "scoring.yaml"))
    assert done.returncode == 0, done.stdout
    assert "none of 31 services moves" in done.stdout


def test_a_wrong_rubric_is_told_with_its_line(demo_copy: Site, tmp_path: Path) -> None:
    other = tmp_path / "other.yaml"
    text = (ROOT / "modernization" / "scoring.yaml").read_text()
    other.write_text(text.replace("slo_burn: 5", "slo_bern: 5"))
    done = demo_copy.command("whatif", "--scoring", str(other))
    assert done.returncode == 1
    assert "other.yaml:3" in done.stdout
    assert "slo_bern" in done.stdout
