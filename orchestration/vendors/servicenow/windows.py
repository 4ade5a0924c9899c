"""Which time window is read next, so that every change is in one of them.

A window has a fixed end, so what changes while it is read moves out of it, into a later one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from orchestration.http import SourceError
from orchestration.vendors import base
from orchestration.vendors.servicenow.table import Record, Scan, at_least, before, pages, raw, stamp

# Each node of an instance has its own clock.
SETTLING = timedelta(seconds=60)


def land_changes(
    sync: base.HttpExtractor,
    stream: str,
    field: str,
    scan: Scan,
    begin: datetime,
    now: datetime,
    *,
    width: timedelta,
    overlap: timedelta,
) -> None:
    """Land the records of a stream whose `field` is in the unread windows from `begin`.

    Cursor (times in ISO 8601): `since` and `until`, between which all was read; `read_at`, the
    server's clock at the start of the newest window, since younger changes may have become visible
    later; `open` and `after`, a partly read window, up to that `sys_id`.

    Raises:
        SourceError: the server interpreted the windows differently, which would leave gaps.
    """
    at = base.iso(begin)
    new = {"since": at, "until": at, "read_at": base.iso(begin + timedelta(days=366))}
    covered: dict[str, Any] = dict(sync.landing.cursors.get(stream) or new)
    until = (now - SETTLING).replace(microsecond=0)
    while window := covered.get("open") or _next_window(covered, begin, until, width, overlap):
        if "open" not in covered and window[1] > covered["until"]:
            covered["read_at"] = base.iso(now)
        first, end = map(base.moment, window)
        bounds = [at_least(field, first), before(field, end)]
        windowed = replace(scan, conditions=[*scan.conditions, *bounds])
        for page in pages(sync.http, windowed, covered.get("after", "")):
            for record in page.records:
                _check_clock(windowed, field, record, first, end, now - overlap)
            sync.landing.append(stream, page.records)
            if page.following:
                covered |= {"open": window, "after": page.following.after}
            else:
                covered = {
                    "since": min(covered["since"], window[0]),
                    "until": max(covered["until"], window[1]),
                    "read_at": covered["read_at"],
                }
            sync.landing.commit(**{stream: covered})
            if page.records:
                sync.progress(f"{stream} {window[0][:10]}: {windowed.visible:,}")
        report_hidden(sync, windowed)


def report_hidden(sync: base.HttpExtractor, scan: Scan) -> None:
    """Report how many records access rules hid, if any."""
    if scan.hidden:
        sync.progress(f"{scan.table}: access rules hide {scan.hidden:,} of {scan.total:,}")


def _next_window(
    covered: Mapping[str, Any],
    begin: datetime,
    until: datetime,
    width: timedelta,
    overlap: timedelta,
) -> list[str] | None:
    """The window to read now, None if all from `begin` to `until` was read.

    A `begin` before what was read so far is filled in backwards. The newest window begins `overlap`
    before the time when the previous one was read, if that is within it.
    """
    since, done = base.moment(covered["since"]), base.moment(covered["until"])
    if base.iso(begin) < covered["since"]:
        return [base.iso(max(begin, since - width)), base.iso(since)]
    if until <= done:
        return None
    start = max(since, min(done, base.moment(covered["read_at"]) - overlap))
    return [base.iso(start), base.iso(min(until, done + width))]


def _check_clock(
    scan: Scan, field: str, record: Record, first: datetime, end: datetime, asked: datetime
) -> None:
    # Only changes during the request may be later than the window.
    value = raw(record, field)
    if value and (value < stamp(first) or stamp(end) <= value < stamp(asked)):
        raise SourceError(
            f"servicenow: {scan.table}: asked for {field} from {stamp(first)} to {stamp(end)} "
            f"(UTC), got {value}; set the time zone of the user that reads to GMT"
        )
