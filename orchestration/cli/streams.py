"""Rows of each stream, from the source to the facts, as the last run counted them, and why not all
are facts; a part of `paydown doctor`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from orchestration.cli.quarantine import shown
from orchestration.cli.tables import plain_table, published_rows
from orchestration.settings import Settings

SHOWN_REASONS = 4
# What each difference of `rpt_data_quality` means where it is not 0.
DIFFERENCES = {
    "landed_difference": "records that syncs landed and no load read; run `paydown run`",
    "read_difference": "records that loads read are neither raw nor quarantined; report it",
    "raw_difference": "raw rows that loads wrote are missing; see docs/runbooks/stale-source.md",
    "quarantine_difference": "quarantined rows that loads wrote are missing; report it",
    "fact_difference": "records are neither facts nor excluded; report it",
}


@dataclass(frozen=True)
class Finding:
    """One line of the doctor. `bad` needs a person, `note` is worth knowing."""

    state: Literal["ok", "note", "bad"]
    subject: str
    text: str


def check_streams(settings: Settings) -> Iterator[Finding]:
    """Where the chain from source to facts has lost something."""
    for row in _quality(settings):
        name = row["stream_id"]
        if row["missing_count"]:
            counts = f"{row['missing_count']:,} of {row['source_count']:,} records at the source"
            again = f"`paydown sync {row['source_name']} --since DATE` reads them again"
            yield Finding("bad", name, f"{counts} are missing; {again}")
        for column, meaning in DIFFERENCES.items():
            if row[column]:
                yield Finding("bad", name, f"{row[column]:+,} {meaning}")


def _quality(settings: Settings) -> list[dict[str, Any]]:
    return published_rows(settings, "select * from rpt_data_quality order by stream_id")


def show_streams(console: Console, settings: Settings) -> None:
    """Print the rows of each stream from the source to the facts, and why not all are facts."""
    rows = [row for row in _quality(settings) if _is_shown(row, settings)]
    if not rows:
        return
    numbers = ("source_count", "record_count", "fact_count", "excluded_count")
    columns = ("at source", "in raw", "facts", "excluded", "quarantined")
    table = plain_table("stream", *columns, right=columns)
    for row in rows:
        values = [row[name] for name in (*numbers, "open_quarantine_count")]
        cells = ["·" if value is None else f"{value:,}" for value in values]
        table.add_row(Text(row["stream_id"]), *map(Text, cells))
    console.print()
    console.print(table)
    shown_streams = {"streams": [row["stream_id"] for row in rows]}
    for reason in published_rows(settings, REASONS, shown_streams):
        console.print(Padding(Text(_reasons(reason), "dim"), (0, 0, 0, 2)))
    console.print()


REASONS = """
    select
        stream_id,
        outcome,
        list(reason order by reason_count desc, reason) as reasons,
        list(reason_count order by reason_count desc, reason) as counts
    from rpt_data_quality_reasons
    where list_contains($streams, stream_id)
    group by stream_id, outcome
    order by stream_id, list_position(['excluded', 'later', 'duplicate', 'quarantined'], outcome)
"""


def _reasons(row: Mapping[str, Any]) -> str:
    found = list(zip(row["reasons"], row["counts"], strict=True))
    parts = [f"{n:,} {shown(reason.partition('; ')[0])}" for reason, n in found[:SHOWN_REASONS]]
    if len(found) > SHOWN_REASONS:
        parts.append(f"and {len(found) - SHOWN_REASONS} more reasons")
    return f"{row['stream_id']} {row['outcome']}: {', '.join(parts)}"


def _is_shown(row: Mapping[str, Any], settings: Settings) -> bool:
    return bool(
        (row["is_incident_stream"] and row["source_rows"])
        or row["open_quarantine_count"]
        or row["source_count"]
        or (row["source_name"] in settings.sources and row["source_rows"])
    )
