"""After the demo's first run every mart has rows, so that each can be looked at."""

from __future__ import annotations

from .flow_helpers import Demo

MAY_BE_EMPTY = {
    "rpt_catalog_conflicts": "faults of a catalog; the demo's has none",
    "rpt_suspected_duplicates": "faults of keys; the demo's tools name each other's incidents",
    "rpt_maturity_moves": "the history of maturity begins with the first run",
}


def test_no_mart_is_empty_after_the_first_run(demo: Demo) -> None:
    names = [name for (name,) in demo.site.query("select table_name from duckdb_tables()")]
    assert len(names) > 40
    counts = {name: demo.site.query(f"select count(*) from {name}")[0][0] for name in names}
    empty = {name for name, count in counts.items() if count == 0}
    assert empty == MAY_BE_EMPTY.keys()


def test_budgets_are_measured_and_estimated_and_overspent(demo: Demo) -> None:
    rows = demo.site.query(
        "select service_name, burn_source, budget_remaining < 0 from rpt_slo_budget order by 1"
    )
    assert rows == [
        ("api-gateway", "prometheus", True),
        ("ledger", "estimated", False),
        ("reporting", "prometheus", False),
    ]
