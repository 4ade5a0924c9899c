"""PagerDuty's windows, pages and single records, read so that nothing is skipped."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from orchestration.http import TRY_AGAIN, Http, Reply, SourceError, UnavailableError, paging
from orchestration.landing import Landing
from orchestration.vendors import base

Record = dict[str, Any]
Options = tuple[tuple[str, str], ...]

PAGE = 100
# PagerDuty rejects a larger offset + limit.
CAP = 10_000
SECOND = timedelta(seconds=1)
# Details of the trigger, which have the labels.
CHANNELS = ("include[]", "channels")


@dataclass(frozen=True)
class Window:
    """Whole seconds, from `since` up to but not including `until`."""

    since: datetime
    until: datetime

    def __contains__(self, at: datetime) -> bool:
        return self.since <= at < self.until

    def params(self) -> list[tuple[str, str | int]]:
        return [
            ("since", base.iso(self.since)),
            ("until", base.iso(self.until)),
            ("time_zone", "UTC"),
        ]

    def split(self, pieces: int) -> list[Window]:
        """Equal windows, oldest first; a single second is not split."""
        seconds = max(int((self.until - self.since).total_seconds()), 1)
        step = max(-(-seconds // pieces), 1) * SECOND
        starts = [self.since]
        while starts[-1] + step < self.until:
            starts.append(starts[-1] + step)
        return [Window(start, min(start + step, self.until)) for start in starts]


class TooManyError(Exception):
    """The window has more than can be paged; it needs about so many pieces."""

    def __init__(self, why: str, pieces: int = 2) -> None:
        super().__init__(why)
        self.pieces = pieces


def pages(
    http: Http, path: str, window: Window | None = None, options: Options = ()
) -> Iterator[list[Record]]:
    """The records of `window`, a page at a time; each once.

    Raises:
        TooManyError, MovedError: what was yielded must be discarded.
    """
    asked: list[tuple[str, str | int]] = [*options, ("limit", PAGE)]
    if window:
        # A second more on both sides: whether the server includes the ends is undocumented.
        asked += Window(window.since - SECOND, window.until).params()

    def ask(offset: int) -> Reply:
        if offset + PAGE > CAP:
            raise TooManyError(f"more than {CAP:,} records")
        total = [("total", "true")] if window and not offset else []
        return http.get(path, [*asked, *total, ("offset", offset)])

    name = path.rpartition("/")[2]
    style = paging.ByOffset(lambda data: data[name], lambda data, _: bool(data.get("more")))
    for page in paging.pages(ask, style, 0):
        count = page.reply.data.get("total") or 0
        if count > CAP:
            raise TooManyError(f"{count:,} records", count // CAP + 1)
        records: list[Record] = page.records
        yield [r for r in records if base.moment(r["created_at"]) in window] if window else records


def in_pieces(
    landing: Landing,
    window: Window,
    read: Callable[[Window], None],
    *,
    newest_first: bool = False,
) -> Iterator[Window]:
    """Read `window` in as few pieces as possible; yields each that was read, to be committed.

    What `read` wrote for a piece that then has to be split is discarded. SourceError: one second
    has more than can be paged, or keeps changing.
    """
    todo, attempts = [window], 0
    while todo:
        piece = todo.pop()
        try:
            read(piece)
        except (TooManyError, paging.MovedError) as error:
            landing.abandon()
            pieces = piece.split(error.pieces if isinstance(error, TooManyError) else 2)
            if len(pieces) == 1:
                attempts += 1
                what = f"{landing.source}: the second {base.iso(piece.since)}"
                if isinstance(error, TooManyError):
                    raise _beyond_paging(what, error) from None
                if attempts > paging.ATTEMPTS:
                    times = f"{attempts} times over"
                    raise UnavailableError(f"{what}: {error}, {times}; {TRY_AGAIN}") from None
            todo += pieces if newest_first else reversed(pieces)
        else:
            attempts = 0
            yield piece


def listing(http: Http, path: str, options: Options = ()) -> list[Record]:
    """All of a listing that has no window. SourceError: as in `in_pieces`."""
    what = f"{http.name}: {path}"
    try:
        return paging.steady(
            what, lambda: [one for page in pages(http, path, options=options) for one in page]
        )
    except TooManyError as error:
        raise _beyond_paging(what, error) from None


def incidents(http: Http, ids: Iterable[str]) -> Iterator[Record]:
    """The incidents of these ids, one request each; deleted ones are left out."""
    for one in ids:
        if reply := http.find(f"/incidents/{one}"):
            yield reply.data["incident"]


def _beyond_paging(what: str, error: TooManyError) -> SourceError:
    return SourceError(
        f"{what}: {error}; PagerDuty pages at most {CAP:,}: leave it out, or ask PagerDuty's "
        "support to export it"
    )
