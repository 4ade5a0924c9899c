"""Incidents by the month of their creation: the back-fill, and sweeps for what was deleted.

PagerDuty says nothing of a deleted incident. So a stream of snapshots lists the ids of each
quarter of a month: a quarter that is over keeps its file, byte by byte, until something in it is
deleted. A record without an id says which window the file speaks of.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta

from orchestration.landing import Landing
from orchestration.vendors.base import Sync, iso, moment, months
from orchestration.vendors.pagerduty.pages import (
    CHANNELS,
    Options,
    Record,
    Window,
    in_pieces,
    pages,
)

QUARTERS = (1, 8, 15, 22)
RECENT = timedelta(days=183)


def back_fill_incidents(sync: Sync, since: datetime, now: datetime) -> None:
    """Land the incidents created from `since` to the cursor `incidents_from`, newest month first.

    A month that was read in one go needs no sweep of its own.
    """
    landing = sync.landing
    for month in _months(since, moment(landing.cursors["incidents_from"])):
        swept: dict[str, str] = dict(landing.cursors.get("swept", {}))
        # The month begins where it was left by nobody else: at its end, or where all ends.
        ends = (_first_of_month(month.until), moment(landing.cursors["began"]))
        for piece, created in _read(sync, month, is_landed=True):
            landing.observe("incidents", since=piece.since, until=piece.until)
            if piece.since == month.since and month.until in ends:
                _land_ids(landing, month, created)
                swept[_name(month)] = iso(now)
            landing.commit(incidents_from=iso(piece.since), swept=swept)
            sync.progress(f"incidents {_name(month)}: {len(created):,}")


def back_fill_log_entries(sync: Sync, since: datetime, overview: Options) -> None:
    """Land the log entries of `since` to the cursor `log_entries_from`, newest month first."""
    landing = sync.landing

    def read(piece: Window) -> None:
        for page in pages(sync.http, "/log_entries", "log_entries", piece, (*overview, CHANNELS)):
            landing.append("log_entries", page)

    for month in _months(since, moment(landing.cursors["log_entries_from"])):
        for piece in in_pieces(landing, month, read, newest_first=True):
            landing.observe("log_entries", since=piece.since, until=piece.until)
            landing.commit(log_entries_from=iso(piece.since))
            sync.progress(f"log entries back to {piece.since:%Y-%m-%d}")


def sweep(
    sync: Sync, window: Window, now: datetime, *, recent_every: timedelta, all_every: timedelta
) -> None:
    """Land the ids of each month that was never swept, or too long ago for its age."""
    landing = sync.landing
    for month in _months(window.since, window.until):
        swept = dict(landing.cursors.get("swept", {}))
        every = recent_every if month.until > now - RECENT else all_every
        at = swept.get(_name(month))
        if at and now - moment(at) < every:
            continue
        *_, (_, created) = _read(sync, month, is_landed=False)
        _land_ids(landing, month, created)
        landing.commit(swept={**swept, _name(month): iso(now)})
        sync.progress(f"swept {_name(month)}: {len(created):,}")


def _read(
    sync: Sync, month: Window, *, is_landed: bool
) -> Iterator[tuple[Window, Mapping[str, datetime]]]:
    """Each piece that was read, and when what was found so far was created, by its id."""
    created: dict[str, datetime] = {}
    found: dict[str, datetime] = {}

    def read(piece: Window) -> None:
        found.clear()
        for page in pages(sync.http, "/incidents", "incidents", piece):
            found.update((one["id"], moment(one["created_at"])) for one in page)
            if is_landed:
                sync.landing.append("incidents", page)

    for piece in in_pieces(sync.landing, month, read, newest_first=True):
        created |= found
        yield piece, created


def _land_ids(landing: Landing, month: Window, created: Mapping[str, datetime]) -> None:
    """Write what is known to exist of one month."""
    first = _first_of_month(month.since)
    starts = [first.replace(day=day) for day in QUARTERS]
    ends = [*starts[1:], _first_of_month(first + timedelta(days=31))]
    for start, end in zip(starts, ends, strict=True):
        part = Window(max(start, month.since), min(end, month.until))
        if part.since < part.until:
            ids = sorted(one for one, at in created.items() if at in part)
            landing.replace("incident_ids", f"{start:%Y-%m-%d}", _records(part, ids))


def _records(part: Window, ids: list[str]) -> Iterator[Record]:
    for one in (None, *ids):
        yield {"id": one, "since": iso(part.since), "until": iso(part.until)}


def _months(since: datetime, until: datetime) -> Iterator[Window]:
    return (Window(*month) for month in months(since, until))


def _first_of_month(at: datetime) -> datetime:
    return at.replace(day=1, hour=0, minute=0, second=0, microsecond=0)


def _name(month: Window) -> str:
    return f"{month.since:%Y-%m}"
