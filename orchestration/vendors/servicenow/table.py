"""The Table API, read by key so that nothing is skipped.

Pages by offset skip records when others are deleted under them, so each page asks for the records
after the last one seen, in the order of `sys_id`. The server first reads `sysparm_limit` records
and then leaves out those that the user may not see: a page may be short, or empty, and still not
be the last. `X-Total-Count` counts the hidden ones too, which shows where the end is.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from orchestration.http import Http, Reply, SourceError, paging

Record = Mapping[str, Any]

SMALLEST_PAGE = 10
# What an instance gives at most unless it is asked for more.
LARGEST_PAGE = 10_000
# A sys_id is 32 hexadecimal digits; ranges of it are halved by the first 12. Others, which people
# wrote themselves, fall into some range too: the server compares, not we.
PIVOT_DIGITS = 12
# Where ids are not spread at all, so many cuts in a row meet nothing.
GUESSES = 5
URL = "set the source's url to the instance, such as https://example.service-now.com"


@dataclass(frozen=True)
class Probe:
    """What one cheap question showed: how many match (hidden ones too), the first, the clock."""

    total: int
    records: list[Record]
    date: datetime


@dataclass
class Scan:
    """What is asked of a table, and, once `pages` ended, what there was.

    Attributes:
        conditions: of the encoded query, all of which must hold.
        fields: what to return; empty for everything.
        has_display: whether to return display values besides the raw ones.
        visible: records returned.
        total: records that matched when the scan began, hidden ones too.
    """

    table: str
    conditions: Sequence[str]
    fields: Sequence[str] = ()
    page_size: int = 1000
    has_display: bool = True
    visible: int = 0
    total: int = 0

    @property
    def hidden(self) -> int:
        """Records that access rules kept back; those deleted during the scan count too."""
        return max(0, self.total - self.visible)

    def report_hidden(self, progress: Callable[[str], None]) -> None:
        """Say how many records access rules kept back, if any."""
        if self.hidden:
            progress(f"{self.table}: access rules hide {self.hidden:,} of {self.total:,}")

    def parameters(self, place: Place) -> dict[str, str | int]:
        """The request for the page at this place."""
        bounds = [f"sys_id>{place.after.replace('^', '^^')}"] if place.after else []
        bounds += [f"sys_id<={place.upper}"] if place.upper else []
        parameters: dict[str, str | int] = {
            "sysparm_query": "^".join([*self.conditions, *bounds, "ORDERBYsys_id"]),
            "sysparm_display_value": "all" if self.has_display else "false",
            "sysparm_exclude_reference_link": "true",
            "sysparm_limit": place.limit,
        }
        if self.fields:
            parameters["sysparm_fields"] = ",".join(self.fields)
        return parameters


@dataclass(frozen=True)
class Place:
    """A page: at most `limit` records with a `sys_id` after one, and up to `upper` if it is set."""

    after: str
    upper: str
    limit: int


def probe(http: Http, table: str, conditions: Sequence[str], order: str = "") -> Probe:
    """One record at most, of a query that may have an order such as `ORDERBYDESCnumber`."""
    parameters = {
        "sysparm_query": "^".join([*conditions, *([order] if order else [])]),
        "sysparm_fields": "sys_id,sys_updated_on",
        "sysparm_limit": 1,
    }
    reply = http.get(f"/api/now/table/{table}", parameters)
    records = _records(table, reply)
    if records is None:
        raise _cancelled(table)
    return Probe(_total(table, reply), records, reply.date)


def pages(http: Http, scan: Scan, after: str = "") -> Iterator[paging.Page[Place]]:
    """Every record that is visible and matches from the first request to the last.

    Args:
        after: go on after this `sys_id`, that of an earlier page's `following`.

    Raises:
        SourceError: what came back can't be paged.
    """

    def ask(place: Place) -> Reply:
        return http.get(f"/api/now/table/{scan.table}", scan.parameters(place))

    return paging.pages(ask, _ByKey(scan), Place(after, "", scan.page_size))


class _ByKey:
    """Where a scan goes on.

    Where a page comes back empty though more records match than it covers, all of those it covers
    are hidden and none of them says where to go on. Then larger pages are asked for, and after that
    a range of `sys_id` that one of them covers, and what comes after it.
    """

    def __init__(self, scan: Scan) -> None:
        self._scan = scan
        self._size = scan.page_size
        self._largest = max(LARGEST_PAGE, scan.page_size)
        self._guesses = 0
        self._is_first = True

    def __call__(self, reply: Reply, place: Place) -> paging.Page[Place]:
        scan, limit = self._scan, place.limit
        records = _records(scan.table, reply)
        if records is None:
            # Cut off in the middle of a page: what came is no use, less may be.
            if limit <= SMALLEST_PAGE or limit > self._largest:
                raise _cancelled(scan.table)
            self._largest = max(SMALLEST_PAGE, limit // 2)
            self._size = min(self._size, self._largest)
            return paging.Page([], reply, Place(place.after, place.upper, self._largest))
        total = _total(scan.table, reply)
        if self._is_first:
            scan.total, self._is_first = total, False
        scan.visible += len(records)
        # Where count and page cover each other closely, a record deleted between the two could
        # hide another one: then one more request shows it.
        is_covered = total <= limit - max(1, limit // 10) or total == len(records) < limit
        last, upper = _last_id(scan.table, records, place.after), place.upper
        if records:
            limit, self._guesses = self._size, 0
        elif is_covered and total:
            self._guesses = 0
        elif not is_covered:
            is_wide = limit * 2 <= self._largest or self._guesses >= GUESSES
            pivot = "" if is_wide else _pivot(place.after, upper, total, limit)
            upper, limit = (pivot, limit) if pivot else (upper, limit * 2)
            self._guesses += bool(pivot)
        if not is_covered:
            return paging.Page(records, reply, Place(last, upper, limit))
        # All up to `upper` has been read, or all there is.
        return paging.Page(records, reply, Place(upper, "", limit) if upper else None)


def raw(record: Record, field: str) -> str:
    """The raw value of a field, with or without a display value beside it."""
    value = record.get(field)
    return str((value.get("value") if isinstance(value, Mapping) else value) or "")


def at_least(field: str, moment: datetime) -> str:
    """A condition; a moment in a query is UTC, to the second."""
    return f"{field}>={stamp(moment)}"


def before(field: str, moment: datetime) -> str:
    """A condition, as `at_least`."""
    return f"{field}<{stamp(moment)}"


def stamp(moment: datetime) -> str:
    """As moments are written in records and queries."""
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S}"


def _records(table: str, reply: Reply) -> list[Record] | None:
    """The answer's records; None where the server cut it off."""
    data = reply.data if isinstance(reply.data, Mapping) else {}
    # Past the time that a transaction may take, 200 comes with an error and a part of a page.
    if data.get("error"):
        return None
    if not isinstance(data.get("result"), list):
        raise SourceError(f"servicenow: {table}: not an answer of the Table API; {URL}")
    return data["result"]


def _last_id(table: str, records: Sequence[Record], after: str) -> str:
    if not records:
        return after
    last = raw(records[-1], "sys_id")
    if not last:
        raise SourceError(
            f"servicenow: {table}: records come without sys_id; let the user read that field"
        )
    if last == after:
        raise SourceError(
            f"servicenow: {table}: the same records come again and again; look for a rule on the "
            "instance that changes queries of this table"
        )
    return last


def _cancelled(table: str) -> SourceError:
    return SourceError(
        f"servicenow: {table}: the instance cancels even small requests as taking too long; have "
        "sys_updated_on and sys_created_on of the table indexed"
    )


def _total(table: str, reply: Reply) -> int:
    text = str(reply.headers.get("X-Total-Count") or "")
    if not text.isdecimal():
        raise SourceError(
            f"servicenow: {table}: answers come without X-Total-Count, so the end can't be seen; "
            "let the proxy between here and the instance pass that header on"
        )
    return int(text)


def _pivot(after: str, upper: str, total: int, limit: int) -> str:
    """Where to cut the range after `after`, up to `upper`, so that a page covers its lower part.

    Ids are spread evenly enough to guess; never more than half. Empty where it is too narrow.
    """
    end = 16**PIVOT_DIGITS
    low, high = _number(after, "0"), _number(upper, "0") if upper else end
    cut = low + min((high - low) // 2, (high - low) * limit * 7 // (10 * max(total, 1)))
    return f"{cut:0{PIVOT_DIGITS}x}" if low < cut < high else ""


def _number(sys_id: str, fill: str) -> int:
    digits = "".join(
        itertools.takewhile(lambda c: c in "0123456789abcdef", sys_id[:PIVOT_DIGITS].lower())
    )
    return int(digits.ljust(PIVOT_DIGITS, fill), 16)
