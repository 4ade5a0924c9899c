"""Jira on loopback, as far as epics are read: JQL over an index that lags, by token or offset."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Any

from .loopback import Answer, Request
from .vendor_epic_board import Board, Thing

SLO_BURN, EPIC_LINK, POINTS = "customfield_10101", "customfield_10014", "customfield_10016"
CATEGORIES = {"new": "new", "active": "indeterminate", "done": "done"}
SCOPE = re.compile(r'labels = "([\w-]+)"')
CHILDREN = re.compile(r"parent in \(([\d, ]+)\)")
LINKED = re.compile(r'"Epic Link" in \(([\w", -]+)\)')
CHANGED = re.compile(r"updated >= -(\d+)m")


class JiraSite(Board):
    """
    Attributes:
        is_cloud: which of the two searches there is.
        page_size: it gives no more than these at once, whatever is asked for.
    """

    def __init__(self, now: datetime, seed: int = 0, *, is_cloud: bool = True) -> None:
        super().__init__(now, seed)
        self.is_cloud = is_cloud
        self.page_size = 3

    def answer(self, request: Request) -> Answer:
        path = request.path.removeprefix("/rest/api/3" if self.is_cloud else "/rest/api/2")
        if path == "/field":
            return Answer(self._fields())
        if path == ("/search/jql" if self.is_cloud else "/search"):
            return self._search(request.body)
        if path == "/issue/bulkfetch" and self.is_cloud:
            found = [self.current(int(one)) for one in request.body["issueIdsOrKeys"]]
            fields = request.body["fields"]
            return Answer({"issues": [self.shown(one, fields) for one in found if one]})
        if match := re.fullmatch(r"/issue/(\d+)", path):
            thing = self.current(int(match[1]))
            fields = request.one("fields").split(",")
            return Answer(self.shown(thing, fields)) if thing else _missing("Issue")
        if match := re.fullmatch(r"/project/(\w+)", path):
            return _missing("Project") if match[1] in self.hidden else Answer({"key": match[1]})
        self.complaints.append(f"{request.method} {request.path}")
        return Answer({}, 404)

    def shown(self, thing: Thing, fields: list[str]) -> dict[str, Any]:
        done_at = _moment(thing.updated) if thing.state == "done" else None
        parent = {"id": str(thing.parent), "key": self.key(thing.parent)} if thing.parent else None
        values = {
            "summary": thing.title,
            "issuetype": {"name": "Epic" if thing.is_epic else "Story", "subtask": False},
            "project": {"key": thing.project},
            "labels": list(thing.labels),
            "status": {"name": thing.state, "statusCategory": {"key": CATEGORIES[thing.state]}},
            "resolutiondate": done_at,
            "statuscategorychangedate": _moment(thing.updated),
            "assignee": {"displayName": "Ada", "accountId": "5b10a2844c20165700ede21g"},
            "duedate": "2026-09-01",
            "timeoriginalestimate": 144_000,
            "created": _moment(thing.created),
            "updated": _moment(thing.updated),
            SLO_BURN: 14.4,
            **({"parent": parent} if self.is_cloud else {EPIC_LINK: (parent or {}).get("key")}),
        }
        return {
            "id": str(thing.id),
            "key": self.key(thing.id),
            "fields": {name: values[name] for name in fields if name in values},
        }

    def key(self, one: int) -> str:
        newest = next(thing for _, thing in reversed(self.history[one]) if thing)
        return f"{newest.project}-{one - 10_000}"

    def _fields(self) -> list[dict[str, Any]]:
        link = {"custom": "com.pyxis.greenhopper.jira:gh-epic-link"}
        return [
            {"id": "summary", "name": "Summary", "schema": {"system": "summary"}},
            {"id": EPIC_LINK, "name": "Lien d'epic", "schema": link},
            # Names are not unique.
            {"id": "customfield_10100", "name": "SLO burn", "schema": {"type": "string"}},
            {"id": SLO_BURN, "name": "SLO Burn", "schema": {"type": "number"}},
            {"id": POINTS, "name": "Story Points", "schema": {"type": "number"}},
        ]

    def _search(self, body: dict[str, Any]) -> Answer:
        jql, _, order = body["jql"].partition(" ORDER BY ")
        parts = jql.split(" AND ")
        if order != "created ASC, key ASC":
            self.complaints.append(order)
        family: set[int] = set()
        label = ""
        since = None
        for part in parts:
            if match := SCOPE.fullmatch(part):
                label = match[1]
            elif (match := CHILDREN.fullmatch(part)) and self.is_cloud:
                family = {int(one) for one in match[1].split(", ")}
            elif (match := LINKED.fullmatch(part)) and not self.is_cloud:
                keys = {key.strip('"') for key in match[1].split(", ")}
                ids = {one for one in self.history if self.key(one) in keys}
                family = ids
            elif match := CHANGED.fullmatch(part):
                since = (self.clock - timedelta(minutes=int(match[1]))).replace(second=0)
            else:
                return Answer({"errorMessages": [f"Error in the JQL Query: {part}"]}, 400)
        for one in family:
            if self.current(one) is None:
                words = [f"An issue with key '{one}' does not exist for field 'parent'."]
                return Answer({"errorMessages": words}, 400)
        found = self.searched(
            lambda thing: (
                (label in thing.labels if label else thing.parent in family)
                and (since is None or thing.updated >= since)
            )
        )
        size = min(int(body["maxResults"]), self.page_size)
        fields = body["fields"]
        if self.is_cloud:
            after = int(body.get("nextPageToken") or 0)
            left = [thing for thing in found if thing.id > after]
            page = {"issues": [self.shown(one, fields) for one in left[:size]]}
            is_last = len(left) <= size
            token = {} if is_last else {"nextPageToken": str(left[size - 1].id)}
            return Answer({**page, **token, "isLast": is_last})
        start = int(body.get("startAt", 0))
        issues = [self.shown(one, fields) for one in found[start : start + size]]
        page = {"startAt": start, "maxResults": size, "total": len(found), "issues": issues}
        return Answer(page)


def _moment(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03d}+0000"


def _missing(what: str) -> Answer:
    return Answer({"errorMessages": [f"{what} does not exist or you do not have permission"]}, 404)
