"""Which incidents exist, by the month of their creation: what is missing was deleted.

PagerDuty says nothing of a deleted incident. So a stream of snapshots lists the ids of each
quarter of a month: a quarter that is over keeps its file, byte by byte, until something in it is
deleted. A record without an id says which window the file speaks of.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta

from orchestration.http import Http
from orchestration.landing import Landing
from orchestration.vendors.base import iso, moment
from orchestration.vendors.pagerduty.pages import Record, Window, in_pieces, pages

STREAM = "incident_ids"
QUARTERS = (1, 8, 15, 22)
RECENT = timedelta(days=183)


def month_of(at: datetime) -> datetime:
    """The first second of its month."""
    return at.replace(day=1, hour=0, minute=0, second=0, microsecond=0)


def months(since: datetime, until: datetime) -> Iterator[Window]:
    """The months of `since` to `until`, newest first; both ends are cut."""
    while until > since:
        begin = max(month_of(until - timedelta(seconds=1)), since)
        yield Window(begin, until)
        until = begin


def land_ids(landing: Landing, month: Window, created: Mapping[str, datetime]) -> None:
    """Write what is known to exist of one month."""
    first = month_of(month.since)
    starts = [first.replace(day=day) for day in QUARTERS]
    ends = [*starts[1:], month_of(first + timedelta(days=31))]
    for start, end in zip(starts, ends, strict=True):
        part = Window(max(start, month.since), min(end, month.until))
        if part.since < part.until:
            ids = sorted(one for one, at in created.items() if at in part)
            landing.replace(STREAM, f"{start:%Y-%m-%d}", _records(part, ids))


def _records(part: Window, ids: list[str]) -> Iterator[Record]:
    for one in (None, *ids):
        yield {"id": one, "since": iso(part.since), "until": iso(part.until)}


def is_due(
    swept: Mapping[str, str],
    month: Window,
    now: datetime,
    recent: timedelta,
    everything: timedelta,
) -> bool:
    """The month was never swept, or too long ago for its age."""
    at = swept.get(name_of(month))
    if at is None:
        return True
    return now - moment(at) >= (recent if month.until > now - RECENT else everything)


def name_of(month: Window) -> str:
    return f"{month.since:%Y-%m}"


def sweep(http: Http, landing: Landing, month: Window) -> int:
    """Land the ids of one month, for the caller to commit; says how many there are."""
    created: dict[str, datetime] = {}
    found: dict[str, datetime] = {}

    def read(piece: Window) -> None:
        found.clear()
        for page in pages(http, "/incidents", "incidents", piece):
            found.update((one["id"], moment(one["created_at"])) for one in page)

    for _ in in_pieces(landing, month, read):
        created |= found
    land_ids(landing, month, created)
    return len(created)
