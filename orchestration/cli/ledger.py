"""`paydown ledger`: what paydown did in the tracker and why, and how to correct it."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.padding import Padding
from rich.text import Text

from orchestration.cli.command import console, read_settings, refusals
from orchestration.cli.quarantine import shown
from orchestration.cli.tables import say, show_table

if TYPE_CHECKING:
    from orchestration.ledger import EpicRecord, LedgerEvent

app = typer.Typer(
    no_args_is_help=True,
    help="What paydown intended in the tracker, the outcome, and whether it still holds.",
)
AsJson = Annotated[bool, typer.Option("--json", help="As JSON, for other programs.")]
STYLES = {"opened": "green", "failed": "bold red", "intended": "yellow", "closed": "dim"}


@app.command()
def show(
    what: Annotated[
        str | None,
        typer.Argument(metavar="[KEY|SERVICE]", help="The complete history of these epics."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List the epics with their state, or show everything that happened to some of them.

    Exits with 1 if there is no such epic.
    """
    settings = read_settings()
    from orchestration.ledger import Ledger

    with refusals():
        ledger = Ledger(settings.ledger_url)
        records = sorted(ledger.records(), key=lambda r: (r.tracker, r.parent_key or r.key, r.key))
        if what is None:
            last = ledger.last_events()
            listed = [(r, last[r.tracker, r.key]) for r in records]
            if as_json:
                _print_json([asdict(r) | {"last_event": asdict(event)} for r, event in listed])
            else:
                _show_all(listed)
            return
        keys = {r.key for r in records if what in (r.key, r.service)}
        wanted = [r for r in records if r.key in keys or r.parent_key in keys]
        histories = [(r, ledger.events(r.tracker, r.key)) for r in wanted]
        if as_json:
            _print_json([asdict(r) | {"events": list(map(asdict, es))} for r, es in histories])
        else:
            for record, events in histories:
                _show_history(record, events)
            if not wanted:
                say(f"no epic has the key or service {what}; paydown ledger show lists them")
        raise typer.Exit(0 if wanted else 1)


@app.command()
def close(
    key: Annotated[str, typer.Argument(metavar="KEY", help="The epic, or one story.")],
    why: Annotated[str, typer.Option(help="The reason, kept in the history for later readers.")],
    tracker: Annotated[
        str | None, typer.Option(help="Needed if several trackers in the ledger hold the key.")
    ] = None,
) -> None:
    """Record as closed an epic that the tracker can no longer show.

    Frees its team's place in the limit of work in progress. Asks the tracker nothing. Exits with 1
    if nothing under that key is open.
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
            say(str(error), "yellow")
            raise typer.Exit(1) from None
        for record in closed:
            say(f"{record.key} is closed in the ledger; nothing was asked of {record.tracker}")
        say("the next incident above the band opens a new epic", "dim")


@app.command()
def reconcile(as_json: AsJson = False) -> None:
    """Ask the tracker for every outcome, and write to the ledger only.

    Exits with 1 if something is left for a person or the next run.
    """
    settings = read_settings()
    from orchestration.epics import reconcile as repair
    from orchestration.epics.published import published_candidates
    from orchestration.epics.run import Run
    from orchestration.ledger import Ledger
    from orchestration.vendors.trackers import build_tracker, read_tracker_config

    with refusals():
        tracker = build_tracker(read_tracker_config(settings), settings)
        run = Run(Ledger(settings.ledger_url), tracker, "reconcile", settings.now())
        findings = repair.reconcile(published_candidates(settings), run)
        if as_json:
            _print_json(list(map(asdict, findings)))
        else:
            for finding in findings:
                say(f"{finding.key} {finding.what}", "yellow" if finding.is_open else "")
            known = f"{len(run.records())} epics and stories in the ledger"
            say(f"{tracker.name}: {known}, {len(findings)} findings", "bold")
        raise typer.Exit(1 if any(finding.is_open for finding in findings) else 0)


def _show_all(listed: list[tuple[EpicRecord, LedgerEvent]]) -> None:
    """Every epic and story with its state and last event."""
    if not listed:
        say("the ledger is empty: no epic was opened yet")
        return
    rows: list[tuple[Any, ...]] = []
    tracker = None if len({r.tracker for r, _ in listed}) > 1 else listed[0][0].tracker
    for record, event in listed:
        if record.tracker != tracker:
            tracker = record.tracker
            rows.append((Text(shown(tracker), "bold"),))
        indent, state = "  " if record.parent_key else "", record.state.value
        last = f"{event.kind} {event.at:%Y-%m-%d}"
        rows.append((indent + record.key, Text(state, STYLES[state]), last))
        # A local epic is the file of that name.
        if record.url and not record.url.startswith("file:"):
            rows.append((Text(shown(f"{indent}  {record.url}"), "dim"),))
    show_table(("epic, and the stories below it", "state", "last event"), rows)
    say("paydown ledger show KEY shows what was sent and why", "dim")


def _show_history(record: EpicRecord, events: list[LedgerEvent]) -> None:
    state = record.state.value
    name = (shown(f"{record.service} [{record.key}] "), "bold")
    console.print(Text.assemble(name, (state, STYLES[state])))
    attempt = record.attempted_at and f"{record.attempted_at:%Y-%m-%d %H:%M:%S} by {record.owner}"
    facts = {
        "tracker": record.tracker,
        "address": record.url or record.ref_id,
        "epic": record.parent_key,
        "previous": record.previous_key,
        "reason": record.reason,
        "attempted": attempt,
    }
    lines = [Text(shown(f"{title:<10} {value}")) for title, value in facts.items() if value]
    for event in events:
        # What was sent in full is in the JSON.
        kept = (f"{n}: {v}" for n, v in event.detail.items() if n not in ("draft", "change"))
        detail = shown(f" {', '.join(kept)} (run {event.run_id})")
        lines.append(Text.assemble(f"{event.at:%Y-%m-%d %H:%M:%S} ", (event.kind, "bold"), detail))
    for line in (*lines, Text()):
        console.print(Padding(line, (0, 0, 0, 2)))


def _print_json(rows: list[dict[str, Any]]) -> None:
    print(json.dumps(rows, indent=2, default=str))
