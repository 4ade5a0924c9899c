"""The screen of `paydown epics`: what the next run would do in the tracker."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict

import duckdb
from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from orchestration.cli.quarantine import shown
from orchestration.epics.published import run_epics
from orchestration.epics.report import EpicEntry, EpicsReport
from orchestration.settings import Settings, SettingsError

TITLES = {
    "opened": "would be opened",
    "updated": "would be updated",
    "bundled": "would be bundled into the open epic",
    "closed": "would be closed as hygiene",
    "stories": "stories that would be opened",
    "already_open": "open, with nothing new",
    "shared": "part of a shared fix",
    "waiting": "waiting",
    "blocked": "blocked",
    "failed": "would fail",
    "stories_failed": "stories that would fail",
}
# Without --full these are only counted.
QUIET = ("already_open", "shared")


def show_epics(console: Console, settings: Settings, *, as_json: bool, full: bool) -> bool:
    """Print the dry run; False where something would be refused.

    Raises:
        SettingsError: nothing was published yet.
        ConfigError, TrackerError: tracker.yaml is wrong, or a secret is missing.
    """
    try:
        report = run_epics(settings, "dry-run", dry_run=True)
    except duckdb.Error:
        raise SettingsError("nothing was published yet; run `paydown run` first") from None
    if as_json:
        print(json.dumps(asdict(report), indent=2, default=str))
        return report.is_clean
    for line in _lines(report, full=full):
        console.print(line)
    return report.is_clean


def _lines(report: EpicsReport, *, full: bool) -> Iterator[Text | Padding]:
    yield Text(f"{report.tracker}: dry run, nothing was written", "bold")
    if report.stopped:
        yield Text(f"stopped: {shown(report.stopped)}", "bold red")
    for part, title in TITLES.items():
        entries = getattr(report, part)
        if not entries:
            continue
        yield Text(f"{title}: {len(entries)}", "bold red" if "fail" in title else "bold")
        if part not in QUIET or full:
            for entry in entries:
                yield from _entry(entry, full=full)
    if not report.has_changes:
        yield Text("Nothing would be written.", "bold green")
    elif not full:
        yield Text("paydown epics --full shows each request, --json all of it", "dim")


def _entry(entry: EpicEntry, *, full: bool) -> Iterator[Padding]:
    name = f"{entry.service} [{entry.key}]" if entry.key else entry.service
    yield Padding(Text(shown(f"{name}: {entry.reason}")), (0, 0, 0, 2))
    for note in entry.notes:
        yield Padding(Text(shown(f"note: {note}"), "yellow"), (0, 0, 0, 4))
    if full and entry.preview is not None:
        text = json.dumps(entry.preview, indent=2, ensure_ascii=False)
        for line in text.splitlines():
            yield Padding(Text(shown(line), "dim"), (0, 0, 0, 4))
