"""The queries of a folder, one a file, on the analysts' copy."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb

from orchestration.warehouse import rows_of

QUERIES = Path(__file__).with_name("queries")

Row = dict[str, Any]


def read_marts(con: duckdb.DuckDBPyConnection, queries: Path) -> dict[str, list[Row]]:
    """Name of a query -> its rows; duckdb.Error where a mart has not the columns that it names."""
    con.execute("set timezone = 'UTC'")
    return {path.stem: rows_of(con, path.read_text("utf-8")) for path in queries.glob("*.sql")}


def read_copy(database: Path) -> dict[str, list[Row]]:
    """What the page and the digest show; duckdb.Error where nothing is published."""
    with duckdb.connect(str(database), read_only=True) as con:
        return read_marts(con, QUERIES)
