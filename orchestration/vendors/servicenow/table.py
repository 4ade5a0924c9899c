"""The Table API, read by key so that nothing is skipped.

Pages by offset skip records when others are deleted under them, so each page asks for the records
after the last one seen, in the order of `sys_id`. The server first takes `sysparm_limit` records
and then leaves out those that the user may not see: a page may be short, or empty, and still not
be the last. `X-Total-Count` counts the hidden ones too, which tells where the end is.
"""

from __future__ import annotations

import itertools
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from orchestration.http import Http, Reply, SourceError

Record = Mapping[str, Any]

SMALLEST_PAGE = 10
# What an instance gives at most unless it is asked for more.
LARGEST_PAGE = 10_000
# A sys_id is 32 hexadecimal digits; ranges of it are halved by the first 12. Others, which people
# wrote themselves, fall into some range too: the server compares, not we.
PIVOT_DIGITS = 12
# Where ids are not spread at all, so many cuts in a row meet nothing.
GUESSES = 5


@dataclass(frozen=True)
class Page:
    """Records as the server gave them, the `sys_id` to go on from, and whether it was the last."""

    records: list[Record]
    after: str
    is_last: bool


@dataclass(frozen=True)
class Probe:
    """What one cheap question told: how many match (hidden ones too), the first, the clock."""

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


class TableApi:
    """Reads tables of one instance."""

    def __init__(self, http: Http) -> None:
        self._http = http

    def probe(self, table: str, conditions: Sequence[str], order: str = "") -> Probe:
        """One record at most, of a query that may have an order such as `ORDERBYDESCnumber`."""
        parameters = {
            "sysparm_query": "^".join([*conditions, *([order] if order else [])]),
            "sysparm_fields": "sys_id,sys_updated_on",
            "sysparm_limit": 1,
        }
        reply, records = self._get(table, parameters)
        if records is None:
            raise self._cancelled(table)
        return Probe(_total(self._http.name, table, reply), records, reply.date)

    def pages(self, scan: Scan, after: str = "") -> Generator[Page]:
        """Every record that is visible and matches from the first request to the last.

        Where a page comes back empty though more records match than it covers, all of those it
        covers are hidden and none of them says where to go on. Then larger pages are asked for,
        and after that a range of `sys_id` that one of them covers, and what comes after it.

        Args:
            after: go on after this `sys_id`, the `after` of an earlier page.

        Raises:
            SourceError: what came back can't be paged.
        """
        size = limit = scan.page_size
        largest = max(LARGEST_PAGE, size)
        upper = ""
        guesses = 0
        is_first = True
        while True:
            reply, records = self._get(scan.table, _parameters(scan, after, upper, limit))
            if records is None:
                # Cut off in the middle of a page: what came is no use, less may be.
                if limit <= SMALLEST_PAGE or limit > largest:
                    raise self._cancelled(scan.table)
                largest = limit = max(SMALLEST_PAGE, limit // 2)
                size = min(size, largest)
                continue
            total = _total(self._http.name, scan.table, reply)
            if is_first:
                scan.total, is_first = total, False
            scan.visible += len(records)
            last = self._last_id(scan.table, records, after)
            # Where count and page cover each other closely, a record deleted between the two could
            # hide another one: then one more request tells.
            is_covered = total <= limit - max(1, limit // 10) or total == len(records) < limit
            is_last = is_covered and not upper
            if records:
                limit, guesses = size, 0
            elif is_covered and total:
                guesses = 0
            elif not is_covered:
                pivot = "" if limit * 2 <= largest else _pivot(after, upper, total, limit)
                if pivot and guesses < GUESSES:
                    upper, guesses = pivot, guesses + 1
                else:
                    limit *= 2
            if is_covered:
                last, upper = upper or last, ""
            after = last
            yield Page(records, after, is_last)
            if is_last:
                return

    def _get(
        self, table: str, parameters: Mapping[str, str | int]
    ) -> tuple[Reply, list[Record] | None]:
        """The reply and its records, which are None where the server cut the answer off."""
        reply = self._http.get(f"/api/now/table/{table}", parameters)
        if not isinstance(reply.data, Mapping):
            raise SourceError(f"{self._http.name}: {table}: not an answer of the Table API; {URL}")
        # Past the time that a transaction may take, 200 comes with an error and a part of a page.
        if reply.data.get("error"):
            return reply, None
        records = reply.data.get("result")
        if not isinstance(records, list):
            raise SourceError(f"{self._http.name}: {table}: not an answer of the Table API; {URL}")
        return reply, records

    def _last_id(self, table: str, records: Sequence[Record], after: str) -> str:
        if not records:
            return after
        last = raw(records[-1], "sys_id")
        if not last:
            raise SourceError(
                f"{self._http.name}: {table}: records come without sys_id; "
                "let the user read that field"
            )
        if last == after:
            raise SourceError(
                f"{self._http.name}: {table}: the same records come again and again; "
                "look for a rule on the instance that changes queries of this table"
            )
        return last

    def _cancelled(self, table: str) -> SourceError:
        return SourceError(
            f"{self._http.name}: {table}: the instance cancels even small requests as taking too "
            "long; have sys_updated_on and sys_created_on of the table indexed"
        )


URL = "set the source's url to the instance, such as https://example.service-now.com"


def raw(record: Record, field: str) -> str:
    """The raw value of a field, with or without a display value beside it."""
    value = record.get(field)
    return str((value.get("value") if isinstance(value, Mapping) else value) or "")


def at_least(field: str, moment: datetime) -> str:
    """A condition; a moment in a query is UTC, to the second."""
    return f"{field}>={stamp(moment)}"


def before(field: str, moment: datetime) -> str:
    return f"{field}<{stamp(moment)}"


def stamp(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S}"


def _parameters(scan: Scan, after: str, upper: str, limit: int) -> dict[str, str | int]:
    bounds = [f"sys_id>{_escaped(after)}"] if after else []
    bounds += [f"sys_id<={upper}"] if upper else []
    parameters: dict[str, str | int] = {
        "sysparm_query": "^".join([*scan.conditions, *bounds, "ORDERBYsys_id"]),
        "sysparm_display_value": "all" if scan.has_display else "false",
        "sysparm_exclude_reference_link": "true",
        "sysparm_limit": limit,
    }
    if scan.fields:
        parameters["sysparm_fields"] = ",".join(scan.fields)
    return parameters


def _escaped(value: str) -> str:
    return value.replace("^", "^^")


def _total(name: str, table: str, reply: Reply) -> int:
    text = str(reply.headers.get("X-Total-Count") or "")
    if not text.isdecimal():
        raise SourceError(
            f"{name}: {table}: answers come without X-Total-Count, so the end can't be told; "
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
