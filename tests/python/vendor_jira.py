"""A Jira on loopback, as Cloud (REST 3) or Data Center (REST 2): its search lags behind writes."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from .loopback import Answer, Request
from .vendor_jira_state import CATEGORIES, EPIC_LINK, TOKEN, TYPES, USER, Issue, JiraState, Json

ROUTES: list[tuple[str, re.Pattern[str], Callable[..., Answer]]] = []
PAGE = b"<html><body>Oops, you have found a dead link</body></html>"
_STRING = r'"((?:[^"\\]|\\.)*)"'


def route(method: str, pattern: str) -> Callable[[Callable[..., Answer]], Callable[..., Answer]]:
    def add(handler: Callable[..., Answer]) -> Callable[..., Answer]:
        ROUTES.append((method, re.compile(pattern), handler))
        return handler

    return add


def refusal(*messages: str, status: int = 400, errors: Mapping[str, str] | None = None) -> Answer:
    return Answer({"errorMessages": [*messages], "errors": errors or {}}, status)


def paged(items: list[Json], name: str, start: int, size: int) -> Json:
    page = {"startAt": start, "maxResults": size, "total": len(items)}
    return {**page, name: items[start : start + size], "isLast": start + size >= len(items)}


class Jira(JiraState):
    """The whole server."""

    def answer(self, request: Request) -> Answer:
        if given := self.refusals.get(len(self.requests) - 1):
            return given
        if request.headers.get("authorization") != self.credentials():
            return Answer({"message": f"Unauthorized: {request.headers.get('authorization')}"}, 401)
        path = request.path.removeprefix("/rest/api/3" if self.is_cloud else "/rest/api/2")
        for method, pattern, handler in ROUTES:
            match = pattern.fullmatch(path)
            if match and method == request.method and path != request.path:
                given = match.groups()
                if "issue" in match.groupdict():
                    given = (self.issue(match["issue"]),)
                    if given == (None,):
                        return refusal("Issue does not exist or is hidden.", status=404)
                return handler(self, request, *given)
        return Answer(PAGE, 404, {"Content-Type": "text/html"})

    def credentials(self) -> str:
        if not self.is_cloud:
            return f"Bearer {TOKEN}"
        return "Basic " + base64.b64encode(f"{USER}:{TOKEN}".encode()).decode()

    # What it is and allows.

    @route("GET", "/serverInfo")
    def server_info(self, _: Request) -> Answer:
        kind = "Cloud" if self.is_cloud else "Server"
        return Answer({"deploymentType": kind, "version": "9.12", "versionNumbers": [9, 12]})

    @route("GET", "/myself")
    def myself(self, _: Request) -> Answer:
        return Answer(self.people["bot"])

    @route("GET", "/mypermissions")
    def mypermissions(self, request: Request) -> Answer:
        if self.project(request.one("projectKey")) is None:
            return refusal("No project could be found", status=404)
        wanted = request.one("permissions").split(",")
        granted = {one: {"havePermission": one in self.permissions} for one in wanted}
        return Answer({"permissions": granted})

    @route("GET", "/field")
    def all_fields(self, _: Request) -> Answer:
        return Answer([
            {"id": one, "name": name, "schema": schema}
            for one, (name, schema) in self.fields.items()
        ])  # fmt: skip

    @route("GET", r"/project/([^/]+)")
    def one_project(self, _: Request, key: str) -> Answer:
        found = self.project(key)
        if found is None or "BROWSE_PROJECTS" not in self.permissions:
            return refusal(f"No project could be found with key '{key}'.", status=404)
        return Answer({"id": found.id, "key": found.key, "archived": found.is_archived})

    @route("GET", "/user/assignable/search")
    def assignable(self, request: Request) -> Answer:
        name, shown = ("accountId",) * 2 if self.is_cloud else ("username", "name")
        wanted = request.one(name)
        return Answer([one for one in self.people.values() if wanted in one[shown]])

    @route("GET", r"/issue/createmeta/([^/]+)/issuetypes")
    def types(self, request: Request, key: str) -> Answer:
        is_denied = self.project(key) is None or "CREATE_ISSUES" not in self.permissions
        types = [] if is_denied else [{"id": one, "name": name} for one, name in TYPES.items()]
        return self.meta(request, "issueTypes", types)

    @route("GET", r"/issue/createmeta/([^/]+)/issuetypes/(\d+)")
    def type_fields(self, request: Request, _: str, type_id: str) -> Answer:
        entries = [{"fieldId": one, **self.entry(one)} for one in self.on_create(TYPES[type_id])]
        return self.meta(request, "fields", entries)

    def meta(self, request: Request, name: str, items: list[Json]) -> Answer:
        size = min(self.meta_cap, int(request.one("maxResults", "50")))
        name = name if self.is_cloud else "values"
        return Answer(paged(items, name, int(request.one("startAt", "0")), size))

    def on_create(self, type_name: str) -> list[str]:
        hidden = {EPIC_LINK, "parent"}
        if type_name == "Story":
            hidden = {"customfield_10901", *self.epic_only}
        screen = self.create_screen
        return [one for one in self.fields if one not in hidden and (not screen or one in screen)]

    def entry(self, field_id: str) -> Json:
        name, schema = self.fields[field_id]
        is_required = field_id in {*self.required, "summary", "reporter", "customfield_10901"}
        entry = {"name": name, "schema": schema, "required": is_required, "hasDefaultValue": False}
        if field_id in self.allowed:
            word = "value" if schema["type"] == "option" else "name"
            entry["allowedValues"] = [{word: one} for one in self.allowed[field_id]]
        return entry

    # Issues.

    @route("POST", "/issue")
    def create_issue(self, request: Request) -> Answer:
        fields = request.body["fields"]
        if wrong := self.wrong_to_create(fields):
            return refusal(errors=wrong)
        properties = {one["key"]: one["value"] for one in request.body.get("properties", ())}
        issue = self.add(self.projects[fields["project"]["id"]], fields, properties)
        return Answer({"id": issue.id, "key": issue.key}, 201)

    def wrong_to_create(self, fields: Json) -> Mapping[str, str]:
        project = self.projects.get(fields["project"]["id"])
        if project is None or project.is_archived:
            return {"project": "valid project is required"}
        if "CREATE_ISSUES" not in self.permissions:
            return {"project": "Sie haben keine Berechtigung."}
        shown = self.on_create(TYPES[fields["issuetype"]["id"]])
        wrong = {
            one: f"Field '{one}' cannot be set. It is not on the appropriate screen, or unknown."
            for one in fields
            if one not in {*shown, "project", "issuetype"}
        }
        for one in shown:
            if self.entry(one)["required"] and one != "reporter" and not fields.get(one):
                wrong[one] = f"{self.fields[one][0]} is required."
        return wrong | self.wrong_values(fields)

    def wrong_values(self, fields: Json) -> dict[str, str]:
        given = {one: value for one, value in fields.items() if value is not None}
        return {one: "is not valid." for one in given if not self.is_right(one, given[one])}

    def is_right(self, one: str, value: Any) -> bool:
        schema = self.fields.get(one, ("", {}))[1]
        kind, custom = schema.get("type"), schema.get("custom", "")
        if one in self.allowed:
            items = value if isinstance(value, list) else [value]
            return {name for item in items for name in item.values()} <= {*self.allowed[one]}
        if one == "assignee":
            return any(value.items() <= person.items() for person in self.people.values())
        if one == "parent":
            return self.issue(value.get("id") or value.get("key")) is not None
        if custom.endswith("gh-epic-link"):
            return self.issue(value) is not None
        if one == "description" or custom.endswith(":textarea"):
            return isinstance(value, dict) is self.is_cloud
        kinds: dict[Any, Any] = {"number": int | float, "string": str, "date": str, "array": list}
        return isinstance(value, kinds.get(kind, object))

    @route("POST", "/issue/bulkfetch")
    def bulk_fetch(self, request: Request) -> Answer:
        names = request.body["issueIdsOrKeys"]
        if not self.is_cloud or len(names) > 100:
            return refusal("no", status=404)
        issues = filter(None, map(self.issue, names))
        page = [self.shown(one, request.body["fields"]) for one in issues]
        return Answer({"issues": page, "issueErrors": []})

    @route("GET", r"/issue/(?P<issue>[\w-]+)")
    def get_issue(self, request: Request, issue: Issue) -> Answer:
        shown = self.shown(issue, request.one("fields").split(","))
        if request.one("expand") == "editmeta":
            shown["editmeta"] = {"fields": {one: self.entry(one) for one in self.editable()}}
        return Answer(shown)

    def editable(self) -> list[str]:
        if "EDIT_ISSUES" not in self.permissions:
            return []
        return [one for one in self.fields if self.edit_screen is None or one in self.edit_screen]

    @route("PUT", r"/issue/(?P<issue>[\w-]+)")
    def put_issue(self, request: Request, issue: Issue) -> Answer:
        if issue.project.is_archived:
            return refusal("The issue is archived.")
        fields = request.body["fields"]
        wrong = {one: "cannot be set" for one in fields if one not in self.editable()}
        if wrong := wrong | self.wrong_values(fields):
            return refusal(errors=wrong)
        self.edit(issue, **fields)
        return Answer(b"", 204)

    @route("GET", r"/issue/(?P<issue>[\w-]+)/comment")
    def comments(self, request: Request, issue: Issue) -> Answer:
        assert request.one("orderBy") == "-created"
        start = int(request.one("startAt", "0"))
        return Answer(paged(issue.comments[::-1], "comments", start, self.comment_cap))

    @route("POST", r"/issue/(?P<issue>[\w-]+)/comment")
    def post_comment(self, request: Request, issue: Issue) -> Answer:
        if "ADD_COMMENTS" not in self.permissions or issue.id in self.locked:
            return refusal("You do not have the permission to comment on this issue.", status=403)
        body = request.body["body"]
        if isinstance(body, dict) is not self.is_cloud or issue.project.is_archived:
            return refusal(errors={"comment": "Comment body is not valid!"})
        return Answer(self.comment(issue, body, "bot"), 201)

    @route("GET", r"/issue/(?P<issue>[\w-]+)/transitions")
    def transitions(self, _: Request, issue: Issue) -> Answer:
        return Answer({"transitions": self.ways(issue)})

    def ways(self, issue: Issue) -> list[Json]:
        if "TRANSITION_ISSUES" not in self.permissions:
            return []
        return [
            {
                "id": str(number),
                "name": f"Move to {status}",
                "to": {"name": status, "statusCategory": {"key": CATEGORIES[status]}},
                "fields": self.transition_fields if status == "Done" else {},
            }
            for number, status in enumerate(self.workflow.get(issue.fields["status"], ()), 11)
        ]

    @route("POST", r"/issue/(?P<issue>[\w-]+)/transitions")
    def transition(self, request: Request, issue: Issue) -> Answer:
        for way in self.ways(issue):
            if way["id"] == request.body["transition"]["id"]:
                given = request.body.get("fields", {})
                if missing := {one: "is required" for one in way["fields"] if one not in given}:
                    return refusal(errors=missing)
                if "resolution" in given:
                    self.edit(issue, resolutiondate=self.stamp())
                self.move_to(issue, way["to"]["name"])
                return Answer(b"", 204)
        return refusal("It seems that you have tried to perform an illegal workflow operation.")

    # Queries.

    @route("POST", "/search/jql")
    def search_by_token(self, request: Request) -> Answer:
        if not self.is_cloud or (wrong := self.wrong_query(request.body["jql"])):
            return refusal(*(wrong if self.is_cloud else ["no"]))
        after = int(request.body.get("nextPageToken", "token-0").removeprefix("token-"))
        left = [one for one in self.found(request.body["jql"]) if int(one.id) > after]
        size = min(self.page_cap, request.body["maxResults"])
        page = [self.shown(one, request.body["fields"]) for one in left[:size]]
        token = {"nextPageToken": f"token-{left[size - 1].id}"} if len(left) > size else {}
        return Answer({"issues": page, "isLast": not token, **token})

    @route("POST", "/search")
    def search_by_offset(self, request: Request) -> Answer:
        asked = request.body
        if self.is_cloud:
            return refusal("The requested API has been removed.", status=410)
        if wrong := self.wrong_query(asked["jql"]):
            return refusal(*wrong)
        found = [self.shown(one, asked["fields"]) for one in self.found(asked["jql"])]
        size = min(self.page_cap, asked["maxResults"])
        return Answer(paged(found, "issues", asked.get("startAt", 0), size))

    def found(self, jql: str) -> list[Issue]:
        """Issues as the index knows them, by their id."""
        clauses, _, order = jql.partition(" ORDER BY ")
        if order != "created ASC, key ASC" and "priority" not in order:
            self.complaints.append(f"order {order}")
        shown = []
        for _, issue in self.indexed():
            if issue.project.is_archived or issue.project.key in self.hidden:
                continue
            if all(self.holds(clause, issue) for clause in clauses.split(" AND ")):
                shown.append(issue)
        return shown

    def holds(self, clause: str, issue: Issue) -> bool:
        if match := re.fullmatch(rf"labels (?:in \(.*\)|= {_STRING})", clause):
            return bool({*re.findall(_STRING, clause)} & {*issue.fields.get("labels", ())})
        if match := re.fullmatch(r"parent in \(([\d, ]+)\)", clause):
            return str(self.parent_of(issue.fields)) in match[1].split(", ")
        if match := re.fullmatch(r'"Epic Link" in \((.*)\)', clause):
            return issue.fields.get(EPIC_LINK) in re.findall(_STRING, match[1])
        if match := re.fullmatch(r"updated >= -(\d+)m", clause):
            since = (self.clock - timedelta(minutes=int(match[1]))).replace(second=0, microsecond=0)
            return issue.fields["updated"] >= f"{since:%Y-%m-%dT%H:%M:%S}"
        if not clause.startswith(("project in", "statusCategory")):
            self.complaints.append(clause)
        return False

    def wrong_query(self, jql: str) -> list[str]:
        names = {name for name, _ in self.fields.values()}
        fields = [name for name in re.findall(r'"([^"]+)" DESC', jql) if name not in names]
        listed = re.search(r"(?:parent|\"Epic Link\") in \((.*?)\)", jql)
        named = listed[1].replace('"', "").split(", ") if listed else []
        return [
            *(f"Field '{name}' does not exist or you do not have permission." for name in fields),
            *(f"An issue with key '{one}' does not exist." for one in named if not self.issue(one)),
        ]

    @route("POST", "/jql/parse")
    def parse(self, request: Request) -> Answer:
        queries = [
            {"query": one, "errors": wrong} if (wrong := self.wrong_query(one)) else {"query": one}
            for one in request.body["queries"]
        ]
        return Answer({"queries": queries})
