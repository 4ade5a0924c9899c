"""An Azure DevOps organization: work items, queries that lag behind, people who edit meanwhile.

It holds to what the real one does where the tracker depends on it: queries see a write only
after `lag` on its own clock, tags are matched whole and in any case, a `test` of the revision
fails with 412, rules of fields with 400, unknown credentials with a page to sign in and 203.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote

from .loopback import Answer, Request
from .tracker_people import People, Thing
from .vendor_azure_devops_types import (
    INVALID,
    JSON_PATCH,
    KINDS,
    NAMES,
    ORGANIZATION,
    PAT,
    PEOPLE,
    PROJECT,
    PROJECT_ID,
    READ_ONLY,
    SUGGESTED,
    Json,
    RefusalError,
    Type,
    refuse,
    refuse_rules,
    values,
)


class AzureDevOps(People):
    """`tick` moves its clock, on which queries catch up `lag` seconds after a write."""

    def __init__(
        self, now: datetime = datetime(2026, 6, 26, 16, tzinfo=UTC), seed: int = 0
    ) -> None:
        super().__init__(now, seed, lag=5.0)
        self.projects = {PROJECT: PROJECT_ID, "Other": "8a5f2c1e-0000-4000-8000-000000000002"}
        self.types = {"Epic": Type(), "User Story": Type()}
        self.items: dict[int, Json] = {}
        # Of each item, every revision: its comment if it has one, and its fields.
        self.updates: dict[int, list[Json]] = {}
        self.bin: dict[int, Json] = {}
        self.areas = {PROJECT, f"{PROJECT}\\Edge"}
        self.read_only_areas: set[str] = set()
        self.is_signed_out = False
        self.authorization = f"Basic {base64.b64encode(f':{PAT}'.encode()).decode()}"
        self.conflict_status = 412

    def edit(self, item_id: int, **fields: Any) -> None:
        """A change by hand; names are `Custom_Score` for `Custom.Score`."""
        named = {name.replace("_", "."): value for name, value in fields.items()}
        self._write(item_id, self.items[item_id]["fields"] | named)

    def delete(self, item_id: int) -> None:
        self.tick(0.001)
        self.bin[item_id] = self.items.pop(item_id)
        self.bin[item_id]["deletedDate"] = f"{self.clock:%Y-%m-%dT%H:%M:%S}.87Z"
        self.note(item_id, None)

    def rename_project(self, old: str, new: str) -> None:
        self.projects[new] = self.projects.pop(old)
        for item in self.items.values():
            if item["fields"]["System.TeamProject"] == old:
                item["fields"]["System.TeamProject"] = new

    def answer(self, request: Request) -> Answer:
        try:
            return self._answer(request)
        except RefusalError as refusal:
            return refusal.answer

    def _answer(self, request: Request) -> Answer:
        if self.is_signed_out or request.headers.get("authorization") != self.authorization:
            page = b"<html><title>Azure DevOps Services | Sign In</title></html>"
            return Answer(page, 203, {"Content-Type": "text/html; charset=utf-8"})
        if not re.fullmatch(r"7\.1(-preview)?", request.one("api-version")):
            refuse(400, "VssVersionNotSpecifiedException", "No api-version was supplied")
        wanted = JSON_PATCH if "/workitems/" in request.path else "application/json"
        if request.body is not None and request.headers["content-type"] != wanted:
            refuse(415, "VssRequestContentTypeNotSupported", f"must be {wanted}")
        organization, *rest = unquote(request.path).strip("/").split("/")
        if organization != ORGANIZATION or "_apis" not in rest:
            return Answer(b"<html>404</html>", 404, {"Content-Type": "text/html"})
        at = rest.index("_apis")
        project = self._project(rest[0]) if at else None
        return self._route(request, project, [part.lower() for part in rest[at + 1 :]], rest)

    def _project(self, name: str) -> str:
        wanted = name.casefold()
        found = [one for one, its_id in self.projects.items() if wanted in (one.casefold(), its_id)]
        if not found:
            refuse(404, "ProjectDoesNotExistWithNameException", f"TF200016: no project {name}.")
        return found[0]

    def _route(
        self, request: Request, project: str | None, path: list[str], raw: list[str]
    ) -> Answer:
        match (request.method, *path):
            case ("GET", "projects", _):
                return Answer({"name": self._project(raw[-1]), "state": "wellFormed"})
            case ("GET", "wit", "fields"):
                return values(
                    {
                        "referenceName": one, "name": NAMES.get(one, one.rsplit(".", 1)[1]),
                        "type": kind, "isIdentity": one == "System.AssignedTo",
                    }
                    for one, kind in {**KINDS, **READ_ONLY}.items()
                )  # fmt: skip
            case ("GET", "wit", "workitemtypes") if project:
                return values({"name": name, **one.shown()} for name, one in self.types.items())
            case ("GET", "wit", "workitemtypes", _, *part) if project:
                return self._type(raw[raw.index("workitemtypes") + 1], part)
            case ("POST", "wit", "wiql") if project:
                return self._wiql(request, project)
            case ("POST", "wit", "workitemsbatch"):
                return self._batch(request.body)
            case ("GET", "wit", "recyclebin") if project:
                ids = map(int, request.one("ids").split(","))
                return values({"id": n, **self.bin[n]} for n in ids if n in self.bin)
            case ("POST", "wit", "workitems", _) if project:
                return self._create(request, project, raw[-1].removeprefix("$"))
            case (method, "wit", "workitems", number, *part):
                item_id = int(number)
                if item_id not in self.items:
                    refuse(404, "WorkItemUnauthorizedAccessException", f"TF401232: no {item_id}.")
                if part == ["updates"]:
                    skip, top = int(request.one("$skip", "0")), int(request.one("$top", "200"))
                    return values(self.updates[item_id][skip : skip + top])
                if method == "PATCH":
                    return self._patch(item_id, request.body)
                return Answer(self.items[item_id])
        return Answer({"message": "no such route"}, 404)

    def _type(self, name: str, part: list[str]) -> Answer:
        one = self.types.get(name)
        if one is None:
            refuse(404, "WorkItemTypeNotFoundException", f"VS402323: no type {name}")
        if part != ["fields"]:
            return Answer({"name": name, **one.shown(), "isDisabled": False})
        lists = {**one.allowed, **SUGGESTED}
        return values({"referenceName": n, "allowedValues": lists.get(n, [])} for n in one.fields)

    def _wiql(self, request: Request, project: str) -> Answer:
        query = str(request.body["query"])
        head, _, rest = query.partition(" WHERE ")
        conditions, _, order = rest.partition(" ORDER BY ")
        if len(query) > 32_000 or not head.startswith("SELECT [System.Id]") or not order:
            refuse(400, "QueryException", "TF51006: the query is too long or wrong")
        if "ChangedDate" in query and request.one("timePrecision") != "true":
            refuse(400, "QueryException", "TF51006: dates without time")
        found = [
            {"id": item_id}
            for item_id, fields in self.indexed()
            if fields["System.TeamProject"] not in self.hidden
            and all(self._holds(one, item_id, fields, project) for one in conditions.split(" AND "))
        ]
        return Answer(
            {"queryType": "flat", "workItems": found[: int(request.one("$top", "20000"))]}
        )

    def _holds(self, condition: str, item_id: int, fields: Json, project: str) -> bool:
        tagged = r"\[System\.Tags\] CONTAINS '((?:[^']|'')*)'"
        if tags := re.findall(tagged, condition):
            wanted = {tag.replace("''", "'").casefold() for tag in tags}
            known = str(fields.get("System.Tags") or "").split(";")
            return bool(wanted & {tag.strip().casefold() for tag in known})
        if condition == "[System.TeamProject] = @project":
            return fields["System.TeamProject"] == project
        if match := re.fullmatch(r"\[System\.Parent\] IN \(([\d, ]+)\)", condition):
            return str(fields.get("System.Parent")) in match[1].split(", ")
        if match := re.fullmatch(r"\[System\.ChangedDate\] >= '(.+)'", condition):
            return fields["System.ChangedDate"] >= match[1].rstrip("Z")
        if match := re.fullmatch(r"\[System\.Id\] > (\d+)", condition):
            return item_id > int(match[1])
        if not condition.startswith("[System.State] NOT IN"):
            self.complaints.append(condition)
        return fields["System.State"] not in ("Closed", "Removed")

    def _batch(self, body: Json) -> Answer:
        if len(body["ids"]) > 200:
            refuse(400, "VssPropertyValidationException", "VS403474: at most 200 ids")
        if unknown := [name for name in body["fields"] if name not in {**KINDS, **READ_ONLY}]:
            refuse(400, "FieldNotFound", f"TF51535: Cannot find field {unknown[0]}.")
        assert body["errorPolicy"] == "omit"
        found: list[Json | None] = []
        for number in body["ids"]:
            fields = self.items.get(number, {}).get("fields", {"System.TeamProject": None})
            is_there = fields["System.TeamProject"] not in (None, *self.hidden)
            # Fields without a value are left out.
            kept = {name: one for name, one in fields.items() if name in body["fields"] and one}
            found.append({**self.items[number], "fields": kept} if is_there else None)
        return values(found)

    def _create(self, request: Request, project: str, type_name: str) -> Answer:
        fields: Json = {
            "System.TeamProject": project, "System.WorkItemType": type_name,
            "System.State": "New", "System.AreaPath": project,
            "Microsoft.VSTS.Common.Priority": 2,
        }  # fmt: skip
        if type_name not in self.types:
            refuse(404, "WorkItemTypeNotFoundException", f"VS402323: no type {type_name}")
        parents = self._apply(fields, request.body)
        if request.one("validateOnly") == "true":
            return Answer({"id": None, "rev": None, "fields": fields})
        for parent in parents:
            fields["System.Parent"] = parent
            self._write(parent, self.items[parent]["fields"])
        return Answer(self.items[self._add(fields)])

    def _add(self, fields: Json) -> int:
        item_id = 4711 + len(self.updates)
        self.updates[item_id] = []
        self.items[item_id] = {"id": item_id, "rev": 0, "fields": {}}
        self._write(item_id, fields | {"System.CreatedDate": self._stamp(), "System.Id": item_id})
        return item_id

    def _patch(self, item_id: int, operations: list[Json]) -> Answer:
        item = self.items[item_id]
        for one in operations:
            if one["op"] == "test" and one["value"] != item["rev"]:
                refuse(self.conflict_status, "TestPatchOperationFailed", "VS403351: /rev failed.")
        fields = dict(item["fields"])
        self._apply(fields, operations)
        ways = self.types[fields["System.WorkItemType"]].ways
        old, new = item["fields"]["System.State"], fields["System.State"]
        if ways and new not in (old, *ways.get(old, ())):
            refuse_rules({"System.State": INVALID})
        self._write(item_id, fields)
        return Answer(item)

    def _apply(self, fields: Json, operations: list[Json]) -> list[int]:
        """Returns the ids of parents that were linked."""
        parents: list[int] = []
        for one in operations:
            name = one["path"].removeprefix("/fields/")
            if one["path"] == "/relations/-":
                assert one["value"]["rel"] == "System.LinkTypes.Hierarchy-Reverse"
                parent = int(one["value"]["url"].rsplit("/", 1)[1])
                if parent not in self.items:
                    refuse(404, "WorkItemLinkException", "TF401232: no such parent.")
                parents.append(parent)
            elif one["op"] == "add":
                if name not in KINDS:
                    refuse(400, "FieldNotFound", f"TF51535: Cannot find field {name}.")
                fields[name] = one["value"]
        if fields.get("System.AreaPath") not in self.areas:
            refuse(400, "InvalidTreeName", "TF401347: Invalid tree name given.")
        if fields["System.AreaPath"] in self.read_only_areas:
            refuse(403, "Unauthorized", "TF237111: no permissions under that area path.")
        one = self.types[fields["System.WorkItemType"]]
        rules = {n: "required, invalidEmpty" for n in sorted(one.required) if not fields.get(n)}
        lists = {"System.AssignedTo": PEOPLE, **one.allowed}
        rules |= {
            n: INVALID
            for n, allowed in lists.items()
            if fields.get(n, None) not in (None, *allowed)
        }
        if rules:
            refuse_rules(rules)
        return parents

    def _write(self, item_id: int, fields: Json) -> None:
        self.tick(0.001)
        item, fields = self.items[item_id], dict(fields)
        comment = fields.pop("System.History", None)
        if fields.get("System.State") != item["fields"].get("System.State"):
            fields["Microsoft.VSTS.Common.StateChangeDate"] = self._stamp()
            is_closed = fields["System.State"] == "Closed"
            fields["Microsoft.VSTS.Common.ClosedDate"] = self._stamp() if is_closed else None
        item["rev"] += 1
        fields |= {"System.Rev": item["rev"], "System.ChangedDate": self._stamp()}
        fields["System.CommentCount"] = fields.get("System.CommentCount", 0) + bool(comment)
        item["fields"] = fields
        history = {"System.History": {"newValue": comment}} if comment else {}
        self.updates[item_id].append({"id": item["rev"], "rev": item["rev"], "fields": history})
        self.note(item_id, dict(fields))

    def _stamp(self) -> str:
        return f"{self.clock:%Y-%m-%dT%H:%M:%S}.{self.clock.microsecond // 1000:03d}Z"

    # `People`.

    def put(self, title: str, labels: Iterable[str], parent: int | None, project: str) -> int:
        kind = "Epic" if title.startswith("epic") else "User Story"
        return self._add({
            "System.Title": title, "System.Tags": "; ".join(labels), "System.Parent": parent,
            "System.TeamProject": project or PROJECT, "System.WorkItemType": kind,
            "System.State": "New", "Custom.SLOBurn": 14.4,
        })  # fmt: skip

    def alter(self, one: int, **values: Any) -> None:
        names = {
            "state": "System_State", "labels": "System_Tags", "parent": "System_Parent",
            "project": "System_TeamProject",
        }  # fmt: skip
        if "state" in values:
            values["state"] = {"done": "Closed", "active": "Active"}[values["state"]]
        if "labels" in values:
            values["labels"] = "; ".join(values["labels"])
        self.edit(one, **{names[name]: value for name, value in values.items()})

    def remove(self, one: int) -> None:
        self.delete(one)

    def things(self) -> dict[int, Thing]:
        found = {}
        for one, item in self.items.items():
            fields = item["fields"]
            if fields["System.TeamProject"] not in self.hidden:
                labels = tuple(filter(None, fields["System.Tags"].split("; ")))
                updated = datetime.fromisoformat(fields["System.ChangedDate"])
                parent = fields.get("System.Parent")
                found[one] = Thing(one, fields["System.Title"], labels, parent, updated)
        return found
