"""`paydown ledger`: what paydown did in the tracker and why, and how to correct it."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer
from rich.padding import Padding
from rich.text import Text

from orchestration.cli.command import console, read_settings, refusals
from orchestration.cli.quarantine import shown
from orchestration.cli.tables import plain_table

if TYPE_CHECKING:
    from orchestration.ledger import EpicRecord, LedgerEvent

app = typer.Typer(
    no_args_is_help=True,
    help="What was meant to be done in the tracker, what came of it, and whether that holds.",
)
AsJson = Annotated[bool, typer.Option("--json", help="As JSON, for other programs.")]
STYLES = {"opened": "green", "failed": "bold red", "intended": "yellow", "closed": "dim"}


@app.command()
def show(
    what: Annotated[
        str | None,
        typer.Argument(metavar="[KEY|SERVICE]", help="The whole history of these epics."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List the epics with their state, or show everything that happened to some of them.

    Exits with 1 where there is no such epic.
    """
    settings = read_settings()
    from orchestration.ledger import Ledger

    with refusals():
        ledger = Ledger(settings.ledger_url)
        records = sorted(ledger.records(), key=lambda r: (r.tracker, r.parent_key or r.key, r.key))
        if what is None:
            _show_all(records, ledger.last_events(), as_json=as_json)
            return
        keys = {r.key for r in records if what in (r.key, r.service)}
        wanted = [r for r in records if r.key in keys or r.parent_key in keys]
        histories = [(r, ledger.events(r.tracker, r.key)) for r in wanted]
        if as_json:
            _print_json([asdict(r) | {"events": list(map(asdict, es))} for r, es in histories])
        for record, events in [] if as_json else histories:
            _show_history(record, events)
        if not wanted and not as_json:
            console.print(Text(shown(f"no epic has the key or service {what}")))
            console.print(Text("paydown ledger show lists them", "dim"))
        raise typer.Exit(0 if wanted else 1)


@app.command()
def close(
    key: Annotated[str, typer.Argument(metavar="KEY", help="The epic, or one story.")],
    why: Annotated[str, typer.Option(help="Kept in the history, for who asks in a year.")],
    tracker: Annotated[
        str | None, typer.Option(help="Where several trackers in the ledger hold the key.")
    ] = None,
) -> None:
    """Record that an epic is closed that the tracker can no longer show.

    Frees its team's place in the limit of work in progress. Asks the tracker nothing. Exits with 1
    where nothing under that key is open.
    """
    settings = read_settings()
    from orchestration.epics.reconcile import NotOpenError, close_by_hand
    from orchestration.epics.run import utc_now
    from orchestration.ledger import Ledger

    with refusals():
        ledger, now = Ledger(settings.ledger_url), settings.now()
        try:
            closed = close_by_hand(ledger, key, tracker=tracker, why=why, now=now, at=utc_now())
        except NotOpenError as error:
            console.print(Text(shown(str(error)), "yellow"))
            raise typer.Exit(1) from None
        for record in closed:
            text = f"{record.key} is closed in the ledger; nothing was asked of {record.tracker}"
            console.print(Text(shown(text)))
        console.print(Text("the next incident above the band opens a new epic", "dim"))


@app.command()
def reconcile(as_json: AsJson = False) -> None:
    """Ask the tracker what became of everything, and write that into the ledger only.

    Exits with 1 where something is left for a person or the next run.
    """
    settings = read_settings()
    from orchestration.epics import reconcile as repair
    from orchestration.epics.published import published_candidates
    from orchestration.epics.run import Run
    from orchestration.ledger import Ledger
    from orchestration.vendors.trackers import build_tracker, read_tracker_config

    with refusals():
        tracker = build_tracker(read_tracker_config(settings), settings)
        ledger = Ledger(settings.ledger_url)
        run = Run(ledger, tracker, "reconcile", settings.now())
        findings = repair.reconcile(published_candidates(settings), run)
        if as_json:
            _print_json([asdict(finding) for finding in findings])
        else:
            for finding in findings:
                style = "yellow" if finding.is_open else ""
                console.print(Text(shown(f"{finding.key} {finding.what}"), style))
            known = f"{len(ledger.records(tracker.name))} epics and stories in the ledger"
            console.print(Text(f"{tracker.name}: {known}, {len(findings)} findings", "bold"))
        raise typer.Exit(1 if any(finding.is_open for finding in findings) else 0)


def _show_all(
    records: list[EpicRecord], last: dict[tuple[str, str], LedgerEvent], *, as_json: bool
) -> None:
    """Every epic and story with its state and last event."""
    if as_json:
        events = [last.get((r.tracker, r.key)) for r in records]
        rows = zip(records, events, strict=True)
        _print_json([asdict(r) | {"last_event": asdict(e) if e else None} for r, e in rows])
        return
    if not records:
        console.print("the ledger is empty: no epic was opened yet")
        return
    table = plain_table("epic, and the stories below it", "state", "last event")
    trackers = {record.tracker for record in records}
    for record in records:
        if len(trackers) > 1 and record.parent_key is None:
            table.add_row(Text(shown(record.tracker), "bold"), Text(), Text())
        event = last.get((record.tracker, record.key))
        indent = "  " if record.parent_key else ""
        table.add_row(
            Text(shown(f"{indent}{record.key}")),
            Text(record.state.value, STYLES[record.state.value]),
            Text(f"{event.kind} {event.at:%Y-%m-%d}" if event else ""),
        )
        # A local epic is the file of that name.
        if record.url and not record.url.startswith("file:"):
            table.add_row(Text(shown(f"{indent}  {record.url}"), "dim"), Text(), Text())
    console.print(table)
    console.print(Text("paydown ledger show KEY shows what was sent and why", "dim"))


def _show_history(record: EpicRecord, events: list[LedgerEvent]) -> None:
    name = shown(f"{record.service} [{record.key}] ")
    state = record.state.value
    console.print(Text.assemble((name, "bold"), (state, STYLES[state])))
    attempt = record.attempted_at and f"{record.attempted_at:%Y-%m-%d %H:%M:%S} by {record.owner}"
    facts = {
        "tracker": record.tracker,
        "address": record.url or record.ref_id,
        "epic": record.parent_key,
        "previous": record.previous_key,
        "reason": record.reason,
        "attempted": attempt,
    }
    for title, value in facts.items():
        if value:
            console.print(Padding(Text(shown(f"{title:<10} {value}")), (0, 0, 0, 2)))
    for event in events:
        # What was sent in full is in the JSON.
        kept = {n: v for n, v in event.detail.items() if n not in ("draft", "change")}
        detail = ", ".join(f"{n}: {v}" for n, v in kept.items())
        line = Text.assemble(
            f"{event.at:%Y-%m-%d %H:%M:%S} ",
            (event.kind, "bold"),
            shown(f" {detail} (run {event.run_id})"),
        )
        console.print(Padding(line, (0, 0, 0, 2)))
    console.print()


def _print_json(rows: list[dict[str, object]]) -> None:
    print(json.dumps(rows, indent=2, default=str))
