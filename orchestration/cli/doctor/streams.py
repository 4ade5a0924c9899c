"""Rows of each stream, from the source to the facts, as the last run counted them, and why not all
are facts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import duckdb
from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from orchestration.cli.doctor.finding import Finding
from orchestration.cli.quarantine import shown
from orchestration.cli.tables import plain_table, published_database
from orchestration.epics.published import read_mart
from orchestration.settings import Settings

Row = Mapping[str, Any]

# What each difference of `rpt_data_quality` means where it is not 0.
DIFFERENCES = {
    "landed_difference": "records that syncs landed and no load read; run `paydown run`",
    "read_difference": "records that loads read are neither raw nor quarantined; report it",
    "raw_difference": "raw rows that loads wrote are not there; see docs/runbooks/stale-source.md",
    "quarantine_difference": "quarantined rows that loads wrote are not there; report it",
    "fact_difference": "records are neither facts nor excluded; report it",
}
SHOWN_REASONS = 4


def check_streams(settings: Settings) -> Iterator[Finding]:
    """Where the chain from source to facts has lost something."""
    for row in _rows(settings, "rpt_data_quality"):
        name = row["stream_id"]
        if row["missing_count"]:
            yield Finding(
                "bad",
                name,
                f"{row['missing_count']:,} of {row['source_count']:,} records at the source are "
                f"missing; `paydown sync {row['source_name']} --since DATE` reads them again",
            )
        for column, meaning in DIFFERENCES.items():
            if row[column]:
                yield Finding("bad", name, f"{row[column]:+,} {meaning}")


def show_streams(console: Console, settings: Settings) -> None:
    """Print the rows of each stream, and under them the reasons."""
    rows = [row for row in _rows(settings, "rpt_data_quality") if _is_shown(row, settings)]
    if not rows:
        return
    columns = ("at source", "in raw", "facts", "excluded", "set aside")
    table = plain_table("stream", *columns, right=columns)
    for row in rows:
        table.add_row(
            Text(row["stream_id"]),
            *(
                Text("·" if value is None else f"{value:,}", style="dim" if not value else "")
                for value in (
                    row["source_count"],
                    row["record_count"],
                    row["fact_count"],
                    row["excluded_count"],
                    row["open_quarantine_count"],
                )
            ),
        )
    console.print()
    console.print(table)
    reasons = _rows(settings, "rpt_data_quality_reasons")
    for row in rows:
        for line in _reasons(row, reasons):
            console.print(Padding(Text(line, "dim"), (0, 0, 0, 2)))
    console.print()


def _is_shown(row: Row, settings: Settings) -> bool:
    return bool(
        (row["is_incident_stream"] and row["source_rows"])
        or row["open_quarantine_count"]
        or row["source_count"]
        or (row["source_name"] in settings.sources and row["source_rows"])
    )


def _reasons(row: Row, reasons: list[dict[str, Any]]) -> Iterator[str]:
    for outcome in ("excluded", "later", "duplicate", "quarantined"):
        found = [
            reason
            for reason in reasons
            if reason["stream_id"] == row["stream_id"] and reason["outcome"] == outcome
        ]
        if not found:
            continue
        found.sort(key=lambda reason: (-reason["reason_count"], reason["reason"]))
        parts = [
            f"{reason['reason_count']:,} {shown(reason['reason'].partition('; ')[0])}"
            for reason in found[:SHOWN_REASONS]
        ]
        if len(found) > SHOWN_REASONS:
            parts.append(f"and {len(found) - SHOWN_REASONS} more reasons")
        title = "set aside" if outcome == "quarantined" else outcome
        yield f"{row['stream_id']} {title}: {', '.join(parts)}"


def _rows(settings: Settings, mart: str) -> list[dict[str, Any]]:
    database = published_database(settings)
    if not database.exists():
        return []
    try:
        return sorted(read_mart(database, mart), key=lambda row: row["stream_id"])
    except duckdb.CatalogException:
        return []  # Published before there was such a mart.
