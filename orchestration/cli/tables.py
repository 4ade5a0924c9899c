"""Shared pieces of the screens: tables without lines, and rows of the published marts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
from rich.table import Table
from rich.text import Text

from orchestration.settings import Settings

FACTORS = {
    "slo_burn": "burn",
    "repeats": "rep",
    "mttr": "mttr",
    "blast_radius": "blast",
    "dependency_centrality": "dep",
    "revenue_impact": "rev",
    "effort": "eff",
    "ai_risk": "ai",
}
DECISION_STYLES = {"promote": "bold green", "blocked": "bold red", "bundle": "yellow"}


def published_rows(
    settings: Settings, sql: str, parameters: dict[str, Any] | None = None
) -> list[dict[str, Any]]:
    """What a query on the analysts' copy returns, as mappings.

    Nothing where nothing is published yet, or was before there was such a mart.
    """
    if not settings.published_database.exists():
        return []
    with duckdb.connect(str(settings.published_database), read_only=True) as con:
        try:
            result = con.execute(sql, parameters)
        except duckdb.CatalogException:
            return []
        names = [column[0] for column in result.description or []]
        return [dict(zip(names, row, strict=True)) for row in result.fetchall()]


def plain_table(*columns: str, right: tuple[str, ...] = ()) -> Table:
    """A table without lines, so that 80 columns hold it; `right` are numbers, never cut."""
    table = Table(
        box=None, pad_edge=False, padding=(0, 1), collapse_padding=True, header_style="dim"
    )
    for column in columns:
        is_number = column in right
        table.add_column(
            column, justify="right" if is_number else "left", no_wrap=is_number, overflow="fold"
        )
    return table


def signed(value: int | None) -> str:
    """A difference with its sign; empty where there is nothing to compare with."""
    return "" if value is None else f"{value:+d}" if value else "0"


def points(value: int | None) -> Text:
    """Points of a factor; `·` where it rests on no data, which is not 0."""
    return Text("·", style="dim") if value is None else Text(str(value))


def money(value: float | None) -> str:
    return "?" if value is None else f"${value:,.0f}"


def shown_path(path: Path) -> str:
    """The path as short as it can be typed from here."""
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)


def text_row(*cells: Any, style: str | None = None) -> list[Text]:
    """Cells as text, whatever brackets they hold."""
    return [c if isinstance(c, Text) else Text(str(c), style=style or "") for c in cells]
