"""The back-fill: incidents by creation, then their log entries, each from new to old."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from orchestration.http import Http
from orchestration.landing import Landing
from orchestration.vendors.base import iso, moment
from orchestration.vendors.pagerduty.pages import Options, Window, in_pieces, pages
from orchestration.vendors.pagerduty.records import CHANNELS
from orchestration.vendors.pagerduty.sweeps import land_ids, month_of, months, name_of

Progress = Callable[[str], None]


def read_incidents(
    http: Http, landing: Landing, since: datetime, now: datetime, progress: Progress
) -> None:
    """Land the incidents created from `since` to the cursor `incidents_from`, newest month first.

    A month that was read in one go needs no sweep of its own.
    """
    found: dict[str, datetime] = {}

    def read(piece: Window) -> None:
        found.clear()
        for page in pages(http, "/incidents", "incidents", piece):
            found.update((one["id"], moment(one["created_at"])) for one in page)
            landing.append("incidents", page)

    for month in months(since, moment(landing.cursors["incidents_from"])):
        created: dict[str, datetime] = {}
        swept: dict[str, str] = dict(landing.cursors.get("swept", {}))
        for piece in in_pieces(landing, month, read, newest_first=True):
            created |= found
            landing.observe("incidents", since=piece.since, until=piece.until)
            if piece.since == month.since and _is_all(landing, month):
                land_ids(landing, month, created)
                swept[name_of(month)] = iso(now)
            landing.commit(incidents_from=iso(piece.since), swept=swept)
            progress(f"incidents {name_of(month)}: {len(created):,}")


def _is_all(landing: Landing, month: Window) -> bool:
    """The month begins where it was left by nobody else: at its end, or where all ends."""
    return month.until in (month_of(month.until), moment(landing.cursors["began"]))


def read_log_entries(
    http: Http, landing: Landing, since: datetime, overview: Options, progress: Progress
) -> None:
    """Land the log entries of `since` to the cursor `log_entries_from`, newest month first."""
    count = 0

    def read(piece: Window) -> None:
        nonlocal count
        for page in pages(http, "/log_entries", "log_entries", piece, (*overview, CHANNELS)):
            count += landing.append("log_entries", page)

    for month in months(since, moment(landing.cursors["log_entries_from"])):
        count = 0
        for piece in in_pieces(landing, month, read, newest_first=True):
            landing.observe("log_entries", since=piece.since, until=piece.until)
            landing.commit(log_entries_from=iso(piece.since))
            progress(f"log entries {name_of(month)}: {count:,}")
