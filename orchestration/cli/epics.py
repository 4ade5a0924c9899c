"""What a run did in the tracker or the next would do: `paydown epics`, and a part of a run."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict

import duckdb

from orchestration.cli.tables import say
from orchestration.epics.published import run_epics
from orchestration.epics.report import EpicEntry, EpicsReport
from orchestration.settings import Settings, SettingsError

# How the reason of a row begins that has a score.
SCORED = re.compile(r"score (-?\d+),? (?:is |but )?")
# Part of the report -> its title, where the run wrote to the tracker and where it was a dry run.
TITLES = {
    "opened": ("epics opened", "epics that would be opened"),
    "updated": ("updated", "would be updated"),
    "bundled": ("bundled into the open epic", "would be bundled into the open epic"),
    "closed": ("closed as hygiene", "would be closed as hygiene"),
    "stories": ("stories opened below their epics", "stories that would be opened"),
    "already_open": ("open, with nothing new",) * 2,
    "shared": ("part of a shared fix",) * 2,
    "waiting": ("waiting: no epic is opened or changed",) * 2,
    "blocked": ("blocked: above the band, but something that an epic needs is missing",) * 2,
    "failed": ("rejected by the tracker", "would fail"),
    "stories_failed": ("stories rejected by the tracker", "stories that would fail"),
}


def show_epics(settings: Settings, *, as_json: bool, full: bool) -> bool:
    """Print the dry run; False where something would be refused.

    Raises:
        SettingsError: nothing was published yet.
        ConfigError, SourceError: tracker.yaml is wrong, or a secret is missing.
    """
    try:
        report = run_epics(settings, "dry-run", dry_run=True)
    except duckdb.Error:
        raise SettingsError("nothing was published yet; run `paydown run` first") from None
    if as_json:
        print(json.dumps(asdict(report), indent=2, default=str))
        return report.is_clean
    say(f"{report.tracker}: dry run, nothing was written", "bold")
    show_report(report, quiet=() if full else ("already_open", "shared"), full=full)
    if not report.has_changes:
        say("Nothing would be written.", "bold green")
    elif not full:
        say("paydown epics --full shows each request, --json all of it", "dim")
    return report.is_clean


def _waiting(entries: Sequence[EpicEntry]) -> list[str]:
    """A line for each reason, with all services that wait for it and their scores."""
    groups: dict[str, list[str]] = {}
    for entry in entries:
        found = SCORED.match(entry.reason)
        reason = entry.reason[found.end() :] if found else entry.reason
        name = f"{entry.service} {found[1]}" if found else entry.service
        groups.setdefault(reason, []).append(name)
    return [f"{', '.join(names)}: {reason}" for reason, names in groups.items()]


def show_report(
    report: EpicsReport,
    quiet: tuple[str, ...],
    promises: Mapping[str, str] | None = None,
    *,
    full: bool = False,
) -> None:
    """Print each part of the report.

    quiet: parts of which only the count is shown. promises: service -> what its open epic
    promises, in place of the reason. full: with each request.
    """
    if report.stopped:
        say(f"stopped: {report.stopped}", "bold red")
    for part, titles in TITLES.items():
        entries = getattr(report, part)
        if entries:
            style = "bold red" if part.endswith("failed") else "bold"
            say(f"{titles[report.dry_run]}: {len(entries)}", style)
        if part == "waiting" and not full:
            for line in _waiting(entries):
                say(line, indent=2)
            continue
        own = (promises or {}) if part in ("opened", "already_open") else {}
        for entry in () if part in quiet else entries:
            name = f"{entry.service} [{entry.key}]" if entry.key else entry.service
            say(f"{name}: {own.get(entry.service_id, entry.reason)}", indent=2)
            for note in entry.notes:
                say(f"note: {note}", "yellow", indent=4)
            if full and entry.preview is not None:
                say(json.dumps(entry.preview, indent=2, ensure_ascii=False), "dim", indent=4)
