"""The screen of `paydown doctor`: what is set, what came in, what needs a person. Writes nothing.

checks.py   settings, files, warehouse, ledger
sources.py  live sources: reachable, allowed, fresh
tracker.py  the tracker: reachable, allowed, complete
streams.py  rows of each stream, from the source to the facts, and why some are left out
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from orchestration.cli.doctor.checks import (
    check_landing,
    check_ledger,
    check_quarantine,
    check_rubric,
    check_services,
    check_settings,
    check_warehouse,
)
from orchestration.cli.doctor.finding import Finding
from orchestration.cli.doctor.sources import check_sources
from orchestration.cli.doctor.streams import check_streams, show_streams
from orchestration.cli.doctor.tracker import check_tracker
from orchestration.settings import Settings

STYLES = {"ok": "green", "note": "yellow", "bad": "bold red"}
CHECKS: list[Callable[[Settings], Iterator[Finding]]] = [
    check_settings,
    check_rubric,
    check_sources,
    check_landing,
    check_warehouse,
    check_streams,
    check_quarantine,
    check_services,
    check_ledger,
    check_tracker,
]
# Columns of a finding: its state, what it is about. What is longer has a line of its own.
STATE, SUBJECT = 5, 28


def show_doctor(console: Console, settings: Settings) -> bool:
    """Print all findings; False where one is bad."""
    with console.status("asking the sources" if settings.sources else "looking"):
        findings = [finding for check in CHECKS for finding in check(settings)]
    for finding in findings:
        _show(console, finding)
    show_streams(console, settings)
    bad = sum(finding.state == "bad" for finding in findings)
    console.print(
        Text(f"{bad} to mend" if bad else "nothing to mend", "bold red" if bad else "green")
    )
    return not bad


def _show(console: Console, finding: Finding) -> None:
    state = Text(finding.state, STYLES[finding.state])
    if len(finding.subject) >= SUBJECT:
        console.print(Text.assemble(state, " " * (STATE - len(state)), finding.subject))
        console.print(Padding(Text(finding.text), (0, 0, 0, STATE)))
        return
    grid = Table.grid(padding=0)
    grid.add_column(width=STATE)
    grid.add_column(width=SUBJECT)
    grid.add_column(overflow="fold")
    grid.add_row(state, Text(finding.subject), Text(finding.text))
    console.print(grid)
