"""What finance exports: costs of services by month, toil of teams by week."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

from .files import csv_lines
from .tables import table

Row = list[str]
MONTHS = [date(2026, month, 1) for month in range(1, 6)]
WEEKS = [date(2026, 1, 5) + timedelta(weeks=week) for week in range(24)]


def build_finance() -> dict[str, bytes]:
    """Path below the landing folder to content: costs to May, toil to the middle of June."""
    levels = table("finance")
    costs = list(_rows(levels["costs"], MONTHS, "%Y-%m", spread=0.015))
    quarter = [row for row in costs if row[1] < "2026-04"]
    return {
        "finance/costs/2026-q1.csv": csv_lines(["service", "month", "usd"], quarter),
        # Each export holds the year so far: months that are in an earlier one count once.
        "finance/costs/2026-05.csv": csv_lines(["service", "month", "usd"], costs),
        "finance/toil/2026-h1.csv": csv_lines(
            ["team", "week", "hours"], list(_rows(levels["toil"], WEEKS, "%Y-%m-%d", spread=0.12))
        ),
    }


def _rows(levels: dict[str, Any], starts: list[date], form: str, spread: float) -> Iterator[Row]:
    for start in starts:
        for name, row in levels.items():
            digest = hashlib.sha256(f"{name} {start}".encode()).digest()
            wobble = 1 + spread * (2 * digest[0] / 255 - 1)
            factor = row["factor"] if "since" in row and start >= row["since"] else 1
            yield [name, f"{start:{form}}", f"{row['level'] * factor * wobble:.2f}"]
