"""The models on a real PostgreSQL: the same raw rows give the same marts as on DuckDB."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import psycopg2
import pytest
from sqlalchemy import make_url

from .flow_helpers import ROOT, Site

pytestmark = pytest.mark.xdist_group("demo")

TYPES = {"DOUBLE": "double precision"}


def test_marts_on_postgresql_equal_those_on_duckdb(
    demo: tuple[Site, subprocess.CompletedProcess[str]], postgres: str, tmp_path: Path
) -> None:
    site, first = demo
    assert first.returncode == 0, first.stdout
    socket = str(make_url(postgres).query["host"])
    with psycopg2.connect(host=socket, user="postgres", dbname="postgres") as connection:
        _copy_raw(site.home / "warehouse.duckdb", connection)
    _build(socket, tmp_path)
    with psycopg2.connect(host=socket, user="postgres", dbname="postgres") as connection:
        marts = [row[0] for row in site.query("select table_name from duckdb_tables()")]
        assert len(marts) >= 11
        for mart in marts:
            cursor = connection.cursor()
            cursor.execute(f'select * from paydown_marts."{mart}"')
            names = [column[0] for column in cursor.description or []]
            there = sorted(map(_comparable, cursor.fetchall()))
            columns = ", ".join(f'"{name}"' for name in names)
            here = sorted(map(_comparable, site.query(f'select {columns} from "{mart}"')))
            assert there == here, mart


def _copy_raw(warehouse: Path, connection: Any) -> None:
    cursor = connection.cursor()
    cursor.execute("create schema raw")
    with duckdb.connect(str(warehouse), read_only=True) as con:
        tables = con.execute(
            "select table_name from duckdb_tables() where schema_name = 'raw' "
            "and table_name not like '\\_dlt%' escape '\\'"
        ).fetchall()
        for (table,) in tables:
            columns = con.execute(
                "select column_name, data_type from duckdb_columns() "
                "where schema_name = 'raw' and table_name = $1 order by column_index",
                [table],
            ).fetchall()
            typed = ", ".join(f'"{name}" {TYPES.get(kind, kind)}' for name, kind in columns)
            cursor.execute(f'create table raw."{table}" ({typed})')
            path = warehouse.with_name("copied.csv")
            con.execute(f"copy raw.\"{table}\" to '{path}' (format csv, header, nullstr '\\N')")
            text = path.read_text(encoding="utf-8")
            path.unlink()
            sql = f"copy raw.\"{table}\" from stdin (format csv, header, null '\\N')"
            cursor.copy_expert(sql, io.StringIO(text))


def _build(socket: str, folder: Path) -> None:
    environment = os.environ | {
        "DBT_PROFILES_DIR": str(ROOT / "profiles"),
        "DBT_TARGET_PATH": str(folder / "target"),
        "DBT_LOG_PATH": str(folder / "logs"),
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
        "PAYDOWN_POSTGRES_HOST": socket,
        "PAYDOWN_POSTGRES_USER": "postgres",
        "PAYDOWN_POSTGRES_PASSWORD": "unused",
        "PAYDOWN_POSTGRES_DATABASE": "postgres",
    }
    built = subprocess.run(
        [
            str(Path(sys.executable).with_name("dbt")), "build", "--target", "postgres",
            "--exclude-resource-type", "unit_test",
            "--vars", '{as_of: "2026-06-26 16:00:00"}',
        ],
        cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=600,
    )  # fmt: skip
    assert built.returncode == 0, built.stdout[-5000:]


def _comparable(row: tuple[Any, ...]) -> tuple[str, ...]:
    return tuple(_plain(value) for value in row)


def _plain(value: Any) -> str:
    if isinstance(value, float | Decimal):
        return f"{float(value):.9g}"
    if isinstance(value, datetime):
        return value.replace(tzinfo=None).isoformat()
    return value.isoformat() if isinstance(value, date) else str(value)
