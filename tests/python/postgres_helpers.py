"""Homes of paydown on the PostgreSQL of the fixture `postgres`, and published copies compared."""

from __future__ import annotations

import re
import shutil
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
from sqlalchemy import make_url

from .dbt_in_process import POSTGRES_DATABASE, Dbt
from .flow_helpers import Site

# They say when something was loaded, and under which random id.
OF_THE_LOAD = {"load_id", "loaded_at", "newest_load_at"}
# A local epic's address names the home that it is in.
LOCAL_EPIC = re.compile(r"\S*/epics/")


def on_postgres(address: str) -> dict[str, str]:
    """The variables that switch to the database of the fixture."""
    return {
        "PAYDOWN_TARGET": "postgres",
        "PAYDOWN_POSTGRES_HOST": str(make_url(address).query["host"]),
        "PAYDOWN_POSTGRES_USER": "postgres",
        "PAYDOWN_POSTGRES_DATABASE": POSTGRES_DATABASE,
    }


def new_site(home: Path, address: str, dbt: Dbt) -> Site:
    """An empty home on that database, for which the project is parsed already."""
    shutil.copytree(dbt.parsed("postgres"), home / "dbt" / "target")
    return Site(home, on_postgres(address))


def plain(value: Any) -> str:
    """The value as text that doesn't depend on warehouse and home; 9 digits count."""
    if isinstance(value, float | Decimal):
        return f"{float(value):.9g}"
    if isinstance(value, datetime):
        return value.replace(tzinfo=None).isoformat()
    if isinstance(value, date):
        return value.isoformat()
    return LOCAL_EPIC.sub("epics/", str(value))


def differences(
    one: Path, other: Path, schema: str = "main", *, one_integer: bool = False
) -> list[str]:
    """Columns of two published copies that differ, in type or in any value to 9 digits; or of the
    tables of a schema of two warehouses. Where a warehouse has `one_integer`, any type of whole
    numbers is equal to any other."""

    def described(con: duckdb.DuckDBPyConnection, mart: str) -> list[tuple[str, str]]:
        columns = con.sql(f"select column_name, column_type from (describe {mart})").fetchall()
        return [(n, "BIGINT" if one_integer and t == "INTEGER" else t) for n, t in columns]

    found = []
    with (
        duckdb.connect(str(one), read_only=True) as here,
        duckdb.connect(str(other), read_only=True) as there,
    ):
        for con in (here, there):
            con.execute(f"use {schema}")
        marts = here.execute(
            "select table_name from duckdb_tables() where schema_name = $1 order by 1", [schema]
        ).fetchall()
        assert marts
        for (mart,) in marts:
            columns = described(here, mart)
            if columns != described(there, mart):
                found.append(f"{mart}: other columns or types")
                continue
            names = [f'"{column[0]}"' for column in columns if column[0] not in OF_THE_LOAD]
            rows = [
                sorted(
                    [plain(value) for value in row]
                    for row in con.execute(f"select {', '.join(names)} from {mart}").fetchall()
                )
                for con in (here, there)
            ]
            if rows[0] != rows[1]:
                at = {
                    n
                    for pair in zip(*rows, strict=False)
                    for n, (a, b) in enumerate(zip(*pair, strict=True))
                    if a != b
                }
                where = ", ".join(names[n] for n in sorted(at))
                found.append(f"{mart}: {len(rows[0])} rows and {len(rows[1])} differ in {where}")
    return found
