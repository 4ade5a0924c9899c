"""The queries of `queries/`, one a file, on the analysts' copy."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb

QUERIES = Path(__file__).with_name("queries")
# What a query that begins so needs may not exist in every project: its rows are then None.
OPTIONAL = "-- optional:"

Row = dict[str, Any]


def read_marts(database: Path) -> dict[str, list[Row] | None]:
    """Name of a query -> its rows; None where a query is optional and a mart of it doesn't exist.

    duckdb.Error where nothing is published, or a mart has not the columns that a query names.
    """
    with duckdb.connect(str(database), read_only=True) as con:
        con.execute("set timezone = 'UTC'")
        return {path.stem: _rows(con, path.read_text("utf-8")) for path in QUERIES.glob("*.sql")}


def _rows(con: duckdb.DuckDBPyConnection, sql: str) -> list[Row] | None:
    try:
        result = con.execute(sql)
    except duckdb.CatalogException:
        if sql.startswith(OPTIONAL):
            return None
        raise
    names = [column[0] for column in result.description or []]
    return [dict(zip(names, row, strict=True)) for row in result.fetchall()]
