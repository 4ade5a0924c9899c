"""The one paging loop. A style reads one page and says where the listing continues."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from orchestration.http.answers import Reply
from orchestration.http.errors import TRY_AGAIN, UnavailableError

Record = Mapping[str, Any]
Place = TypeVar("Place", bound=Hashable)
Result = TypeVar("Result")
# How often a listing is restarted while its records move.
ATTEMPTS = 5


class MovedError(Exception):
    """Records appeared or vanished during paging: some may have been skipped."""


@dataclass(frozen=True)
class Page(Generic[Place]):
    """Records that no earlier page had, and where the listing continues; None at its end."""

    records: list[Any]
    reply: Reply
    following: Place | None = None


Style = Callable[[Reply, Place], Page[Place]]


def pages(
    ask: Callable[[Place], Reply | None], style: Style[Place], begin: Place
) -> Iterator[Page[Place]]:
    """Ask page by page, until the style says that there is no more or `ask` finds nothing.

    Raises:
        MovedError: from styles that detect it; what was yielded may lack records.
        UnavailableError: the server returns the same page forever.
    """
    place: Place | None = begin
    asked: set[Place] = set()
    while place is not None:
        if place in asked:
            raise UnavailableError(
                f"a listing returns the same page again and again ({place}); report it"
            )
        asked.add(place)
        reply = ask(place)
        if reply is None:
            return
        page = style(reply, place)
        yield page
        place = page.following


def by_token(items: Callable[[Any], list[Any]], token: Callable[[Any], Place | None]) -> Style[Any]:
    """Each page names the next one: a cursor, a token, the query of a link."""
    return lambda reply, _: Page(items(reply.data), reply, token(reply.data) or None)


class ByOffset:
    """Each page begins with the last record of the previous one; use it for one listing only.

    If it doesn't, records before it vanished or appeared meanwhile, and others may have been
    skipped.

    Args:
        items: the records of an answer.
        has_more: whether there is more after so many records.
        identity: what identifies a record.
        may_grow: new records come first, and push known ones into the next page; those are left
            out. Otherwise a record that comes twice has moved, too.
    """

    def __init__(
        self,
        items: Callable[[Any], list[Any]],
        has_more: Callable[[Any, int], bool],
        *,
        identity: Callable[[Any], Hashable] = lambda record: record["id"],
        may_grow: bool = False,
    ) -> None:
        self._items, self._has_more, self._identity = items, has_more, identity
        self._may_grow = may_grow
        self._previous: list[Hashable] = []
        self._seen: set[Hashable] = set()

    def __call__(self, reply: Reply, place: int) -> Page[int]:
        records = self._items(reply.data)
        found = [self._identity(record) for record in records]
        expected = self._previous if self._may_grow else self._previous[-1:]
        if expected and not set(expected).intersection(found if self._may_grow else found[:1]):
            raise MovedError("its records moved while they were read")
        new = set(found) - self._seen
        fresh = [record for one, record in zip(found, records, strict=True) if one in new]
        repeated = len(found) - len(new)
        self._seen |= new
        if not self._may_grow and repeated > len(expected):
            raise MovedError("its records moved while they were read")
        end = place + len(records)
        if not self._has_more(reply.data, end):
            return Page(fresh, reply)
        if len(records) <= bool(self._previous):
            raise MovedError("more was announced and nothing came")
        self._previous = found
        return Page(fresh, reply, end - 1)


def steady(what: str, read: Callable[[], Result], attempts: int = ATTEMPTS) -> Result:
    """Read from scratch until nothing moves meanwhile; UnavailableError if it always does."""
    for attempt in range(attempts + 1):
        try:
            return read()
        except MovedError as error:
            if attempt == attempts:
                times = f"{attempts + 1} times over"
                raise UnavailableError(f"{what}: {error}, {times}; {TRY_AGAIN}") from None
    raise AssertionError
