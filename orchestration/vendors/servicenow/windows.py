"""Which window of time is read next, so that every change is in one of them.

A window has a fixed end, so what changes while it is read moves out of it, into a later one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from orchestration.http import SourceError
from orchestration.landing import Landing
from orchestration.vendors.base import iso, moment
from orchestration.vendors.servicenow.table import (
    Record,
    Scan,
    TableApi,
    at_least,
    before,
    raw,
    stamp,
)

Window = tuple[datetime, datetime]
# The instance's nodes have clocks of their own.
SETTLING = timedelta(seconds=60)


@dataclass(frozen=True)
class Covered:
    """What was read of a stream: from `since` up to `until`, and a part of the `open` window.

    Attributes:
        read_at: the server's clock when the newest window was begun. What was younger then may
            have become visible later.
        after: how far the open window was read, a `sys_id`.
    """

    since: datetime
    until: datetime
    read_at: datetime
    open: Window | None = None
    after: str = ""

    @classmethod
    def nothing(cls, begin: datetime) -> Covered:
        return cls(begin, begin, begin + timedelta(days=366))

    @classmethod
    def from_cursor(cls, cursor: Any) -> Covered:
        window = cursor.get("open")
        return cls(
            moment(cursor["since"]),
            moment(cursor["until"]),
            moment(cursor["read_at"]),
            (moment(window[0]), moment(window[1])) if window else None,
            cursor.get("after", ""),
        )

    def cursor(self) -> dict[str, Any]:
        """As JSON, for the landing's state."""
        values: dict[str, Any] = {
            "since": iso(self.since),
            "until": iso(self.until),
            "read_at": iso(self.read_at),
        }
        if self.open:
            values |= {"open": [iso(self.open[0]), iso(self.open[1])], "after": self.after}
        return values

    def next_window(
        self, begin: datetime, until: datetime, width: timedelta, overlap: timedelta
    ) -> Window | None:
        """The window to read now, None where all from `begin` to `until` was read.

        A `begin` before what was read so far is filled in backwards. The newest window begins
        `overlap` before the moment when the previous one was read, if that is within it.
        """
        if self.open:
            return self.open
        if begin < self.since:
            return max(begin, self.since - width), self.since
        if until <= self.until:
            return None
        start = max(self.since, min(self.until, self.read_at - overlap))
        return start, min(until, self.until + width)

    def reading(self, window: Window, after: str, read_at: datetime) -> Covered:
        """With a part of `window` read; a window that was open already keeps its moment."""
        is_newest = window[1] > self.until
        at = read_at if is_newest and window != self.open else self.read_at
        return Covered(self.since, self.until, at, window, after)

    def done(self, window: Window, read_at: datetime) -> Covered:
        """With the whole of `window` read."""
        at = self.reading(window, "", read_at).read_at
        return Covered(min(self.since, window[0]), max(self.until, window[1]), at)


def land_changes(
    api: TableApi,
    landing: Landing,
    stream: str,
    field: str,
    scan: Scan,
    begin: datetime,
    now: datetime,
    *,
    width: timedelta,
    overlap: timedelta,
    progress: Callable[[str], None],
) -> None:
    """Land the records of a stream whose `field` is in the windows from `begin` not read yet.

    Raises:
        SourceError: the server understood the windows otherwise, and what is read would have gaps.
    """
    cursor = landing.cursors.get(stream)
    covered = Covered.from_cursor(cursor) if cursor else Covered.nothing(begin)
    until = (now - SETTLING).replace(microsecond=0)
    while window := covered.next_window(begin, until, width, overlap):
        bounds = [at_least(field, window[0]), before(field, window[1])]
        windowed = replace(scan, conditions=[*scan.conditions, *bounds])
        for page in api.pages(windowed, covered.after):
            _check_clock(scan.table, field, page.records, window, now - overlap)
            landing.append(stream, page.records)
            covered = (
                covered.reading(window, page.following.after, now)
                if page.following
                else covered.done(window, now)
            )
            landing.commit(**{stream: covered.cursor()})
            if page.records:
                progress(f"{stream} {window[0]:%Y-%m-%d}: {windowed.visible:,}")
        windowed.report_hidden(progress)


def _check_clock(
    table: str, field: str, records: Sequence[Record], window: Window, asked_at: datetime
) -> None:
    # Only what changed while we asked may be later than the window.
    first, end, asked = stamp(window[0]), stamp(window[1]), stamp(asked_at)
    for value in (raw(record, field) for record in records):
        if value and (value < first or end <= value < asked):
            raise SourceError(
                f"servicenow: {table}: asked for {field} from {first} to {end} (UTC), got {value}; "
                "set the time zone of the user that reads to GMT"
            )


def months(since: datetime, until: datetime) -> list[tuple[str, datetime | None, datetime]]:
    """Calendar months from one moment to another, after all that was `earlier` than the first.

    Each with its name, where it begins (None: at the beginning of all) and where it ends.
    """
    start = since.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    found: list[tuple[str, datetime | None, datetime]] = [("earlier", None, start)]
    while start <= until:
        end = (start + timedelta(days=32)).replace(day=1)
        found.append((f"{start:%Y-%m}", start, end))
        start = end
    return found
