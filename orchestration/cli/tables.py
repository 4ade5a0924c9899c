"""Shared pieces of the screens: lines, tables without lines, and rows of the published marts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import duckdb
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from orchestration.cli.command import console
from orchestration.cli.quarantine import shown
from orchestration.publish.analyst_copy import published
from orchestration.settings import Settings
from orchestration.warehouse import rows_of


def published_rows(
    settings: Settings, sql: str, parameters: dict[str, Any] | None = None
) -> list[dict[str, Any]]:
    """What a query on the analysts' copy returns, as mappings.

    Nothing if nothing is published yet, or was before this mart existed.

    Raises:
        NotPublishedError: what is published is from another warehouse.
    """
    if not settings.published_database.exists():
        return []
    with published(settings) as con:
        try:
            return rows_of(con, sql, parameters)
        except (duckdb.CatalogException, duckdb.BinderException):
            return []


def say(text: str, style: str = "", indent: int = 0) -> None:
    """Print plain text; control characters are written as their codes."""
    line = Text(shown(text, kept="\n"), style)
    console.print(Padding(line, (0, 0, 0, indent), expand=False) if indent else line)


def show_table(
    columns: Sequence[str], rows: Iterable[Sequence[Any]], right: Sequence[str] = ()
) -> None:
    """Print a table of texts; a cell that is None is unknown."""
    table = plain_table(*columns, right=right)
    for row in rows:
        cells = (Text("·", "dim") if cell is None else cell for cell in row)
        table.add_row(*(c if isinstance(c, Text) else Text(shown(str(c))) for c in cells))
    console.print(table)


def plain_table(*columns: str, right: Sequence[str] = ()) -> Table:
    """A table without lines, to fit in 80 columns; `right` are numbers, never cut."""
    table = Table(
        box=None, pad_edge=False, padding=(0, 1), collapse_padding=True, header_style="dim"
    )
    for column in columns:
        is_number = column in right
        table.add_column(
            column, justify="right" if is_number else "left", no_wrap=is_number, overflow="fold"
        )
    return table


def shown_path(path: Path) -> str:
    """The shortest form of the path from the current directory."""
    return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)
