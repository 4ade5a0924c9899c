"""The screens of `paydown ledger`: all epics, the history of some, what reconciling found."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from orchestration.cli.quarantine import shown
from orchestration.cli.tables import plain_table
from orchestration.epics.by_hand import NotOpenError, close_by_hand
from orchestration.epics.published import published_candidates
from orchestration.epics.reconcile import reconcile
from orchestration.epics.run import Run, utc_now
from orchestration.ledger import EpicRecord, Ledger, LedgerEvent
from orchestration.settings import Settings
from orchestration.vendors.trackers import build_tracker, read_tracker_config

STATE_STYLES = {"opened": "green", "failed": "bold red", "intended": "yellow", "closed": "dim"}
RUN_ID = "reconcile"


def show_epics(console: Console, settings: Settings, *, as_json: bool) -> None:
    """Print every epic and story with its state and last event.

    Raises:
        SettingsError, SQLAlchemyError: the ledger can't be read.
    """
    records, last = _read(settings)
    if as_json:
        rows = [asdict(r) | {"last_event": _last_json(last, r)} for r in records]
        print(json.dumps(rows, indent=2, default=str))
        return
    if not records:
        console.print("the ledger is empty: no epic was opened yet")
        return
    table = plain_table("epic, and the stories below it", "state", "last event")
    is_one_tracker = len({record.tracker for record in records}) == 1
    shown_tracker = None
    for record in records:
        if record.tracker != shown_tracker and not is_one_tracker:
            shown_tracker = record.tracker
            table.add_row(Text(shown(shown_tracker), "bold"), Text(), Text())
        event = last.get((record.tracker, record.key))
        indent = "  " if record.parent_key else ""
        table.add_row(
            Text(shown(f"{indent}{record.key}")),
            Text(record.state.value, STATE_STYLES.get(record.state.value, "")),
            Text(f"{event.kind} {event.at:%Y-%m-%d}" if event else ""),
        )
        # A local epic is the file of that name.
        if record.url and not record.url.startswith("file:"):
            table.add_row(Text(shown(f"{indent}  {record.url}"), "dim"), Text(), Text())
    console.print(table)
    console.print(Text("paydown ledger show KEY shows what was sent and why", "dim"))


def show_history(console: Console, settings: Settings, what: str, *, as_json: bool) -> bool:
    """Print everything that happened to the epics of a key or a service; False if there is none.

    Raises:
        SettingsError, SQLAlchemyError: the ledger can't be read.
    """
    records, _ = _read(settings)
    wanted = [record for record in records if what in (record.key, record.service)]
    keys = {record.key for record in wanted}
    wanted += [r for r in records if r.parent_key in keys and r.key not in keys]
    ledger = Ledger(settings.ledger_url)
    histories = [(record, ledger.events(record.tracker, record.key)) for record in wanted]
    if as_json:
        rows = [asdict(r) | {"events": [asdict(e) for e in es]} for r, es in histories]
        print(json.dumps(rows, indent=2, default=str))
        return bool(wanted)
    if not wanted:
        console.print(Text(shown(f"no epic has the key or service {what}")))
        console.print(Text("paydown ledger show lists them", "dim"))
    for record, events in histories:
        _print_history(console, record, events)
    return bool(wanted)


def show_reconciled(console: Console, settings: Settings, *, as_json: bool) -> bool:
    """Reconcile and print what was found; False where something is left to do.

    Raises:
        ConfigError, TrackerError: tracker.yaml is wrong, or the tracker can't be asked.
    """
    tracker = build_tracker(read_tracker_config(settings), settings)
    run = Run(Ledger(settings.ledger_url), tracker, RUN_ID, settings.now())
    findings = reconcile(published_candidates(settings), run)
    if as_json:
        print(json.dumps([asdict(finding) for finding in findings], indent=2))
    else:
        for finding in findings:
            style = "yellow" if finding.is_open else ""
            console.print(Text(shown(f"{finding.key} {finding.what}"), style))
        counted = len(ledger_keys(settings, tracker.name))
        text = (
            f"{tracker.name}: {counted} epics and stories in the ledger, {len(findings)} findings"
        )
        console.print(Text(text, "bold"))
    return not any(finding.is_open for finding in findings)


def close_in_ledger(
    console: Console, settings: Settings, key: str, *, tracker: str | None, why: str
) -> bool:
    """Write down that an epic is closed, and print what was; False where nothing is open.

    Raises:
        SettingsError, SQLAlchemyError: the ledger can't be written.
    """
    ledger = Ledger(settings.ledger_url)
    try:
        closed = close_by_hand(
            ledger, key, tracker=tracker, why=why, now=settings.now(), at=utc_now()
        )
    except NotOpenError as error:
        console.print(Text(shown(str(error)), "yellow"))
        return False
    for record in closed:
        text = f"{record.key} is closed in the ledger; nothing was asked of {record.tracker}"
        console.print(Text(shown(text)))
    console.print(Text("the next incident above the band opens a new epic", "dim"))
    return True


def ledger_keys(settings: Settings, tracker: str) -> list[str]:
    """Keys of everything that the ledger knows of a tracker."""
    return [record.key for record in Ledger(settings.ledger_url).records(tracker)]


def _read(
    settings: Settings,
) -> tuple[list[EpicRecord], dict[tuple[str, str], LedgerEvent]]:
    """Records, each epic before its stories, and the newest event of each."""
    ledger = Ledger(settings.ledger_url)
    records, last = ledger.records(), ledger.last_events()
    epics = {(r.tracker, r.key): r for r in records if not r.parent_key}

    def place(record: EpicRecord) -> tuple[str, str, int, bool, str]:
        is_story = record.parent_key is not None
        epic = epics.get((record.tracker, record.parent_key or record.key), record)
        return record.tracker, epic.service, epic.cycle, is_story, record.key

    records.sort(key=place)
    return records, last


def _print_history(console: Console, record: EpicRecord, events: Iterable[LedgerEvent]) -> None:
    state = Text(record.state.value, STATE_STYLES.get(record.state.value, ""))
    console.print(Text.assemble((shown(f"{record.service} [{record.key}] "), "bold"), state))
    facts = {
        "tracker": record.tracker,
        "in tracker": record.url or record.ref_id,
        "epic": record.parent_key,
        "previous": record.previous_key,
        "reason": record.reason,
        "begun by": record.attempted_at
        and f"{record.owner} at {record.attempted_at:%Y-%m-%d %H:%M:%S} UTC",
    }
    for name, value in facts.items():
        if value:
            console.print(Padding(Text(shown(f"{name:<10} {value}")), (0, 0, 0, 2)))
    for event in events:
        console.print(
            Padding(
                Text.assemble(
                    f"{event.at:%Y-%m-%d %H:%M:%S} ",
                    (event.kind, "bold"),
                    shown(f" {_detail(event)} (run {event.run_id})"),
                ),
                (0, 0, 0, 2),
            )
        )
    console.print()


def _detail(event: LedgerEvent) -> str:
    """An event's detail in a line; what was sent as a whole is in the JSON."""
    kept = {name: v for name, v in event.detail.items() if name not in ("draft", "change")}
    return ", ".join(f"{name}: {value}" for name, value in kept.items())


def _last_json(
    last: dict[tuple[str, str], LedgerEvent], record: EpicRecord
) -> dict[str, object] | None:
    event = last.get((record.tracker, record.key))
    return {"at": event.at, "kind": event.kind, "run_id": event.run_id} if event else None
