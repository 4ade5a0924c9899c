"""Burn of incidents and budgets of periods on a real PostgreSQL equal those on DuckDB.

The demo has no measurements, so its comparison of the marts says nothing of these.
"""

from __future__ import annotations

import random
from datetime import datetime

from .compiled_models import AS_OF, NewWarehouse, table_of
from .dbt_in_process import Dbt
from .test_portable_postgres import comparable, connect
from .test_slo_burn_oracle import BUDGETS, COUNTED, DAY, END, RATES, SLOS, WINDOWS, fill, rate

MODELS = ("int_slo__pieces", "int_slo__incident_burn", "fct_incident_burn", "rpt_slo_budget")
MARTS = MODELS[2:]
GIVEN = {
    "int_slo__budgets": BUDGETS,
    "int_slo__burn_rates": RATES,
    "int_slo__incident_windows": WINDOWS,
    "int_incidents__counted": COUNTED,
}


def test_burn_on_postgresql_equals_that_on_duckdb(
    postgres: str, warehouse: NewWarehouse, dbt: Dbt
) -> None:
    chance = random.Random(4)
    measured = []
    for slo in ("up", "late", "all"):
        for source in ("prometheus", "datadog"):
            for n in range(250):
                if chance.random() < 0.1:
                    continue
                at, ratio = END - n * 600, chance.choice((0.0, chance.random() / 10, 1.0))
                share = chance.choice((None, 0.5))
                measured += [
                    rate(slo, source, window, at, ratio, share) for window in (300, 3600, 21_600)
                ]
    active = {}
    for n in range(40):
        start = END - chance.randrange(3 * DAY)
        again = start + chance.randrange(DAY)
        active[f"i{n}"] = [(start, again), (again + 60, again + chance.randrange(60, 2 * DAY))]
    here = warehouse()
    fill(here, measured, active)
    here.run(*MODELS[1:])

    compiled = dbt.compiled(*MODELS, as_of=AS_OF, target="postgres")
    with connect(postgres) as connection:
        cursor = connection.cursor()
        cursor.execute("create schema paydown_intermediate; create schema paydown_marts")
        for model, columns in GIVEN.items():
            types = [column.split()[1:] or ["varchar"] for column in columns.split(",")]
            names = [column.split()[0] for column in columns.split(",")]
            typed = ", ".join(f"{n} {t[0]}" for n, t in zip(names, types, strict=True))
            typed = typed.replace("double", "double precision")
            cursor.execute(f"create table {table_of(model)} ({typed})")
            rows = here.ask(f"select {', '.join(names)} from {table_of(model)}")
            marks = ", ".join(["%s"] * len(names))
            cursor.executemany(f"insert into {table_of(model)} values ({marks})", rows)
        for model in MODELS:
            cursor.execute(f"create table {table_of(model)} as {compiled[model]}")
        for mart in MARTS:
            cursor.execute(f"select * from {table_of(mart)}")
            listed = ", ".join(column[0] for column in cursor.description)
            there = comparable(cursor.fetchall())
            assert there == comparable(here.ask(f"select {listed} from {table_of(mart)}")), mart
    burnt = "budget_spent is not null and not is_estimated"
    assert here.ask(f"select count(*) from {table_of(MARTS[0])} where {burnt}")[0][0] >= 50
    budgets = here.ask(f"select count(*), max(burn_measured_at) from {table_of(MARTS[1])}")
    assert budgets == [(len(SLOS), datetime.fromisoformat(AS_OF))]
