"""The queries of a folder, one per file, on the analysts' copy."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb

from orchestration.warehouse import rows_of

QUERIES = Path(__file__).with_name("queries")

Row = dict[str, Any]


def read_marts(con: duckdb.DuckDBPyConnection, queries: Path) -> dict[str, list[Row]]:
    """Name of a query -> its rows; duckdb.Error if a mart lacks a column that it names.

    What several queries of a folder share is in its `views`.
    """
    con.execute("set timezone = 'UTC'")
    for view in queries.glob("views/*.sql"):
        con.execute(f"create or replace temp view {view.stem} as {view.read_text('utf-8')}")
    return {path.stem: rows_of(con, path.read_text("utf-8")) for path in queries.glob("*.sql")}
