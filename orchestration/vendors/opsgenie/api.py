"""Opsgenie's REST API: pages of records and of what belongs to one.

What searches rely on: `createdAt` with `>=` and `<=` and milliseconds since 1970, and `AND`, are
documented for alerts and for incidents. Alerts sort by `updatedAt`. Incidents sort by `createdAt`
only, and `updatedAt` in their search is undocumented but works: callers must check that something
comes back (see `feed.py`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, quote, urlsplit

from orchestration.http import Http, Reply, SourceError, UnavailableError, paging
from orchestration.vendors import base

Json = dict[str, Any]
Query = tuple[tuple[str, str | int], ...]

PAGE = 100
# A larger `offset + limit` is answered with 422.
FURTHEST = 20_000
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
ALERTS, INCIDENTS = "alerts", "incidents"
PATHS = {ALERTS: "/v2/alerts", INCIDENTS: "/v1/incidents"}


class TooManyError(Exception):
    """More records than offsets can reach; slice by `createdAt` instead."""


class Place(NamedTuple):
    """How far a walk from new to old got: the millisecond, and its records that were seen."""

    at: int
    seen: tuple[str, ...] = ()
    offset: int = 0


class Api:
    """Opsgenie's answers. Errors are those of `Http`."""

    def __init__(self, http: Http) -> None:
        self.http = http

    def count(self, since: int, until: int | None = None) -> tuple[int, datetime]:
        """How many alerts were created in [since, until] (milliseconds), and the server's clock."""
        query = f"createdAt >= {since}" + (f" AND createdAt <= {until}" if until else "")
        reply = self.http.get("/v2/alerts/count", {"query": query})
        return int(_data(reply.data)["count"]), reply.date

    def newest_first(
        self, kind: str, since: int, place: Place, condition: str = ""
    ) -> Iterator[paging.Page[Place]]:
        """Records created from `since` up to the place, from new to old.

        Each page begins at the `createdAt` of the last record, so offsets don't grow, and records
        that vanish meanwhile don't shift others between pages. `condition` is appended to the
        search query.
        """

        def ask(place: Place) -> Reply:
            if place.offset + PAGE > FURTHEST:
                raise SourceError(
                    f"opsgenie: more than {FURTHEST:,} {kind} were created in one millisecond "
                    f"({place.at}); no API call reaches them: delete some"
                )
            query = f"createdAt >= {since} AND createdAt <= {place.at}{condition}"
            return self._search(kind, query, "createdAt", place.offset)

        def read(reply: Reply, place: Place) -> paging.Page[Place]:
            records = _data(reply.data)
            fresh = [record for record in records if record["id"] not in place.seen]
            last = min((created(record) for record in records), default=place.at)
            seen = {record["id"] for record in records if created(record) == last}
            if last < place.at:
                following = Place(last, tuple(sorted(seen)))
            else:
                seen.update(place.seen)
                following = Place(last, tuple(sorted(seen)), place.offset + len(records))
            return paging.Page(fresh, reply, following if _has_more(reply.data) else None)

        return paging.pages(ask, read, place)

    def latest_changes(self, since: int, changed: int) -> Iterator[list[Json]]:
        """Alerts created since `since`, from the last changed to those changed at `changed`.

        Raises:
            MovedError: alerts were deleted meanwhile, and others may have been skipped.
            TooManyError: more changed than offsets can reach.
        """

        def ask(offset: int) -> Reply:
            if offset + PAGE > FURTHEST:
                raise TooManyError
            return self._search(ALERTS, f"createdAt >= {since}", "updatedAt", offset)

        style = paging.ByOffset(
            _data,
            lambda data, _: _has_more(data) and milliseconds(stamp(data["data"][-1])) >= changed,
            identity=lambda record: (record["id"], stamp(record)),
            may_grow=True,
        )
        return (page.records for page in paging.pages(ask, style, 0))

    def alert(self, identity: str) -> Json | None:
        """One complete alert (lists lack `details` and `description`); None: deleted."""
        reply = self.http.find(f"/v2/alerts/{quote(identity)}", {"identifierType": "id"})
        return _data(reply.data) if reply else None

    def timeline(self, incident: str) -> list[Json] | None:
        """All entries of an incident's timeline, oldest first; None: deleted."""
        path = f"/v2/incident-timelines/{quote(incident)}/entries"

        def ask(offset: str) -> Reply | None:
            begin: Mapping[str, str | int] = {"offset": offset} if offset else {}
            return self.http.find(path, {"limit": PAGE, "order": "asc", **begin})

        style = paging.by_token(
            lambda data: _data(data)["entries"],
            lambda data: data["data"]["entries"] and data["data"].get("nextOffset"),
        )
        pages = [page.records for page in paging.pages(ask, style, "")]
        return [entry for page in pages for entry in page] if pages else None

    def every(self, path: str, params: Mapping[str, str | int]) -> Iterator[Json]:
        """All records of a list, page by page along `paging.next`; nothing: deleted."""

        def ask(query: Query) -> Reply | None:
            return self.http.find(path, query)

        for page in paging.pages(ask, paging.by_token(_data, _link), (*params.items(),)):
            yield from page.records

    def _search(self, kind: str, query: str, sort: str, offset: int) -> Reply:
        return self.http.get(
            PATHS[kind],
            {"query": query, "sort": sort, "order": "desc", "offset": offset, "limit": PAGE},
        )


def created(record: Mapping[str, Any]) -> int:
    """`createdAt` in milliseconds."""
    return milliseconds(record["createdAt"])


def stamp(record: Mapping[str, Any]) -> str:
    """The version of a record: Opsgenie's `updatedAt`, which may be missing."""
    return record.get("updatedAt") or record["createdAt"]


def milliseconds(value: datetime | str) -> int:
    """Milliseconds since 1970, rounded up, so that nothing lies in between."""
    elapsed = (base.moment(value) if isinstance(value, str) else value) - EPOCH
    micros = (elapsed.days * 86_400 + elapsed.seconds) * 1_000_000 + elapsed.microseconds
    return -(-micros // 1000)


def instant(value: int) -> datetime:
    """From milliseconds since 1970."""
    return datetime.fromtimestamp(value / 1000, UTC)


def _data(answer: Any) -> Any:
    if not isinstance(answer, dict) or "data" not in answer:
        raise UnavailableError("opsgenie: an answer without `data`; is this Opsgenie's API?")
    return answer["data"]


def _link(answer: Json) -> Query:
    # Only the query of the address is used: credentials are sent to the configured server only.
    link = (answer.get("paging") or {}).get("next") or ""
    return tuple(parse_qsl(urlsplit(link).query)) if answer["data"] else ()


def _has_more(answer: Json) -> bool:
    # A short page is the end only if the server says so.
    return len(answer["data"]) >= PAGE or bool(_link(answer))
