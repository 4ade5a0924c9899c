"""PagerDuty's offset paging, read so that nothing is skipped while records come and go."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from orchestration.http import Http, SourceError, UnavailableError
from orchestration.landing import Landing
from orchestration.vendors.base import iso, moment

Record = dict[str, Any]
Options = tuple[tuple[str, str], ...]

PAGE = 100
# PagerDuty refuses offset + limit beyond this.
CAP = 10_000
SECOND = timedelta(seconds=1)
# How often one second is read again while its records move.
ATTEMPTS = 5


@dataclass(frozen=True)
class Window:
    """Whole seconds, from `since` up to but not including `until`."""

    since: datetime
    until: datetime

    def __contains__(self, at: datetime) -> bool:
        return self.since <= at < self.until

    def split(self, pieces: int) -> list[Window]:
        """Equal windows, oldest first; one second is not split."""
        seconds = max(int((self.until - self.since).total_seconds()), 1)
        step = max(-(-seconds // pieces), 1) * SECOND
        starts = [self.since]
        while starts[-1] + step < self.until:
            starts.append(starts[-1] + step)
        return [Window(start, min(start + step, self.until)) for start in starts]


class SplitError(Exception):
    """The window holds more than can be paged, in about so many pieces."""

    def __init__(self, why: str, pieces: int = 2) -> None:
        super().__init__(why)
        self.pieces = pieces


class MovedError(SplitError):
    """Records moved while they were paged; less is read before that happens again."""


def pages(
    http: Http, path: str, name: str, window: Window | None = None, options: Options = ()
) -> Iterator[list[Record]]:
    """The records of `window`, a page at a time; each once.

    Every page begins with the last record of the page before. Where it doesn't, records before it
    vanished or appeared meanwhile, and some that nobody saw may have moved past.

    Raises:
        SplitError: the window can't be read as it is; what was yielded is not to be kept.
    """
    asked: list[tuple[str, str | int]] = [*options, ("limit", PAGE)]
    if window:
        # A second more on both sides: whether the server counts the ends in is nowhere written.
        asked += [("since", iso(window.since - SECOND)), ("until", iso(window.until))]
        asked += [("time_zone", "UTC")]
    seen: set[str] = set()
    offset, last = 0, None
    while True:
        total = [("total", "true")] if window and not offset else []
        reply = http.get(path, [*asked, *total, ("offset", offset)])
        page: list[Record] = reply.data[name]
        count = reply.data.get("total") or 0
        if count > CAP:
            raise SplitError(f"{count:,} records", count // CAP + 1)
        if last is not None:
            if not page or page[0]["id"] != last:
                raise MovedError("its records moved while they were read")
            page = page[1:]
        fresh = {record["id"] for record in page}
        if len(fresh) < len(page) or not seen.isdisjoint(fresh):
            raise MovedError("its records moved while they were read")
        seen |= fresh
        kept = [r for r in page if moment(r["created_at"]) in window] if window else page
        yield kept
        if not reply.data.get("more"):
            return
        if not page:
            raise MovedError("more was to come and nothing came")
        # Asked from the last record on, wherever the server's own page size put it.
        offset, last = offset + len(page) - (0 if last else 1), page[-1]["id"]
        if offset + PAGE > CAP:
            raise SplitError(f"more than {CAP:,} records")


def in_pieces(
    landing: Landing,
    window: Window,
    read: Callable[[Window], None],
    *,
    newest_first: bool = False,
) -> Iterator[Window]:
    """Read `window` in as few pieces as it takes; yields each that was read, to be committed.

    What `read` wrote for a piece that then has to be split is abandoned.

    Raises:
        SourceError: one second holds more than can be paged.
        UnavailableError: records of one second moved however often it was read.
    """
    todo, attempts = [window], 0
    while todo:
        piece = todo.pop()
        try:
            read(piece)
        except SplitError as error:
            landing.abandon()
            pieces = piece.split(error.pieces)
            if len(pieces) == 1:
                attempts += 1
                _give_up(f"{landing.source}: the second {iso(piece.since)}", error, attempts)
            todo += pieces if newest_first else reversed(pieces)
        else:
            attempts = 0
            yield piece


def whole(what: str, read: Callable[[], None]) -> None:
    """As `in_pieces`, for a listing that has no window; `read` begins anew each time.

    Raises:
        SourceError: it holds more than can be paged.
        UnavailableError: records moved however often it was read.
    """
    for attempt in range(1, ATTEMPTS + 2):
        try:
            read()
        except SplitError as error:
            _give_up(what, error, attempt)
        else:
            return


def _give_up(what: str, error: SplitError, attempts: int) -> None:
    if not isinstance(error, MovedError):
        raise SourceError(
            f"{what}: {error}; PagerDuty pages at most {CAP:,}: leave it out, or ask "
            "PagerDuty's support to export it"
        )
    if attempts > ATTEMPTS:
        raise UnavailableError(
            f"{what}: {error}, {attempts} times over; the next sync goes on from here"
        )
