"""An Azure DevOps organization: work items, queries that lag behind, people who edit meanwhile.

It holds to what the real one does where the tracker depends on it: queries see a write only
after `lag` on its own clock, tags are matched whole and in any case, a `test` of the revision
fails with 412, rules of fields with 400, unknown credentials with a page to sign in and 203.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import unquote

from .loopback import Answer, Request, Vendor

ORGANIZATION = "acme"
PROJECT = "Modernization"
PROJECT_ID = "8a5f2c1e-0000-4000-8000-000000000001"
PAT = "pat-5f3a9c21e7"
ME = {"id": "11111111-AAAA-4000-8000-000000000001", "displayName": "paydown service"}
PERSON = {"id": "22222222-bbbb-4000-8000-000000000002", "displayName": "Ana"}
PEOPLE = {"ana@example.com", "edge@example.com"}
JSON_PATCH = "application/json-patch+json"
Json = dict[str, Any]

KINDS = {
    "System.Title": "string", "System.Description": "html", "System.Tags": "plainText",
    "System.AreaPath": "treePath", "System.AssignedTo": "string", "System.State": "string",
    "System.History": "history", "Microsoft.VSTS.Common.Priority": "integer",
    "Microsoft.VSTS.Scheduling.Effort": "double",
    "Microsoft.VSTS.Scheduling.TargetDate": "dateTime",
    "Custom.Score": "integer", "Custom.SLOBurn": "double", "Custom.Budget": "double",
    "Custom.Maturity": "string", "Custom.Risk": "string", "Custom.CostCentre": "string",
}  # fmt: skip
# People as they are shown, who may be named by their address as well.
SUGGESTED = {"System.AssignedTo": ["Ana", "Edge team"]}
STATES = {"New": "Proposed", "Active": "InProgress", "Closed": "Completed", "Removed": "Removed"}


@dataclass
class Type:
    """A work item type; `required` fields have no default."""

    fields: list[str] = field(default_factory=lambda: list(KINDS))
    states: dict[str, str] = field(default_factory=lambda: dict(STATES))
    ways: dict[str, list[str]] | None = None
    required: set[str] = field(default_factory=lambda: {"System.Title"})
    allowed: dict[str, list[str]] = field(default_factory=dict)


class AzureDevOps(Vendor):
    """`tick` moves its clock, on which queries catch up `lag_seconds` after a write."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = datetime(2026, 6, 26, 16, tzinfo=UTC)
        self.lag_seconds = 5.0
        self.projects = {PROJECT: PROJECT_ID, "Other": "8a5f2c1e-0000-4000-8000-000000000002"}
        self.types = {"Epic": Type(), "User Story": Type()}
        self.past: list[Request] = []
        self.items: dict[int, Json] = {}
        self.updates: dict[int, list[Json]] = {}
        self.indexed: dict[int, list[tuple[datetime, Json]]] = {}
        self.bin: dict[int, Json] = {}
        self.queries: dict[str, Json] = {"Shared Queries": {"isFolder": True}}
        self.areas = {PROJECT, f"{PROJECT}\\Edge"}
        self.read_only_areas: set[str] = set()
        self.is_signed_out = False
        self.storm = 0
        self.conflict_status = 412
        self.headers: dict[str, str] = {}

    def now(self) -> datetime:
        return self.clock

    def tick(self, seconds: float = 60) -> None:
        self.clock += timedelta(seconds=seconds)

    def edit(self, item_id: int, who: Json = PERSON, **fields: Any) -> None:
        """A change by hand; names are `Custom_Score` for `Custom.Score`."""
        named = {name.replace("_", "."): value for name, value in fields.items()}
        self._write(item_id, self.items[item_id]["fields"] | named, who, {})

    def delete(self, item_id: int) -> None:
        self.bin[item_id] = self.items.pop(item_id)
        self.bin[item_id]["deletedDate"] = f"{self.clock:%Y-%m-%dT%H:%M:%S}.87Z"

    def rename_project(self, old: str, new: str) -> None:
        self.projects[new] = self.projects.pop(old)
        for item in self.items.values():
            if item["fields"]["System.TeamProject"] == old:
                item["fields"]["System.TeamProject"] = new

    def answer(self, request: Request) -> Answer:
        if self.storm:
            self.storm -= 1
            return Answer({"message": "TF400733: blocked"}, 429, {"Retry-After": "3"})
        token = base64.b64encode(f":{PAT}".encode()).decode()
        if self.is_signed_out or request.headers.get("authorization") != f"Basic {token}":
            page = b"<html><title>Azure DevOps Services | Sign In</title></html>"
            return Answer(page, 203, {"Content-Type": "text/html; charset=utf-8"})
        if not re.fullmatch(r"7\.1(-preview)?", request.one("api-version")):
            return fault(400, "VssVersionNotSpecifiedException", "No api-version was supplied")
        wanted = JSON_PATCH if "/workitems/" in request.path else "application/json"
        if request.body is not None and request.headers["content-type"] != wanted:
            return fault(415, "VssRequestContentTypeNotSupported", f"must be {wanted}")
        organization, *rest = unquote(request.path).strip("/").split("/")
        if organization != ORGANIZATION or "_apis" not in rest:
            return Answer(b"<html>404</html>", 404, {"Content-Type": "text/html"})
        at = rest.index("_apis")
        project = None
        if at == 1:
            project = self._project(rest[0])
            if project is None:
                return fault(
                    404, "ProjectDoesNotExistWithNameException",
                    f"TF200016: The following project does not exist: {rest[0]}. Verify it.",
                )  # fmt: skip
        answer = self._route(request, project, [part.lower() for part in rest[at + 1 :]], rest)
        answer.headers |= self.headers
        return answer

    def _project(self, name: str) -> str | None:
        for one, its_id in self.projects.items():
            if name.casefold() in (one.casefold(), its_id):
                return one
        return None

    def _route(
        self, request: Request, project: str | None, path: list[str], raw: list[str]
    ) -> Answer:
        match (request.method, *path):
            case ("GET", "connectiondata"):
                user = {"id": ME["id"].lower(), "providerDisplayName": ME["displayName"]}
                return Answer({"authenticatedUser": user})
            case ("GET", "projects", _):
                name = self._project(raw[-1])
                if name is None:
                    return fault(404, "ProjectDoesNotExist", f"TF200016: no project {raw[-1]}.")
                return Answer({"id": self.projects[name], "name": name, "state": "wellFormed"})
            case ("GET", "wit", "fields"):
                return values(
                    {"referenceName": n, "type": k, "isIdentity": n == "System.AssignedTo"}
                    for n, k in KINDS.items()
                )
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
                    return fault(404, "WorkItemUnauthorizedAccessException",
                                 f"TF401232: Work item {item_id} does not exist.")  # fmt: skip
                if part == ["updates"]:
                    skip, top = int(request.one("$skip", "0")), int(request.one("$top", "200"))
                    return values(self.updates[item_id][skip : skip + top])
                if method == "PATCH":
                    return self._patch(item_id, request.body)
                return Answer(self.items[item_id])
            case (method, "wit", "queries", *_) if project:
                return self._query(method, "/".join(raw[raw.index("queries") + 1 :]), request.body)
        return Answer({"message": "no such route"}, 404)

    def _type(self, name: str, part: list[str]) -> Answer:
        one = self.types.get(name)
        if one is None:
            return fault(404, "WorkItemTypeNotFoundException", f"VS402323: no type {name}")
        if part == ["fields"]:
            return values(
                {
                    "referenceName": reference,
                    "alwaysRequired": reference in one.required,
                    "allowedValues": SUGGESTED.get(reference) or one.allowed.get(reference, []),
                    "defaultValue": None,
                }
                for reference in one.fields
            )
        states = [{"name": name, "category": what} for name, what in one.states.items()]
        ways = {s: [{"to": to} for to in tos] for s, tos in (one.ways or {}).items()}
        return Answer({"name": name, "states": states, "transitions": ways, "isDisabled": False})

    def _wiql(self, request: Request, project: str) -> Answer:
        query = str(request.body["query"])
        if len(query) > 32_000 or "@project" not in query:
            return fault(400, "QueryException", "TF51006: the query is too long or wrong")
        clause = r"\[System\.Tags\] CONTAINS '((?:[^']|'')*)'"
        tags = {tag.replace("''", "'").casefold() for tag in re.findall(clause, query)}
        found = [n for n in self.items if tags & self._seen_tags(n, project)]
        return Answer({"queryType": "flat", "workItems": [{"id": n} for n in reversed(found)]})

    def _seen_tags(self, item_id: int, project: str) -> set[str]:
        """The tags that the index knows of by now."""
        lag = timedelta(seconds=self.lag_seconds)
        seen = [fields for at, fields in self.indexed[item_id] if at + lag <= self.clock]
        if not seen or self.items[item_id]["fields"]["System.TeamProject"] != project:
            return set()
        return {tag.strip().casefold() for tag in seen[-1].get("System.Tags", "").split(";")}

    def _batch(self, body: Json) -> Answer:
        if len(body["ids"]) > 200:
            return fault(400, "VssPropertyValidationException", "VS403474: at most 200 ids")
        found: list[Json | None] = []
        for number in body["ids"]:
            item = self.items.get(number)
            if item is not None:
                kept = {k: v for k, v in item["fields"].items() if k in body["fields"]}
                item = {**item, "fields": kept}
            elif body.get("errorPolicy") != "omit":
                return fault(404, "WorkItemUnauthorizedAccessException", f"TF401232: {number}")
            found.append(item)
        return values(found)

    def _create(self, request: Request, project: str, type_name: str) -> Answer:
        fields: Json = {
            "System.TeamProject": project, "System.WorkItemType": type_name,
            "System.State": "New", "System.AreaPath": project,
            "Microsoft.VSTS.Common.Priority": 2,
        }  # fmt: skip
        if type_name not in self.types:
            return fault(404, "WorkItemTypeNotFoundException", f"VS402323: no type {type_name}")
        relations, broken = self._apply(fields, request.body)
        if broken or (broken := self._broken(type_name, fields)):
            return broken
        item_id = 4711 + len(self.updates)
        if request.one("validateOnly") == "true":
            return Answer({"id": None, "rev": None, "fields": fields})
        self.updates[item_id], self.indexed[item_id] = [], []
        self.items[item_id] = {"id": item_id, "rev": 0, "fields": {}}
        self._write(item_id, fields, ME, {"added": relations} if relations else {})
        for one in relations:
            parent = int(one["url"].rsplit("/", 1)[1])
            link = {"rel": "System.LinkTypes.Hierarchy-Forward", "url": f"/{item_id}"}
            self._write(parent, self.items[parent]["fields"], ME, {"added": [link]})
        return Answer(self.items[item_id])

    def _patch(self, item_id: int, operations: list[Json]) -> Answer:
        item = self.items[item_id]
        for one in operations:
            if one["op"] == "test" and one["value"] != item["rev"]:
                return fault(self.conflict_status, "TestPatchOperationFailedException",
                             "VS403351: Test Operation for path /rev failed.")  # fmt: skip
        fields = dict(item["fields"])
        _, broken = self._apply(fields, operations)
        if broken or (broken := self._broken(fields["System.WorkItemType"], fields)):
            return broken
        self._write(item_id, fields, ME, {})
        return Answer(item)

    def _apply(self, fields: Json, operations: list[Json]) -> tuple[list[Json], Answer | None]:
        relations: list[Json] = []
        for one in operations:
            name = one["path"].removeprefix("/fields/")
            if one["path"] == "/relations/-":
                if int(one["value"]["url"].rsplit("/", 1)[1]) not in self.items:
                    return [], fault(404, "WorkItemLinkException", "TF401232: no such parent.")
                relations.append(one["value"])
            elif one["op"] == "remove":
                fields.pop(name)
            elif one["op"] == "add":
                if name not in KINDS:
                    return [], fault(400, "FieldNotFound", f"TF51535: Cannot find field {name}.")
                fields[name] = one["value"]
        if fields.get("System.AreaPath") not in self.areas:
            return [], fault(400, "InvalidTreeName", "TF401347: Invalid tree name given.")
        if fields["System.AreaPath"] in self.read_only_areas:
            return [], fault(403, "Unauthorized", "TF237111: no permissions under that area path.")
        return relations, None

    def _broken(self, type_name: str, fields: Json) -> Answer | None:
        one = self.types[type_name]
        rules = {n: "required, invalidEmpty" for n in sorted(one.required) if not fields.get(n)}
        if fields.get("System.AssignedTo") not in (None, *PEOPLE):
            rules["System.AssignedTo"] = "hasValues, limitedToValues, invalidListValue"
        for name, wanted in one.allowed.items():
            if name in fields and fields[name] not in wanted:
                rules[name] = "hasValues, limitedToValues, invalidListValue"
        if not rules:
            return None
        errors = [
            {
                "fieldReferenceName": name,
                "fieldStatusFlags": flags,
                "errorMessage": f"TF401320: Rule Error for field {name}. Error code: {flags}.",
            }
            for name, flags in rules.items()
        ]
        said = {"FieldReferenceName": None, "RuleValidationErrors": errors}
        return fault(400, "RuleValidationException", errors[0]["errorMessage"], said)

    def _write(self, item_id: int, fields: Json, who: Json, relations: Json) -> None:
        item = self.items[item_id]
        old, fields = item["fields"], dict(fields)
        told = fields.pop("System.History", None)
        if fields.get("System.State") != old.get("System.State"):
            fields["Microsoft.VSTS.Common.StateChangeDate"] = f"{self.clock:%Y-%m-%dT%H:%M:%SZ}"
            fields.pop("Microsoft.VSTS.Common.ClosedDate", None)
            if fields["System.State"] == "Closed":
                fields["Microsoft.VSTS.Common.ClosedDate"] = f"{self.clock:%Y-%m-%dT%H:%M:%SZ}"
        item["fields"], item["rev"] = fields, item["rev"] + 1
        changed = {
            name: {"oldValue": old.get(name), "newValue": fields.get(name)}
            for name in old.keys() | fields.keys()
            if old.get(name) != fields.get(name)
        }
        if told:
            changed["System.History"] = {"newValue": told}
        changed["System.Rev"] = {"newValue": item["rev"]}
        update = {"id": item["rev"], "rev": item["rev"], "revisedBy": who, "fields": changed}
        self.updates[item_id].append(update | ({"relations": relations} if relations else {}))
        self.indexed[item_id].append((self.clock, fields))

    def _query(self, method: str, path: str, body: Json | None) -> Answer:
        if path not in self.queries:
            return fault(404, "QueryItemNotFoundException", f"TF401243: no query {path}")
        if method == "POST":
            assert body is not None
            name = f"{path}/{body['name']}"
            if name in self.queries:
                return fault(400, "LegacyQueryItemException", "TF237018: the name is taken")
            self.queries[name] = dict(body)
        elif method == "PATCH":
            self.queries[path] |= body or {}
        # The server writes keywords anew.
        one = self.queries[path]
        return Answer({**one, "wiql": one.get("wiql", "").replace("SELECT", "select")})


def values(items: Iterable[Any]) -> Answer:
    listed = list(items)
    return Answer({"count": len(listed), "value": listed})


def fault(status: int, kind: str, message: str, properties: Json | None = None) -> Answer:
    return Answer({"message": message, "typeKey": kind, "customProperties": properties}, status)
