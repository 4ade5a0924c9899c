"""A database with every published mart as its contract says, with the rows that a test gives it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import duckdb
import yaml

from .flow_helpers import ROOT

Rows = Mapping[str, Sequence[Mapping[str, Any]]]


def contracts() -> Iterator[tuple[str, dict[str, str]]]:
    """Each mart's name and the types of its columns."""
    for path in sorted((ROOT / "models" / "marts").rglob("*__models.yml")):
        for model in yaml.safe_load(path.read_text(encoding="utf-8"))["models"]:
            yield model["name"], {c["name"]: c["data_type"] for c in model["columns"]}


def marts_of(rows: Rows) -> duckdb.DuckDBPyConnection:
    """The database, in memory; what a row leaves out is null, a mart without rows is empty."""
    con = duckdb.connect()
    for mart, columns in contracts():
        typed = ", ".join(f'"{name}" {type_}' for name, type_ in columns.items())
        con.execute(f'create table "{mart}" ({typed})')
    for mart, some in rows.items():
        for row in some:
            names = ", ".join(f'"{name}"' for name in row)
            marks = ", ".join("?" * len(row))
            con.execute(f'insert into "{mart}" ({names}) values ({marks})', [*row.values()])
    return con
