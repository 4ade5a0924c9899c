"""Models run outside dbt: compiled once, then their SQL over tables that a test fills.

dbt's unit tests cost a second each, so what is tested with hundreds of random examples runs here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import duckdb

Row = Mapping[str, Any] | Sequence[Any]
AS_OF = "2027-01-01 00:00:00"
MODELS = (
    "fct_epic_payback",
    "fct_incident_burn",
    "int_calendar__days",
    "int_calendar__incident_seconds",
    "int_calendar__pages",
    "int_incidents__counted",
    "int_incidents__episodes",
    "int_incidents__fingerprint_spells",
    "int_incidents__fingerprints",
    "int_incidents__repeat_spells",
    "int_incidents__repeats",
    "int_outcomes__epics",
    "int_outcomes__expectations",
    "int_outcomes__fix_classes",
    "int_outcomes__mttr",
    "int_outcomes__periods",
    "int_outcomes__quiet_days",
    "int_outcomes__studies",
    "int_outcomes__verdicts",
    "int_outcomes__window_counts",
    "int_promotion__comparisons",
    "int_promotion__shrunk_inputs",
    "int_scoring__windows",
    "int_services__centrality",
    "int_services__former_ids",
    "int_services__reachable",
    "int_slo__incident_burn",
    "int_slo__pieces",
    "rpt_epic_decisions",
    "rpt_incident_durations",
    "rpt_payback_by_fix_class",
    "rpt_payback_placebo",
    "rpt_repeat_chains",
    "rpt_rubric_backtest",
    "rpt_slo_budget",
    "stg_paydown__epics",
)
SCHEMAS = {
    "stg": "staging",
    "int": "intermediate",
    "dim": "marts",
    "fct": "marts",
    "rpt": "marts",
    "bridge": "marts",
}
SEEDS = "reference"


def table_of(model: str) -> str:
    """The model's table with its schema."""
    return f"paydown_{SCHEMAS.get(model.split('_')[0], SEEDS)}.{model}"


class Warehouse:
    """An empty DuckDB in memory with the project's schemas; `sql` is by model."""

    def __init__(self, sql: Mapping[str, str]) -> None:
        self._sql = sql
        self.con = duckdb.connect()
        self.con.execute("set threads = 1; attach ':memory:' as warehouse; use warehouse")
        for schema in sorted({*SCHEMAS.values(), SEEDS}):
            self.con.execute(f"create schema paydown_{schema}")

    def fill(self, model: str, columns: str, rows: Iterable[Row] = ()) -> None:
        """Put rows where the model's table is.

        `columns` is like `incident_id, triggered_at timestamp`: a column without type is text.
        A row is its values in that order, or a mapping that has them among others.
        """
        named = [column.split() for column in columns.split(",")]
        typed = ", ".join(f"{name} {kind[0] if kind else 'varchar'}" for name, *kind in named)
        self.con.execute(f"create or replace table {table_of(model)} ({typed})")
        values = [
            [row[name] for name, *_ in named] if isinstance(row, Mapping) else row for row in rows
        ]
        if values:
            marks = ", ".join("?" * len(named))
            self.con.executemany(f"insert into {table_of(model)} values ({marks})", values)

    def run(self, *models: str) -> None:
        """Build the models' tables, in this order, from those that stand for what they refer to."""
        for model in models:
            self.con.execute(f"create or replace table {table_of(model)} as {self._sql[model]}")

    def ask(self, sql: str) -> list[tuple[Any, ...]]:
        return self.con.execute(sql).fetchall()


NewWarehouse = Callable[[], Warehouse]
