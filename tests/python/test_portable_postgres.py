"""The models on a real PostgreSQL: the same raw rows give the same marts as on DuckDB."""

from __future__ import annotations

import io
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import psycopg2
import pytest
from sqlalchemy import make_url

from .dbt_in_process import Dbt
from .flow_helpers import Demo

TYPES = {"DOUBLE": "double precision"}


def connect(address: str) -> Any:
    """A psycopg2 connection to the database of the fixture `postgres`."""
    url = make_url(address)
    return psycopg2.connect(host=url.query["host"], user="postgres", dbname=url.database)


def comparable(rows: list[tuple[Any, ...]]) -> list[tuple[str, ...]]:
    """Rows sorted, each value as text that doesn't depend on the warehouse; 9 digits count."""
    return sorted(tuple(_plain(value) for value in row) for row in rows)


def _plain(value: Any) -> str:
    if isinstance(value, float | Decimal):
        return f"{float(value):.9g}"
    if isinstance(value, datetime):
        return value.replace(tzinfo=None).isoformat()
    return value.isoformat() if isinstance(value, date) else str(value)


@pytest.mark.slow
def test_marts_on_postgresql_equal_those_on_duckdb(
    demo: Demo, dbt: Dbt, postgres: str, tmp_path: Path
) -> None:
    site = demo.site
    with connect(postgres) as connection:
        _copy_raw(site.warehouse, connection.cursor(), tmp_path / "copied.csv")
    dbt(
        "build", "--exclude-resource-type", "unit_test", target="postgres",
        PAYDOWN_POSTGRES_HOST=str(make_url(postgres).query["host"]),
    )  # fmt: skip
    marts = [row[0] for row in site.query("select table_name from duckdb_tables()")]
    assert len(marts) >= 11
    with connect(postgres) as connection:
        cursor = connection.cursor()
        for mart in marts:
            cursor.execute(f'select * from paydown_marts."{mart}"')
            columns = ", ".join(f'"{column[0]}"' for column in cursor.description)
            there = comparable(cursor.fetchall())
            assert there == comparable(site.query(f'select {columns} from "{mart}"')), mart


def _copy_raw(warehouse: Path, cursor: Any, passed: Path) -> None:
    """Copy the tables of raw, through one CSV file after the other."""
    cursor.execute("create schema raw")
    with duckdb.connect(str(warehouse), read_only=True) as con:
        columns = con.execute(
            "select table_name, list(column_name order by column_index), "
            "list(data_type order by column_index) from duckdb_columns() "
            "where schema_name = 'raw' and not starts_with(table_name, '_dlt') group by 1"
        ).fetchall()
        for table, names, kinds in columns:
            typed = zip(names, (TYPES.get(kind, kind) for kind in kinds), strict=True)
            listed = ", ".join(f'"{name}" {kind}' for name, kind in typed)
            cursor.execute(f'create table raw."{table}" ({listed})')
            form = r"(format csv, header, {} '\N')"
            con.execute(f"copy raw.\"{table}\" to '{passed}' {form.format('nullstr')}")
            text = io.StringIO(passed.read_text(encoding="utf-8"))
            cursor.copy_expert(f'copy raw."{table}" from stdin {form.format("null")}', text)
