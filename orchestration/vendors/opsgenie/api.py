"""Opsgenie's REST API: pages of records and of what belongs to one.

What a search relies on: `createdAt` with `>=` and `<=` and milliseconds since 1970, and `AND`, are
documented for alerts and for incidents. Alerts sort by `updatedAt`. Incidents sort by `createdAt`
only, and `updatedAt` in their search works without being documented: whoever uses it must check
that something comes back (see `sync.py`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, quote, urlsplit

from orchestration.http import Http, Reply, SourceError, UnavailableError
from orchestration.vendors.base import moment

Json = dict[str, Any]

PAGE = 100
# `offset + limit` beyond it is answered with 422.
FURTHEST = 20_000
STEPS_BACK = 1_000
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
ALERTS, INCIDENTS = "alerts", "incidents"
PATHS = {ALERTS: "/v2/alerts", INCIDENTS: "/v1/incidents"}


class TooManyError(Exception):
    """More records than offsets reach; slice by `createdAt` instead."""


@dataclass(frozen=True)
class Place:
    """How far a walk from new to old got: the millisecond, and which records of it were seen."""

    at: int
    seen: tuple[str, ...] = ()

    @classmethod
    def of(cls, value: Mapping[str, Any]) -> Place:
        """Out of a cursor."""
        return cls(value["at"], tuple(value["seen"]))

    def cursor(self) -> Json:
        return {"at": self.at, "seen": list(self.seen)}


@dataclass(frozen=True)
class Page:
    """Records not seen before, and where the walk goes on after them."""

    records: list[Json]
    place: Place


class Api:
    """Opsgenie's answers. Errors are those of `Http`."""

    def __init__(self, http: Http) -> None:
        self.http = http

    def count(self, since: int, until: int | None = None) -> tuple[int, datetime]:
        """How many alerts were created in [since, until] (milliseconds), and the server's clock."""
        query = f"createdAt >= {since}" + (f" AND createdAt <= {until}" if until else "")
        reply = self.http.get("/v2/alerts/count", {"query": query})
        return int(_data(reply)["count"]), reply.date

    def newest_first(
        self, kind: str, since: int, place: Place, condition: str = ""
    ) -> Iterator[Page]:
        """Records created from `since` up to the place, from new to old.

        Each page begins at the `createdAt` of the last record, so no offset grows, and records
        that vanish meanwhile move no other across a border.

        Args:
            condition: ends the search query, such as ` AND status: open`.
        """
        at, seen, offset = place.at, set(place.seen), 0
        while True:
            if offset + PAGE > FURTHEST:
                raise SourceError(
                    f"opsgenie: more than {FURTHEST:,} {kind} were created in one millisecond "
                    f"({at}); no API call reaches them: delete some"
                )
            reply = self._page(
                kind,
                query=f"createdAt >= {since} AND createdAt <= {at}{condition}",
                sort="createdAt",
                offset=offset,
            )
            records = _data(reply)
            fresh = [record for record in records if record["id"] not in seen]
            last = min((created(record) for record in records), default=at)
            if last < at:
                at, offset, seen = last, 0, set()
            else:
                offset += len(records)
            seen |= {record["id"] for record in records if created(record) == at}
            yield Page(fresh, Place(at, tuple(sorted(seen))))
            if not _has_more(reply):
                return

    def latest_changes(self, since: int, changed: int) -> Iterator[list[Json]]:
        """Alerts created from `since` on, from the last changed to those changed at `changed`.

        A page overlaps the one before by a record. Where that is gone, records were deleted and
        others moved up: the page before is read again. So a record may come twice.

        Raises:
            TooManyError: more changed than offsets reach.
        """
        offset, steps_back = 0, 0
        before: dict[str, str] | None = None
        while True:
            if offset + PAGE > FURTHEST:
                raise TooManyError
            reply = self._page(
                ALERTS, query=f"createdAt >= {since}", sort="updatedAt", offset=offset
            )
            records = _data(reply)
            if offset and before is not None and not _overlap(before, records):
                offset, steps_back = max(0, offset - PAGE + 1), steps_back + 1
                if steps_back > STEPS_BACK:
                    raise UnavailableError(
                        "opsgenie: alerts are deleted faster than they can be listed; "
                        "the next sync begins this list anew"
                    )
                continue
            yield records
            if not _has_more(reply) or updated(records[-1]) < changed:
                return
            before = {record["id"]: stamp(record) for record in records}
            offset += max(1, len(records) - 1)

    def alert(self, identity: str) -> Json | None:
        """All of one alert (a list lacks `details` and `description`); None: deleted."""
        reply = self.http.find(f"/v2/alerts/{quote(identity)}", {"identifierType": "id"})
        return _data(reply) if reply else None

    def timeline(self, incident: str) -> list[Json] | None:
        """All entries of an incident's timeline, oldest first; None: deleted."""
        path = f"/v2/incident-timelines/{quote(incident)}/entries"
        params: dict[str, str | int] = {"limit": PAGE, "order": "asc"}
        entries: list[Json] = []
        while True:
            reply = self.http.find(path, params)
            if reply is None:
                return None
            data = _data(reply)
            entries += data["entries"]
            following = data.get("nextOffset")
            if not following or not data["entries"] or following == params.get("offset"):
                return entries
            params["offset"] = following

    def every(self, path: str, params: Mapping[str, str | int] | None = None) -> Iterator[Any]:
        """All that a list holds, page by page, as far as `paging.next` leads; nothing: deleted."""
        asked: list[tuple[str, str | int]] = list((params or {}).items())
        while True:
            reply = self.http.find(path, asked)
            if reply is None:
                return
            data = _data(reply)
            yield from data if isinstance(data, list) else [data]
            # Of the address only the query is taken: credentials stay with the server we chose.
            link = (reply.data.get("paging") or {}).get("next") or ""
            following = parse_qsl(urlsplit(link).query)
            if not following or not data or following == asked:
                return
            asked = list(following)

    def _page(self, kind: str, *, query: str, sort: str, offset: int) -> Reply:
        return self.http.get(
            PATHS[kind],
            {"query": query, "sort": sort, "order": "desc", "offset": offset, "limit": PAGE},
        )


def created(record: Mapping[str, Any]) -> int:
    """`createdAt` in milliseconds; a part of one counts as a whole, so nothing lies between."""
    return milliseconds(moment(record["createdAt"]))


def updated(record: Mapping[str, Any]) -> int:
    """`updatedAt` in milliseconds, or `createdAt` where it was never changed."""
    return milliseconds(moment(stamp(record)))


def stamp(record: Mapping[str, Any]) -> str:
    """The version of a record, as Opsgenie writes it."""
    return record.get("updatedAt") or record["createdAt"]


def milliseconds(value: datetime) -> int:
    """Since 1970, rounded up."""
    seconds = value - EPOCH
    micros = (seconds.days * 86_400 + seconds.seconds) * 1_000_000 + seconds.microseconds
    return -(-micros // 1000)


def instant(value: int) -> datetime:
    """Of milliseconds since 1970."""
    return datetime.fromtimestamp(value / 1000, UTC)


def _data(reply: Reply) -> Any:
    if not isinstance(reply.data, dict) or "data" not in reply.data:
        raise UnavailableError("opsgenie: an answer without `data`; is this Opsgenie's API?")
    return reply.data["data"]


def _has_more(reply: Reply) -> bool:
    # A short page is the end only where the server says so.
    is_full = len(reply.data["data"]) >= PAGE
    return is_full or (bool((reply.data.get("paging") or {}).get("next")) and bool(_data(reply)))


def _overlap(before: Mapping[str, str], records: list[Json]) -> bool:
    return any(before.get(record["id"]) == stamp(record) for record in records)
