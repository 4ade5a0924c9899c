"""The screen of `paydown sync`: what each source brought."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from orchestration.cli.tables import plain_table
from orchestration.documents import ConfigError
from orchestration.settings import Settings
from orchestration.vendors.sync import sync_sources

STYLES = {"complete": "green", "stopped": "bold red", "failed": "bold red"}


def show_sync(
    console: Console, settings: Settings, names: Sequence[str], since: date | None
) -> bool:
    """Sync and print a row for each source; False where one stopped, or none could begin."""
    if problem := _problem(settings, names):
        console.print(Text(problem, "red"))
        return False
    try:
        with console.status("asking the sources") as status:
            results = sync_sources(
                settings,
                names,
                since=since,
                progress=lambda text: status.update(Text(text[: console.width - 4])),
            )
    except ConfigError as error:
        console.print(Text(str(error), "red"))
        return False
    except KeyboardInterrupt:
        console.print("interrupted; what was committed stays, the next sync goes on from there")
        raise
    numbers = ("records", "requests", "seconds")
    table = plain_table("source", "status", *numbers, right=numbers)
    for result in results:
        table.add_row(
            Text(result.source),
            Text(result.status, STYLES[result.status]),
            Text(f"{result.records:,}"),
            Text(f"{result.requests:,}"),
            Text(f"{result.seconds:,.1f}"),
        )
    console.print(table)
    for result in results:
        if result.message:
            console.print(Text(f"{result.source}, owner {result.owner}", "bold"))
            console.print(Padding(Text(result.message), (0, 0, 0, 2)))
    return all(result.status == "complete" for result in results)


def _problem(settings: Settings, names: Sequence[str]) -> str:
    """What keeps the sync from beginning, and what to do about it; empty where nothing does."""
    if not settings.sources:
        return "no source is switched on; set PAYDOWN_SOURCES=pagerduty, or several with commas"
    off = [name for name in names if name not in settings.sources]
    if off:
        on = ",".join(settings.sources)
        return f"{', '.join(off)}: not switched on; add it: PAYDOWN_SOURCES={on},{','.join(off)}"
    return ""
