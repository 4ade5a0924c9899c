"""What a person enters in the ledger that no tracker can say any more."""

from __future__ import annotations

from datetime import datetime

from orchestration.ledger import EpicRecord, EpicState, Ledger, Writer

RUN_ID = "by-hand"


class NotOpenError(Exception):
    """There is nothing open to close under that key; `str(error)` says what there is."""


def close_by_hand(
    ledger: Ledger, key: str, *, tracker: str | None, why: str, now: datetime, at: datetime
) -> list[EpicRecord]:
    """Record that an epic, with its open stories, or one story is closed.

    For what was destroyed in the tracker, or moved to where paydown may not read: it holds its
    team's place in the limit of work in progress forever otherwise. Nothing is asked of the
    tracker; should it show the epic open after all, the next run follows that.

    tracker: the instance's name in the ledger, needed only where several hold the key.
    now: business time, at which it is closed. at: wall-clock time, for the history.
    Returns what was closed, stories first. Raises NotOpenError.
    """
    records = ledger.records(tracker)
    named = [record for record in records if record.key == key]
    is_open = [record for record in named if record.state is EpicState.OPENED]
    if not is_open:
        raise NotOpenError(_nothing_open(key, named, tracker))
    if len(is_open) > 1:
        names = ", ".join(sorted(record.tracker for record in is_open))
        raise NotOpenError(f"{key} is open in {names}: name one with --tracker")
    (epic,) = is_open
    stories = [
        record
        for record in records
        if record.tracker == epic.tracker
        and record.parent_key == key
        and record.state is EpicState.OPENED
    ]
    writer = Writer(RUN_ID, RUN_ID, at)
    status = f"closed by hand: {why}"
    return [
        ledger.record_closed(
            writer, record.tracker, record.key, max(now, record.opened_at or now), status
        )
        for record in (*stories, epic)
    ]


def _nothing_open(key: str, named: list[EpicRecord], tracker: str | None) -> str:
    where = f" of {tracker}" if tracker else ""
    if not named:
        return f"the ledger{where} has no {key}; paydown ledger show lists what it has"
    record = named[0]
    if record.state is EpicState.CLOSED:
        on = f" since {record.closed_at:%Y-%m-%d}" if record.closed_at else ""
        return f"{key} is closed already{on}"
    return f"{key} was never opened ({record.state.value}); the next run sees to it"
