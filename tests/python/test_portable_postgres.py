"""Models on a real PostgreSQL: rows that the demo has none of give what they give on DuckDB."""

from __future__ import annotations

import io
import random
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import psycopg2
from sqlalchemy import make_url

from .compiled_models import AS_OF, NewWarehouse, table_of
from .dbt_in_process import Dbt
from .postgres_helpers import plain
from .test_slo_burn_oracle import DAY, END, SLOS, fill, rate

TYPES = {"DOUBLE": "double precision"}
BURN = ("int_slo__pieces", "int_slo__incident_burn", "fct_incident_burn", "rpt_slo_budget")


def connect(address: str) -> Any:
    """A psycopg2 connection to the database of the fixture `postgres`."""
    url = make_url(address)
    return psycopg2.connect(host=url.query["host"], user="postgres", dbname=url.database)


def assert_alike(mart: str, con: duckdb.DuckDBPyConnection, cursor: Any, table: str) -> None:
    """A table of PostgreSQL has the rows that DuckDB's has."""
    cursor.execute(f"select * from {table}")
    columns = ", ".join(f'"{column[0]}"' for column in cursor.description)
    here, there = con.execute(f"select {columns} from {mart}").fetchall(), cursor.fetchall()
    assert sorted([plain(v) for v in row] for row in there) == sorted(
        [plain(v) for v in row] for row in here
    ), mart


def copy_tables(con: duckdb.DuckDBPyConnection, where: str, cursor: Any, passed: Path) -> None:
    """Copy DuckDB's tables to PostgreSQL, through one CSV file after the other."""
    tables = con.execute(
        "select schema_name || '.\"' || table_name || '\"', "
        "list(column_name order by column_index), list(data_type order by column_index) "
        f"from duckdb_columns() where {where} group by 1"
    ).fetchall()
    assert tables
    for table, names, kinds in tables:
        typed = zip(names, (TYPES.get(kind, kind) for kind in kinds), strict=True)
        listed = ", ".join(f'"{name}" {kind}' for name, kind in typed)
        cursor.execute(f"create table {table} ({listed})")
        form = r"(format csv, header, {} '\N')"
        con.execute(f"copy {table} to '{passed}' {form.format('nullstr')}")
        text = io.StringIO(passed.read_text(encoding="utf-8"))
        cursor.copy_expert(f"copy {table} from stdin {form.format('null')}", text)


def test_burn_on_postgresql_equals_that_on_duckdb(
    postgres: str, warehouse: NewWarehouse, dbt: Dbt, tmp_path: Path
) -> None:
    """The demo has no measurements, so its comparison of the marts says nothing of these."""
    chance = random.Random(4)
    measured = []
    for slo in ("up", "late", "all"):
        for source in ("prometheus", "datadog"):
            for n in range(250):
                if chance.random() < 0.1:
                    continue
                at, ratio = END - n * 600, chance.choice((0.0, chance.random() / 10, 1.0))
                share = chance.choice((None, 0.5))
                measured += [rate(slo, source, w, at, ratio, share) for w in (300, 3600, 21_600)]
    active = {}
    for n in range(40):
        start = END - chance.randrange(3 * DAY)
        again = start + chance.randrange(DAY)
        active[f"i{n}"] = [(start, again), (again + 60, again + chance.randrange(60, 2 * DAY))]
    here = warehouse()
    fill(here, measured, active)
    here.run(*BURN[1:])
    compiled = dbt.compiled(*BURN, as_of=AS_OF, target="postgres")
    with connect(postgres) as connection:
        cursor = connection.cursor()
        cursor.execute("create schema paydown_intermediate; create schema paydown_marts")
        where = f"schema_name like 'paydown%' and table_name not in {BURN}"
        copy_tables(here.con, where, cursor, tmp_path / "passed.csv")
        for model in BURN:
            cursor.execute(f"create table {table_of(model)} as {compiled[model]}")
        for mart in map(table_of, BURN[2:]):
            assert_alike(mart, here.con, cursor, mart)
    burnt, budgets = map(table_of, BURN[2:])
    spent = f"from {burnt} where budget_spent is not null and not is_estimated"
    assert here.ask(f"select count(*) {spent}")[0][0] >= 50
    newest = here.ask(f"select count(*), max(burn_measured_at) from {budgets}")
    assert newest == [(len(SLOS), datetime.fromisoformat(AS_OF))]
