"""The Table API, read by key so that nothing is skipped.

Paging by offset skips records when others are deleted meanwhile, so each page asks for the records
after the last one seen, ordered by `sys_id`. The server first reads `sysparm_limit` records and
then removes those that the user may not see: a page may be short, or empty, and still not be the
last. `X-Total-Count` includes the hidden ones, which shows where the end is.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple

from orchestration.http import Http, Reply, SourceError, paging

Record = Mapping[str, Any]

SMALLEST_PAGE = 10
# An instance's default limit.
LARGEST_PAGE = 10_000
URL = "set the source's url to the instance, such as https://example.service-now.com"


class Place(NamedTuple):
    """A page: at most `limit` records after a `sys_id`, of which `skipped` are hidden."""

    after: str
    limit: int
    skipped: int = 0


@dataclass
class Scan:
    """A query of a table, and, once `pages` is exhausted, its counts.

    Attributes:
        conditions: of the encoded query, all of which must be met.
        fields: what to return; empty for everything.
        has_display: whether to return display values besides the raw ones.
        visible: records returned.
        total: records that matched when the scan began, hidden ones too.
    """

    table: str
    conditions: Sequence[str] = ()
    fields: Sequence[str] = ()
    page_size: int = 1000
    has_display: bool = True
    visible: int = 0
    total: int = 0

    @property
    def hidden(self) -> int:
        """Records hidden by access rules, including those deleted during the scan."""
        return max(0, self.total - self.visible)

    def parameters(self, place: Place) -> dict[str, str | int]:
        """The request for the page at this place."""
        bounds = [f"sys_id>{place.after.replace('^', '^^')}"] if place.after else []
        parameters: dict[str, str | int] = {
            "sysparm_query": "^".join([*self.conditions, *bounds, "ORDERBYsys_id"]),
            "sysparm_display_value": "all" if self.has_display else "false",
            "sysparm_exclude_reference_link": "true",
            "sysparm_limit": place.limit,
        }
        if place.skipped:
            parameters["sysparm_offset"] = place.skipped
        if self.fields:
            parameters["sysparm_fields"] = ",".join(self.fields)
        return parameters


def probe(
    http: Http,
    table: str,
    conditions: Sequence[str] = (),
    fields: str = "sys_id,sys_updated_on",
) -> tuple[int, list[Record], datetime]:
    """How many records match (hidden ones too), the last changed of them (with `fields`, empty for
    everything), and the server's clock."""
    query = "^".join([*conditions, "ORDERBYDESCsys_updated_on"])
    asked: dict[str, str | int] = {"sysparm_query": query, "sysparm_limit": 1}
    asked |= {"sysparm_fields": fields} if fields else {}
    reply = http.get(f"/api/now/table/{table}", asked)
    records = _records(table, reply)
    if records is None:
        raise _cancelled(table)
    return _total(table, reply), records, reply.date


def pages(http: Http, scan: Scan, after: str = "") -> Iterator[paging.Page[Place]]:
    """Every record that is visible and matches from the first request to the last.

    It continues after the `sys_id` of an earlier page's `following`. SourceError: the answers can't
    be paged.
    """

    def ask(place: Place) -> Reply:
        return http.get(f"/api/now/table/{scan.table}", scan.parameters(place))

    return paging.pages(ask, _ByKey(scan), Place(after, scan.page_size))


class _ByKey:
    """Where a scan continues.

    If a page is empty though more records match than it covers, all covered records are hidden, and
    none shows where to continue: they are skipped, except a tenth, which is requested again in case
    some were deleted meanwhile.
    """

    def __init__(self, scan: Scan) -> None:
        self._scan = scan
        self._size = scan.page_size
        self._largest = max(LARGEST_PAGE, scan.page_size)
        self._is_first = True

    def __call__(self, reply: Reply, place: Place) -> paging.Page[Place]:
        scan, limit = self._scan, place.limit
        records = _records(scan.table, reply)
        if records is None:
            # Cut off in the middle of a page: it is useless, but a smaller one may work.
            if limit <= SMALLEST_PAGE:
                raise _cancelled(scan.table)
            self._largest = max(SMALLEST_PAGE, limit // 2)
            self._size = min(self._size, self._largest)
            return paging.Page([], reply, place._replace(limit=self._largest))
        total = _total(scan.table, reply)
        if self._is_first:
            scan.total, self._is_first = total, False
        scan.visible += len(records)
        # If count and page match closely, a record deleted between the two could hide another one:
        # one more request shows it.
        step = limit - max(1, limit // 10)
        if total <= place.skipped + step or total == len(records) < limit:
            return paging.Page(records, reply)
        if records:
            following = Place(_last_id(scan.table, records, place.after), self._size)
        else:
            following = Place(place.after, self._largest, place.skipped + step)
        return paging.Page(records, reply, following)


def decoded(content: bytes) -> Any:
    """An answer; a truncated one, which a retry doesn't fix, is an error of its own."""
    try:
        return json.loads(content)
    except ValueError:
        if content.lstrip().startswith(b"{"):
            return {"error": "the answer breaks off"}
        raise


def raw(record: Record, field: str) -> str:
    """The raw value of a field, with or without a display value beside it."""
    value = record.get(field)
    return str((value.get("value") if isinstance(value, Mapping) else value) or "")


def at_least(field: str, moment: datetime) -> str:
    """A condition; a time in a query is UTC, to the second."""
    return f"{field}>={stamp(moment)}"


def before(field: str, moment: datetime) -> str:
    """A condition, as `at_least`."""
    return f"{field}<{stamp(moment)}"


def stamp(moment: datetime) -> str:
    """The form of times in records and queries."""
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S}"


def _records(table: str, reply: Reply) -> list[Record] | None:
    """The answer's records; None if the server cut it off."""
    data = reply.data if isinstance(reply.data, Mapping) else {}
    # Past the time limit of a transaction, 200 comes with an error and part of a page, or with the
    # error in the middle of a record, which isn't JSON.
    if data.get("error"):
        return None
    if not isinstance(data.get("result"), list):
        raise SourceError(f"servicenow: {table}: not an answer of the Table API; {URL}")
    return data["result"]


def _last_id(table: str, records: Sequence[Record], after: str) -> str:
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
        f"servicenow: {table}: the instance cancels even requests of {SMALLEST_PAGE} records as "
        "taking too long (page_size and id_page_size in sources.yaml are what is asked for first); "
        "have sys_updated_on and sys_created_on of the table indexed"
    )


def _total(table: str, reply: Reply) -> int:
    text = str(reply.headers.get("X-Total-Count") or "")
    if not text.isdecimal():
        raise SourceError(
            f"servicenow: {table}: answers come without X-Total-Count, so the end can't be seen; "
            "let the proxy between here and the instance pass that header on"
        )
    return int(text)
