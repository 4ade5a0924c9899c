"""Reconciliation over a whole run: what syncs land and people drop ends as facts or has a reason,
and whatever goes missing on the way fails the run."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pytest

from orchestration.landing import open_landing

from .dbt_in_process import Dbt
from .flow_helpers import Demo, Site

AT = datetime(2026, 6, 25, 12, tzinfo=UTC)


def incident(number: int, **changes: object) -> dict[str, object]:
    return {
        "id": f"Q{number}", "incident_number": number, "title": "down", "status": "resolved",
        "service": {"id": "PX", "summary": "shop"}, "created_at": "2026-06-01T00:00:00Z",
        "resolved_at": "2026-06-01T01:00:00Z", "updated_at": "2026-06-01T02:00:00Z",
    } | changes  # fmt: skip


def sync(
    site: Site, hour: int, commits: Iterable[list[dict[str, object]]], *, source_count: int
) -> None:
    """A complete sync of PagerDuty's incidents, as `Landing` writes it."""
    landing_folder = Path(site.variables["PAYDOWN_LANDING"])
    at = AT + timedelta(hours=hour)
    with open_landing(landing_folder, site.home / "extract", "pagerduty", at) as landing:
        for records in commits:
            landing.append("incidents", records)
            landing.commit(hour=hour)
        landing.observe("incidents", source_count=source_count)
        landing.journal("complete", "", 3, at + timedelta(minutes=1))


def tamper(warehouse: Path, sql: str) -> None:
    with duckdb.connect(str(warehouse)) as con:
        con.execute(sql)


def test_synced_and_dropped_records_are_accounted_for_until_one_is_lost(site: Site) -> None:
    again = incident(1)
    sync(site, 0, [[again, incident(2)], [incident(3, title="[TEST] drill")]], source_count=5)
    sync(site, 1, [[incident(2, updated_at="2026-06-02T00:00:00Z")], [again]], source_count=5)
    # The overlap of two windows brought the same bytes again.
    sync(site, 2, [[again], [incident(4, resolved_at="2026-05-01T00:00:00Z")]], source_count=5)
    dropped = Path(site.variables["PAYDOWN_LANDING"]) / "pagerduty" / "incidents" / "by-hand.json"
    dropped.write_text(json.dumps([incident(5, created_at="2026-07-01T00:00:00Z",
                                            resolved_at="2026-07-01T01:00:00Z")]))  # fmt: skip

    run = site.command("run", PAYDOWN_AS_OF="2026-06-25T17:00:00Z")

    assert run.returncode == 0, run.stdout + run.stderr
    expected = {
        "source_count": 5, "landed_rows": 7, "landed_again_rows": 1, "landed_read_rows": 6,
        "source_rows": 7, "raw_rows": 6, "quarantined_rows": 1, "open_quarantine_count": 1,
        "record_count": 4, "older_rows": 2, "fact_count": 2, "excluded_count": 1,
        "deleted_count": 0, "later_count": 1, "missing_count": 0, "extra_count": 0,
        "landed_difference": 0, "read_difference": 0, "raw_difference": 0,
        "quarantine_difference": 0, "fact_difference": 0, "owner": "team-reliability",
        "fresh_within_hours": 3.0, "is_synced": True, "is_stale": False,
        "newest_complete_sync_at": datetime(2026, 6, 25, 14),
    }  # fmt: skip
    (found,) = site.query(
        f"select {', '.join(expected)} from rpt_data_quality "
        "where stream_id = 'pagerduty.incidents'"
    )
    assert dict(zip(expected, found, strict=True)) == expected
    reasons = site.query(
        "select outcome, reason, reason_count from rpt_data_quality_reasons "
        "where stream_id = 'pagerduty.incidents' order by outcome"
    )
    assert reasons[:3] == [
        ("duplicate", "older version of a record", 2),
        ("excluded", "test", 1),
        ("later", "triggered after as_of", 1),
    ]
    assert reasons[3][0] == "quarantined"
    assert "resolved_at is before created_at" in reasons[3][1]
    loads = site.query(
        "select source_rows, raw_rows, quarantined_rows, record_count, older_rows, fact_count, "
        "excluded_count, later_count from rpt_load_quality "
        "where stream_id = 'pagerduty.incidents' order by file_name"
    )
    assert sorted(loads) == sorted([
        (2, 2, 0, 1, 1, 1, 0, 0),  # one of them changed since
        (1, 1, 0, 0, 1, 0, 0, 0),  # as it was known already
        (1, 1, 0, 1, 0, 0, 1, 0),
        (1, 1, 0, 1, 0, 1, 0, 0),
        (1, 0, 1, 0, 0, 0, 0, 0),
        (1, 1, 0, 1, 0, 0, 0, 1),
    ])  # fmt: skip

    tamper(site.warehouse, "delete from raw.pagerduty__incidents where id = 'Q3'")
    lost = site.command("run", PAYDOWN_AS_OF="2026-06-25T17:00:00Z")

    assert lost.returncode == 1
    assert "FAILED rpt_load_quality_rules" in lost.stdout
    failed = lost.stdout.partition("FAILED rpt_data_quality_rules")[2]
    for total in ("missing_count", "raw_rows"):
        assert f"rule_name=sums column_name={total}" in " ".join(failed.replace(",", " ").split())


def test_every_append_stream_is_counted_by_its_own_key(demo: Demo) -> None:
    site = demo.site
    counted = dict(site.query("select stream_id, record_count from rpt_data_quality"))
    for table, key in [("log_entries", "id"), ("incidents", "id")]:
        ((distinct,),) = site.raw(f"select count(distinct {key}) from raw.pagerduty__{table}")
        assert counted[f"pagerduty.{table}"] == distinct > 0
    ((tables,),) = site.raw(
        "select count(*) from duckdb_tables() where schema_name = 'raw' "
        "and contains(table_name, '__')"
    )
    assert len(counted) == tables


def test_the_marts_of_the_demo_lose_nothing(demo: Demo) -> None:
    site = demo.site
    for mart in ("rpt_data_quality", "rpt_load_quality"):
        columns = [
            name
            for (name,) in site.query(
                f"select column_name from duckdb_columns() where table_name = '{mart}' "
                "and (column_name like '%_difference' or column_name = 'missing_count')"
            )
        ]
        assert len(columns) >= 4
        for column in columns:
            assert site.query(f"select count(*) from {mart} where {column} <> 0") == [(0,)]


@pytest.mark.parametrize(
    "total",
    [
        "missing_count", "landed_rows", "source_rows", "raw_rows", "quarantine_difference",
        "record_count",
    ],
)  # fmt: skip
def test_numbers_that_do_not_add_up_fail(demo: Demo, dbt: Dbt, tmp_path: Path, total: str) -> None:
    shutil.copy(demo.site.warehouse, tmp_path)
    copied = tmp_path / "warehouse.duckdb"
    dbt("test", "--select", "rpt_data_quality_rules", warehouse=copied)
    tamper(copied, f"update paydown_marts.rpt_data_quality set {total} = coalesce({total}, 0) + 1")
    with pytest.raises(AssertionError, match="rpt_data_quality_rules"):
        dbt("test", "--select", "rpt_data_quality_rules", warehouse=copied)
