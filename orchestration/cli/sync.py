"""The screen of `paydown sync`: what each source brought."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from rich.text import Text

from orchestration.cli.command import console
from orchestration.cli.tables import say, show_table
from orchestration.settings import Settings, SettingsError
from orchestration.vendors.sync import sync_sources


def show_sync(settings: Settings, names: Sequence[str], since: date | None) -> bool:
    """Sync and print a row for each source; False where one stopped.

    Raises:
        ConfigError, SettingsError: no sync could begin.
    """
    if not settings.sources:
        raise SettingsError(
            "no source is switched on; set PAYDOWN_SOURCES=pagerduty, or several with commas"
        )
    if off := [name for name in names if name not in settings.sources]:
        on = ",".join((*settings.sources, *off))
        raise SettingsError(f"{', '.join(off)}: not switched on; add it: PAYDOWN_SOURCES={on}")
    try:
        with console.status("asking the sources") as status:
            results = sync_sources(
                settings,
                names,
                since=since,
                progress=lambda text: status.update(Text(text[: console.width - 4])),
            )
    except KeyboardInterrupt:
        say("interrupted; what was committed is kept, and the next sync continues from there")
        raise
    numbers = ("records", "requests", "seconds")
    rows = [
        (
            r.source,
            Text(r.status, "green" if r.status == "complete" else "bold red"),
            f"{r.records:,}",
            f"{r.requests:,}",
            f"{r.seconds:,.1f}",
        )
        for r in results
    ]
    show_table(("source", "status", *numbers), rows, right=numbers)
    for result in results:
        if result.message:
            say(f"{result.source}, owner {result.owner}", "bold")
            say(result.message, indent=2)
    return all(result.status == "complete" for result in results)
