"""A made-up PagerDuty account behind REST API v2: its caps, its clock, and people at work in it."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from .loopback import Answer, Request, Vendor

TOKEN = "u+8zQ4pLivePd77xw"  # noqa: S105
START = datetime(2026, 6, 26, 16, tzinfo=UTC)
HALF_A_YEAR = timedelta(days=184)
KINDS = {
    "acknowledged": "acknowledge_log_entry",
    "resolved": "resolve_log_entry",
    "triggered": "unacknowledge_log_entry",
}


def iso(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%SZ}"


@dataclass
class Entry:
    """A log entry, which the API may show only some time after it happened."""

    record: dict[str, Any]
    at: datetime
    visible_at: datetime


class Account(Vendor):
    """The account; `page` and `cap` are those of the API, smaller in tests.

    Args:
        page: most records of a page.
        cap: `offset + limit` beyond it is refused.
        ends: which ends of since/until the server counts in, such as "[)".
    """

    def __init__(self, page: int = 100, cap: int = 10_000, ends: str = "[)") -> None:
        super().__init__()
        self.page, self.cap, self.ends = page, cap, ends
        self.clock = START
        self.step = timedelta()
        self.incidents: dict[str, dict[str, Any]] = {}
        self.entries: list[Entry] = []
        self.created = self.logged = 0
        self.embeds = True
        self.totals = True
        # Tells apart what happened in one second, if the server does not do so reliably.
        self.tie: Callable[[str], Any] = lambda one: one
        # Whether the incident that others are merged into gets a log entry of it.
        self.logs_merges = True
        self.late = timedelta()
        self.has_priorities = True
        self.listings: dict[str, list[dict[str, Any]]] = {
            "services": [{"id": f"PS{n}", "type": "service", "name": f"s{n}"} for n in range(3)],
            "teams": [{"id": "PT1", "type": "team", "name": "Payments"}],
            "users": [
                {"id": f"PU{n}", "type": "user", "name": f"Person {n}", "time_zone": "Asia/Tokyo",
                 "contact_methods": [{"id": "PC1"}], "notification_rules": [{"id": "PN1"}]}
                for n in range(7)
            ],
            "priorities": [{"id": "PP1", "type": "priority", "name": "P1"}],
        }  # fmt: skip

    def now(self) -> datetime:
        return self.clock

    # What people do.

    def create(self, at: datetime | None = None) -> str:
        at = at or self.clock
        self.created += 1
        number = self.created
        one = f"Q{number:05}"
        self.incidents[one] = {
            "id": one, "type": "incident", "incident_number": number, "title": "Disk full",
            "summary": f"[#{number}] Disk full", "status": "triggered", "urgency": "high",
            "self": f"https://api.pagerduty.com/incidents/{one}", "html_url": f"https://x/{one}",
            "service": {"id": "PS1", "type": "service_reference", "summary": "s1"},
            "created_at": iso(at), "updated_at": iso(at), "resolved_at": None,
            "resolve_reason": None, "priority": None,
        }  # fmt: skip
        self.log(one, "trigger_log_entry", at)
        return one

    def change(self, one: str, status: str, at: datetime | None = None) -> None:
        at = at or self.clock
        resolved_at = iso(at) if status == "resolved" else None
        self.incidents[one] |= {
            "status": status, "resolved_at": resolved_at, "updated_at": iso(at),
            "resolve_reason": None,
        }  # fmt: skip
        self.log(one, KINDS[status], at)

    def prioritize(self, one: str) -> None:
        self.incidents[one]["priority"] = {
            "id": "PP1", "type": "priority_reference", "summary": "P1",
        }  # fmt: skip
        self.incidents[one]["updated_at"] = iso(self.clock)
        self.log(one, "field_value_change_log_entry", self.clock)

    def merge(self, one: str, into: str) -> None:
        self.change(one, "resolved")
        self.incidents[one]["resolve_reason"] = {
            "type": "merge_resolve_reason",
            "incident": {"id": into, "type": "incident_reference"},
        }
        self.incidents[into]["updated_at"] = iso(self.clock)
        if self.logs_merges:
            self.log(into, "annotate_log_entry", self.clock)

    def delete(self, one: str) -> None:
        del self.incidents[one]
        self.entries = [e for e in self.entries if e.record["incident"]["id"] != one]

    def log(self, one: str, kind: str, at: datetime) -> None:
        self.logged += 1
        incident = self.incidents[one]
        record = {
            "id": f"R{self.logged:06}", "type": kind, "created_at": iso(at),
            "incident": {
                "id": one, "type": "incident_reference", "summary": incident["summary"],
                "self": incident["self"], "html_url": incident["html_url"],
            },
            "service": incident["service"], "channel": {"type": "api"},
        }  # fmt: skip
        self.entries.append(Entry(record, at, at + self.late))

    def fill(self, number: int, chance: random.Random, days: int = 110, older: int = 0) -> None:
        """Incidents of the days before, each with two or three entries; every so manyth is 300
        days older."""
        for n in range(number):
            at = START - timedelta(seconds=chance.randrange(3600, days * 86_400))
            one = self.create(at - timedelta(days=300) if older and n % older == 0 else at)
            self.change(one, "acknowledged", at + timedelta(minutes=3))
            if n % 3:
                self.change(one, "resolved", at + timedelta(minutes=30))

    def something(self, chance: random.Random) -> None:
        """One of the things that happen, at the account's clock."""
        known = sorted(self.incidents)
        act: Callable[[str], object] = chance.choices(
            [
                lambda _: self.create(),
                lambda one: self.change(one, chance.choice(sorted(KINDS))),
                self.prioritize,
                lambda one: self.merge(one, chance.choice([k for k in known if k != one])),
                self.delete,
            ],
            [4, 8, 2, 2, 2],
        )[0]
        if len(known) < 3:
            self.create()
        else:
            act(chance.choice(known))

    # What the API answers.

    def answer(self, request: Request) -> Answer:
        self.clock += self.step
        if request.headers.get("authorization") != f"Token token={TOKEN}":
            return Answer({"error": {"message": "Unauthorized"}}, 401)
        headers = {"ratelimit-limit": "960", "ratelimit-remaining": "900", "ratelimit-reset": "9"}
        found = self._route(request)
        found.headers = headers
        return found

    def _route(self, request: Request) -> Answer:
        path = request.path
        if path == "/incidents":
            return self._incidents(request)
        if path == "/log_entries":
            return self._entries(request, self.entries)
        if match := re.fullmatch(r"/incidents/(\w+)(/log_entries)?", path):
            one = match[1]
            if one not in self.incidents:
                return Answer({"error": {"message": "Not Found", "code": 2100}}, 404)
            if match[2]:
                own = [e for e in self.entries if e.record["incident"]["id"] == one]
                return self._entries(request, own)
            return Answer({"incident": self.incidents[one]})
        name = path.removeprefix("/")
        if name not in self.listings or (name == "priorities" and not self.has_priorities):
            return Answer({"error": {"message": "Not Found", "code": 2100}}, 404)
        return self._paged(request, name, self.listings[name])

    def _incidents(self, request: Request) -> Answer:
        until = self._moment(request, "until", self.clock)
        since = self._moment(request, "since", until - timedelta(days=30))
        if until - since > HALF_A_YEAR:
            return Answer({"error": {"message": "range over 6 months", "code": 2001}}, 400)
        found = [
            one
            for one in self.incidents.values()
            if self._is_within(datetime.fromisoformat(one["created_at"]), since, until)
        ]
        found.sort(key=lambda one: (one["created_at"], self.tie(one["id"])))
        return self._paged(request, "incidents", found)

    def _entries(self, request: Request, entries: list[Entry]) -> Answer:
        since = self._moment(request, "since", START - timedelta(days=9999))
        until = self._moment(request, "until", self.clock + timedelta(days=1))
        whole = "incidents" in request.many("include[]") and self.embeds
        important = ("trigger_log_entry", *KINDS.values())
        newest = sorted(entries, key=lambda e: (e.at, self.tie(e.record["id"])), reverse=True)
        found = [
            entry.record | ({"incident": self.incidents[entry.record["incident"]["id"]]} if whole
                            else {})
            for entry in newest
            if self._is_within(entry.at, since, until) and entry.visible_at <= self.clock
            and (request.one("is_overview") != "true" or entry.record["type"] in important)
        ]  # fmt: skip
        return self._paged(request, "log_entries", found)

    def _paged(self, request: Request, name: str, found: list[dict[str, Any]]) -> Answer:
        offset, limit = int(request.one("offset", "0")), int(request.one("limit", "25"))
        limit = min(limit, self.page)
        if offset + limit > self.cap:
            error = {"message": "Invalid Input Provided", "code": 2002}
            return Answer({"error": error}, 400)
        total = len(found) if request.one("total") == "true" and self.totals else None
        return Answer(
            {name: found[offset : offset + limit], "limit": limit, "offset": offset,
             "more": offset + limit < len(found), "total": total}
        )  # fmt: skip

    def _is_within(self, at: datetime, since: datetime, until: datetime) -> bool:
        after = at >= since if self.ends[0] == "[" else at > since
        return after and (at <= until if self.ends[1] == "]" else at < until)

    def _moment(self, request: Request, name: str, default: datetime) -> datetime:
        value = request.one(name)
        return datetime.fromisoformat(value) if value else default
