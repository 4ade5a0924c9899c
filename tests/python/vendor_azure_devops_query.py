"""Azure DevOps on loopback, as far as epics are read: WIQL over an index that lags, batches."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any
from urllib.parse import unquote

from .loopback import Answer, Request
from .vendor_epic_board import Board, Thing

STATES = {"new": "New", "active": "Active", "done": "Closed"}
FIELDS = {
    "System.Id": "ID", "System.Rev": "Rev", "System.Title": "Title", "System.State": "State",
    "System.WorkItemType": "Work Item Type", "System.TeamProject": "Team Project",
    "System.AssignedTo": "Assigned To", "System.Tags": "Tags", "System.Parent": "Parent",
    "System.CreatedDate": "Created Date", "System.ChangedDate": "Changed Date",
    "Microsoft.VSTS.Common.ClosedDate": "Closed Date",
    "Microsoft.VSTS.Scheduling.Effort": "Effort",
    "Microsoft.VSTS.Scheduling.TargetDate": "Target Date",
    "Custom.Burn": "SLO Burn",
}  # fmt: skip
QUERY = re.compile(r"SELECT \[System.Id\] FROM WorkItems WHERE (.+) ORDER BY \[System.Id\]")


class DevOps(Board):
    """One organization. A process that lacks some of the usual fields."""

    def __init__(self, now: datetime, seed: int = 0) -> None:
        super().__init__(now, seed)
        self.largest_page = 4

    def answer(self, request: Request) -> Answer:
        path = re.sub("^(/Team Reliability)?/_apis/wit", "", unquote(request.path))
        if request.one("api-version") != "7.1":
            self.complaints.append(f"{request.path} without a version")
        if path == "/fields":
            return _listed({"name": name, "referenceName": ref} for ref, name in FIELDS.items())
        if path == "/workitemtypes":
            categories = {"New": "Proposed", "Active": "InProgress", "Closed": "Completed"}
            states = [{"name": name, "category": kind} for name, kind in categories.items()]
            return _listed({"name": name, "states": states} for name in ("Epic", "User Story"))
        if path == "/recyclebin":
            return _listed(
                {"id": one} for one in map(int, request.one("ids").split(",")) if one in self.bin
            )
        if path == "/wiql":
            return self._query(request)
        if path == "/workitemsbatch":
            return self._batch(request.body)
        self.complaints.append(f"{request.method} {request.path}")
        return Answer({}, 404)

    def _query(self, request: Request) -> Answer:
        match = QUERY.fullmatch(request.body["query"])
        if not match or request.one("timePrecision") != "true":
            return Answer({"message": "TF51006: The query statement is missing a clause."}, 400)
        tag, family, since, after = "", set(), None, 0
        for part in match[1].split(" AND "):
            if found := re.fullmatch(r"\[System.Tags\] CONTAINS '([\w-]+)'", part):
                tag = found[1]
            elif found := re.fullmatch(r"\[System.Parent\] IN \(([\d, ]+)\)", part):
                family = {int(one) for one in found[1].split(", ")}
            elif found := re.fullmatch(r"\[System.ChangedDate\] >= '(.+)'", part):
                since = datetime.fromisoformat(found[1])
            elif found := re.fullmatch(r"\[System.Id\] > (\d+)", part):
                after = int(found[1])
            else:
                return Answer({"message": f"TF51005: {part}"}, 400)
        things = self.searched(
            lambda thing: (
                thing.id > after
                and (tag in thing.labels if tag else thing.parent in family)
                and (since is None or thing.updated >= since)
            )
        )
        top = int(request.one("$top"))
        return Answer({"queryType": "flat", "workItems": [{"id": t.id} for t in things[:top]]})

    def _batch(self, body: dict[str, Any]) -> Answer:
        unknown = [name for name in body["fields"] if name not in FIELDS]
        if unknown:
            return Answer({"message": f"TF51535: Cannot find field {unknown[0]}."}, 400)
        if len(body["ids"]) > 200:
            return Answer({"message": "VS403474: at most 200 ids"}, 400)
        things = [self.current(one) for one in body["ids"]]
        if None in things and body.get("errorPolicy") != "omit":
            return Answer({"message": "TF401232: Work item does not exist"}, 404)
        return _listed(self.shown(one, body["fields"]) if one else None for one in things)

    def shown(self, thing: Thing, fields: list[str]) -> dict[str, Any]:
        values = {
            "System.Id": thing.id,
            "System.Rev": thing.rev,
            "System.Title": thing.title,
            "System.State": STATES[thing.state],
            "System.WorkItemType": "Epic" if thing.is_epic else "User Story",
            "System.TeamProject": thing.project,
            "System.AssignedTo": {"displayName": "Ada", "uniqueName": "ada@example.com"},
            "System.Tags": "; ".join(thing.labels) or None,
            "System.Parent": thing.parent,
            "System.CreatedDate": thing.created.isoformat(),
            "System.ChangedDate": thing.updated.isoformat(),
            "Microsoft.VSTS.Common.ClosedDate": (
                thing.updated.isoformat() if thing.state == "done" else None
            ),
            "Microsoft.VSTS.Scheduling.Effort": 5,
            "Microsoft.VSTS.Scheduling.TargetDate": "2026-09-01T00:00:00Z",
            "Custom.Burn": 14.4,
        }
        # Fields without a value are left out.
        kept = {name: values[name] for name in fields if values.get(name) is not None}
        return {"id": thing.id, "rev": thing.rev, "fields": kept}


def _listed(items: Any) -> Answer:
    values = list(items)
    return Answer({"count": len(values), "value": values})
