"""An Opsgenie account behind a loopback server: searches, caps, paging links, throttling.

Its clock is the test's: it stands still but for `tick`. What it answers to searches that its
documentation doesn't name is set by `updated_search`.
"""

from __future__ import annotations

import copy
import random
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Literal
from urllib.parse import unquote, urlencode

from .loopback import Answer, Request, Vendor

Json = dict[str, Any]

KEY = "key-81c2f0a4-not-for-logs"
BEGIN = datetime(2026, 5, 2, tzinfo=UTC)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
TERM = re.compile(r"(\w+) (>=|<=|<|>) (\d+)")
# A list of alerts lacks what only `GET /v2/alerts/{id}` has.
NOT_LISTED = ("details", "description", "entity", "actions")
SORTS = {
    "alerts": ("createdAt", "updatedAt", "tinyId", "status"),
    "incidents": ("createdAt", "tinyId", "message", "status", "isSeen", "owner"),
}


def text(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03d}Z"


def ms(value: str) -> int:
    return (datetime.fromisoformat(value) - EPOCH) // timedelta(milliseconds=1)


class OpsgenieVendor(Vendor):
    """One account. `lists` holds what other paths answer as `data`."""

    def __init__(self, alerts: int = 0, incidents: int = 0, days: int = 50) -> None:
        super().__init__()
        self.clock = BEGIN + timedelta(days=days)
        self.alerts: dict[str, Json] = {}
        self.incidents: dict[str, Json] = {}
        self.logs: dict[str, list[Json]] = {}
        self.timelines: dict[str, list[Json]] = {}
        self.hidden: set[str] = set()
        self.lists: dict[str, Any] = {"/v2/teams": [{"id": "t1", "name": "risk"}]}
        self.users = [
            {"id": f"u{n:03d}", "username": f"u{n:03d}@x.example", "timeZone": "Europe/Berlin"}
            for n in range(3)
        ]
        self.furthest, self.page_cap = 20_000, 100
        self.updated_search: Literal["works", "ignored", "finds nothing"] = "works"
        self.kept: set[str] = set()
        self.numbers = 0
        for n in range(alerts):
            self.create("alerts", BEGIN + timedelta(days=days) * ((n + 0.5) / alerts))
        for n in range(incidents):
            self.create("incidents", BEGIN + timedelta(days=days) * ((n + 0.5) / incidents))

    def now(self) -> datetime:
        return self.clock

    def tick(self, **units: float) -> None:
        self.clock += timedelta(**units)

    def create(self, kind: str, at: datetime | None = None) -> str:
        """A new record, made at `at`, or now."""
        self.numbers += 1
        identity = f"{kind[0]}{self.numbers:06d}-7d1e"
        moment = text(at or self.clock)
        record: Json = {
            "id": identity, "tinyId": str(self.numbers), "message": f"no {self.numbers}",
            "status": "open", "tags": ["service:ledger"], "createdAt": moment,
            "updatedAt": moment, "priority": "P2",
        }  # fmt: skip
        if kind == "alerts":
            record |= {
                "acknowledged": False, "report": {}, "alias": identity, "entity": "",
                "description": "long", "actions": [],
                "details": {"incident-id": "i1"} if self.numbers % 5 == 0 else {},
            }  # fmt: skip
            self.alerts[identity] = record
        else:
            record |= {"extraProperties": {}, "impactedServices": ["s1"], "ownerTeam": "t1"}
            self.incidents[identity] = record
        self._log(kind, identity, "created", moment)
        return identity

    def change(self, kind: str, identity: str, what: str) -> None:
        """`acknowledged`, `closed`, `resolved`, `reopened` or anything else that is noted."""
        record = (self.alerts if kind == "alerts" else self.incidents)[identity]
        moment = text(self.clock)
        if what == "acknowledged":
            record["acknowledged"] = True
            record["report"] = {"ackTime": ms(moment) - ms(record["createdAt"])}
        elif what in ("closed", "resolved"):
            record |= {"status": what, "impactEndDate": moment}
        elif what == "reopened":
            record["status"] = "open"
            record.pop("impactEndDate", None)
        record["updatedAt"] = moment
        record["message"] += "."
        self._log(kind, identity, what, moment)

    def delete(self, kind: str, identity: str) -> None:
        del (self.alerts if kind == "alerts" else self.incidents)[identity]

    def stir(self, dice: random.Random) -> None:
        """Something happens: a record is created, changed, reopened or deleted."""
        self.tick(milliseconds=dice.choice((1, 40, 900)))
        kind = dice.choice(("alerts", "incidents"))
        there = sorted(self.alerts if kind == "alerts" else self.incidents)
        what = dice.choice(
            ("created", "acknowledged" if kind == "alerts" else "reopened", "closed",
             "resolved", "noted", "deleted")
        )  # fmt: skip
        if what == "created" or not there:
            self.create(kind)
        elif what == "deleted":
            name = dice.choice(there)
            if name not in self.kept:
                self.delete(kind, name)
        else:
            self.change(kind, dice.choice(there), what)

    def answer(self, request: Request) -> Answer:
        if request.headers.get("authorization") != f"GenieKey {KEY}":
            return Answer({"message": "Api Key is not valid"}, 401)
        path = unquote(request.path)
        for pattern, answer in self._routes():
            if match := re.fullmatch(pattern, path):
                result = answer(request, *match.groups())
                return result if isinstance(result, Answer) else Answer(result)
        return Answer({"message": "no such thing"}, 404)

    def _routes(self) -> Iterator[tuple[str, Callable[..., Any]]]:
        yield "/v2/alerts", lambda request: self._search("alerts", request)
        yield "/v1/incidents/?", lambda request: self._search("incidents", request)
        yield (
            "/v2/alerts/count",
            lambda request: {"data": {"count": len(self._found("alerts", request.one("query")))}},
        )
        yield (
            "/v2/users",
            lambda request: self._paged(
                self.users,
                int(request.one("offset", "0")),
                int(request.one("limit", "100")),
                request,
            ),
        )
        for path, data in self.lists.items():
            yield re.escape(path), lambda request, data=data: {"data": data}
        yield r"/v2/alerts/([^/]+)", lambda request, name: self._one(self.alerts.get(name))
        yield r"/v2/alerts/([^/]+)/logs", self._alert_logs
        yield r"/v2/incident-timelines/([^/]+)/entries", self._timeline

    def _search(self, kind: str, request: Request) -> Any:
        offset, limit = int(request.one("offset", "0")), int(request.one("limit", "20"))
        sort = request.one("sort", "createdAt")
        if offset + limit > self.furthest or limit > 100 or sort not in SORTS[kind]:
            return Answer({"message": "offset and limit are at most 20000 together"}, 422)
        try:
            found = self._found(kind, request.one("query"))
        except ValueError as error:
            return Answer({"message": str(error)}, 422)
        found.sort(key=lambda record: (record[sort], record["id"]))
        if request.one("order", "desc") == "desc":
            found.reverse()
        if kind == "alerts":
            found = [
                {name: value for name, value in record.items() if name not in NOT_LISTED}
                for record in found
            ]
        return self._paged(found, offset, min(limit, self.page_cap), request)

    def _found(self, kind: str, query: str) -> list[Json]:
        records = self.alerts if kind == "alerts" else self.incidents
        found = [record for name, record in records.items() if name not in self.hidden]
        for term in query.split(" AND "):
            match = TERM.fullmatch(term)
            if not match or match[1] not in ("createdAt", "updatedAt"):
                raise ValueError(f"can't parse {term!r}")
            name, sign, value = match[1], match[2], int(match[3])
            if name == "updatedAt":
                if kind == "alerts":
                    raise ValueError("updatedAt is not documented for alerts")
                if self.updated_search == "ignored":
                    continue
                if self.updated_search == "finds nothing":
                    return []
            found = [
                record
                for record in found
                if (ms(record[name]) >= value if sign == ">=" else ms(record[name]) <= value)
            ]
        return found

    def _paged(self, found: list[Any], offset: int, limit: int, request: Request) -> Json:
        answer: Json = {"data": copy.deepcopy(found[offset : offset + limit]), "paging": {}}
        if offset + limit < len(found):
            query = dict(request.query) | {"offset": str(offset + limit)}
            answer["paging"]["next"] = f"https://api.opsgenie.com{request.path}?{urlencode(query)}"
        return answer | {"took": 0.1, "requestId": "r"}

    def _one(self, record: Json | None) -> Any:
        return {"data": copy.deepcopy(record)} if record else Answer({"message": "gone"}, 404)

    def _alert_logs(self, request: Request, name: str) -> Any:
        if name not in self.alerts:
            return Answer({"message": "gone"}, 404)
        rows = [row for row in self.logs[name] if row["offset"] > request.one("offset")]
        page = self._paged(rows, 0, int(request.one("limit", "20")), request)
        if "next" in page["paging"]:
            query = dict(request.query) | {"offset": page["data"][-1]["offset"]}
            page["paging"]["next"] = f"https://api.opsgenie.com{request.path}?{urlencode(query)}"
        return page

    def _timeline(self, request: Request, name: str) -> Any:
        if name not in self.incidents:
            return Answer({"message": "gone"}, 404)
        entries = [entry for entry in self.timelines[name] if entry["id"] > request.one("offset")]
        limit = int(request.one("limit", "20"))
        data: Json = {"entries": copy.deepcopy(entries[:limit])}
        if len(entries) > limit:
            data["nextOffset"] = entries[limit - 1]["id"]
        return {"data": data}

    def _log(self, kind: str, identity: str, what: str, moment: str) -> None:
        if kind == "alerts":
            rows = self.logs.setdefault(identity, [])
            rows.append(
                {"log": f"Alert {what} via web", "type": "system", "owner": "u000",
                 "createdAt": moment, "offset": f"{len(rows):06d}"}
            )  # fmt: skip
        else:
            rows = self.timelines.setdefault(identity, [])
            rows.append(
                {"id": f"{identity}-{len(rows):06d}", "group": "incident", "type": what,
                 "eventTime": moment, "hidden": False}
            )  # fmt: skip
