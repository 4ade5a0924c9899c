"""A Jira on loopback, as Cloud (REST 3) or Data Center (REST 2): its search lags behind writes."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Iterable, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from .loopback import Answer, Request, Vendor

Json = dict[str, Any]

USER, TOKEN = "paydown@example.com", "tok-51c0ffee"
TYPES = {"10001": "Epic", "10002": "Story"}
CATEGORIES = {"To Do": "new", "In Progress": "indeterminate", "Done": "done", "Rejected": "done"}
CUSTOM = "com.atlassian.jira.plugin.system.customfieldtypes:"
PAGE = b"<html><body>Oops, you have found a dead link</body></html>"
# Dates that follow from what the history does tell.
UNLOGGED = {"statuscategorychangedate"}
ROUTES: list[tuple[str, re.Pattern[str], Callable[..., Answer]]] = []
RESOLUTION = {
    "required": True, "name": "Resolution", "schema": {"type": "resolution"},
    "allowedValues": [{"name": "Fixed"}, {"name": "Done"}],
}  # fmt: skip


def route(method: str, pattern: str) -> Callable[[Callable[..., Answer]], Callable[..., Answer]]:
    def add(handler: Callable[..., Answer]) -> Callable[..., Answer]:
        ROUTES.append((method, re.compile(pattern), handler))
        return handler

    return add


def refusal(*messages: str, status: int = 400, errors: Mapping[str, str] | None = None) -> Answer:
    return Answer({"errorMessages": [*messages], "errors": errors or {}}, status)


@dataclass
class Project:
    id: str
    key: str
    former_keys: list[str] = field(default_factory=list)
    is_archived: bool = False
    issues: int = 0


@dataclass
class Issue:
    id: str
    project: Project
    number: int
    fields: Json
    creator: Json
    properties: Json
    comments: list[Json] = field(default_factory=list)
    changes: list[Json] = field(default_factory=list)

    @property
    def key(self) -> str:
        return f"{self.project.key}-{self.number}"


class Jira(Vendor):
    """
    Attributes:
        lag: seconds until the search sees a write.
        refusals: answers in place of the server's own, by the number of the request.
        required: fields (by id) that every create must fill.
        create_screen, edit_screen: ids of fields there; None for all.
        epic_only: ids of fields that only the screen of epics has.
        locked: ids of issues that take no comment from us, whatever their project grants.
        page_cap, meta_cap, history_cap: the most that one answer holds.
    """

    def __init__(self, *, is_cloud: bool = True, lag: float = 30) -> None:
        super().__init__()
        self.is_cloud = is_cloud
        self.lag = lag
        self.clock = datetime(2026, 6, 26, 12, tzinfo=UTC)
        self.me = self.person("bot", "Paydown Bot")
        self.people = {"ana": self.person("ana", "Ana"), "bot": self.me}
        self.projects = {"100": Project("100", "MOD"), "200": Project("200", "PAY")}
        self.issues: dict[str, Issue] = {}
        self.filters: list[Json] = []
        self.permissions = {
            "BROWSE_PROJECTS", "CREATE_ISSUES", "EDIT_ISSUES", "ADD_COMMENTS", "TRANSITION_ISSUES",
        }  # fmt: skip
        self.refusals: dict[int, Answer] = {}
        self.locked: set[str] = set()
        self.required: set[str] = set()
        self.create_screen: set[str] | None = None
        self.edit_screen: set[str] | None = None
        self.epic_only: set[str] = set()
        self.page_cap = 100
        self.meta_cap = 4
        self.history_cap = 100
        self.version = [9, 12, 0]
        self.transition_fields: Json = {"resolution": deepcopy(RESOLUTION)}
        self.workflow = {
            "To Do": ("In Progress", "Done", "Rejected"),
            "In Progress": ("Done", "Rejected"),
        }
        self.index: dict[str, list[tuple[datetime, Json | None]]] = {}
        self.fields = {
            "summary": ("Summary", {"type": "string", "system": "summary"}),
            "description": ("Description", {"type": "string", "system": "description"}),
            "labels": ("Labels", {"type": "array", "items": "string", "system": "labels"}),
            "duedate": ("Due date", {"type": "date", "system": "duedate"}),
            "priority": ("Priority", {"type": "priority", "system": "priority"}),
            "assignee": ("Assignee", {"type": "user", "system": "assignee"}),
            "reporter": ("Reporter", {"type": "user", "system": "reporter"}),
            "components": ("Component/s", {"type": "array", "items": "component"}),
            "customfield_10201": ("SLO Burn", {"type": "number", "custom": CUSTOM + "float"}),
            "customfield_10202": ("Debt Score", {"type": "number", "custom": CUSTOM + "float"}),
            "customfield_10203": ("Budget", {"type": "string", "custom": CUSTOM + "textfield"}),
            "customfield_10204": ("Maturity", {"type": "option", "custom": CUSTOM + "select"}),
            "customfield_10205": ("Risks", {"type": "array", "items": "string"}),
            "customfield_10206": ("Cost center", {"type": "option", "custom": CUSTOM + "select"}),
            "customfield_10207": ("Context", {"type": "string", "custom": CUSTOM + "textarea"}),
        }
        if is_cloud:
            self.fields["parent"] = ("Parent", {"type": "issuelink", "system": "parent"})
        else:
            greenhopper = "com.pyxis.greenhopper.jira:gh-epic-"
            self.fields |= {
                "customfield_10901": ("Epic Name", {"custom": greenhopper + "label"}),
                "customfield_10902": ("Epic Link", {"custom": greenhopper + "link"}),
            }
        self.allowed: dict[str, list[str]] = {
            "priority": ["High", "Medium"],
            "components": ["Payments"],
            "customfield_10204": ["Bronze", "Silver", "Gold"],
            "customfield_10206": ["R&D", "Run"],
        }

    # What tests do to it.

    def now(self) -> datetime:
        return self.clock

    def tick(self, seconds: float) -> None:
        self.clock += timedelta(seconds=seconds)

    def person(self, name: str, display: str) -> Json:
        if self.is_cloud:
            return {"accountId": f"5b10:{name}", "displayName": display}
        return {"name": name, "key": f"JIRAUSER-{name}", "displayName": display}

    def by_label(self, label: str) -> list[Issue]:
        return [one for one in self.issues.values() if label in one.fields.get("labels", ())]

    def edit(self, issue: Issue, by: str = "ana", **fields: Any) -> None:
        """A person (or we) edits an issue."""
        issue.fields |= fields
        self.log(issue, by, *fields)
        self.indexed(issue)

    def log(self, issue: Issue, by: str, *names: str) -> None:
        """What the history tells of a change: custom fields by their name, on Cloud by id too."""
        issue.changes.append({
            "id": str(len(issue.changes)), "author": self.people[by], "created": self.stamp(),
            "items": [self.changed(name) for name in names if name not in UNLOGGED],
        })  # fmt: skip

    def changed(self, name: str) -> Json:
        name = {"resolutiondate": "resolution"}.get(name, name)
        is_custom = name.startswith(("customfield_", "Epic "))
        shown = self.fields[name][0] if name.startswith("customfield_") else name
        item = {"field": shown, "fieldtype": "custom" if is_custom else "jira"}
        has_id = self.is_cloud and name not in ("Epic Child", "IssueParentAssociation")
        return item | {"fieldId": name} if has_id else item

    def move_to(self, issue: Issue, status: str, by: str = "ana") -> None:
        self.edit(issue, by, status=status, statuscategorychangedate=self.stamp())

    def delete(self, issue: Issue) -> None:
        del self.issues[issue.id]
        self.index[issue.id].append((self.clock + timedelta(seconds=self.lag), None))

    def clone(self, issue: Issue) -> Issue:
        fields = {**issue.fields, "summary": f"CLONE - {issue.fields['summary']}"}
        return self.add(issue.project, fields, self.people["ana"], {})

    def rename(self, project: str, key: str) -> None:
        found = self.projects[project]
        found.former_keys.append(found.key)
        found.key = key

    def stamp(self) -> str:
        return f"{self.clock:%Y-%m-%dT%H:%M:%S}.000+0000"

    def add(self, project: Project, fields: Json, creator: Json, properties: Json) -> Issue:
        project.issues += 1
        fields = {"status": "To Do", **fields, "created": self.stamp()}
        issue = Issue(
            str(10_000 + len(self.index)), project, project.issues, fields, creator, properties
        )
        self.issues[issue.id] = issue
        self.indexed(issue)
        return issue

    def indexed(self, issue: Issue) -> None:
        """The search will know the issue as it is now."""
        versions = self.index.setdefault(issue.id, [])
        versions.append((self.clock + timedelta(seconds=self.lag), deepcopy(issue.fields)))

    # What the server does.

    def answer(self, request: Request) -> Answer:
        given = self.refusals.get(len(self.requests) - 1)
        if given:
            return given
        if request.headers.get("authorization") != self.credentials():
            return Answer({"message": f"Unauthorized: {request.headers.get('authorization')}"}, 401)
        prefix = "/rest/api/3" if self.is_cloud else "/rest/api/2"
        path = request.path.removeprefix(prefix)
        for method, pattern, handler in ROUTES:
            match = pattern.fullmatch(path)
            if match and method == request.method and path != request.path:
                return handler(self, request, *match.groups())
        return Answer(
            b"<html><body>Oops, dead link</body></html>", 404, {"Content-Type": "text/html"}
        )

    def credentials(self) -> str:
        if not self.is_cloud:
            return f"Bearer {TOKEN}"
        return "Basic " + base64.b64encode(f"{USER}:{TOKEN}".encode()).decode()

    @route("GET", "/serverInfo")
    def server_info(self, _: Request) -> Answer:
        kind = "Cloud" if self.is_cloud else "Server"
        version = ".".join(map(str, self.version))
        return Answer({"deploymentType": kind, "version": version, "versionNumbers": self.version})

    @route("GET", "/myself")
    def myself(self, _: Request) -> Answer:
        return Answer(self.me)

    @route("GET", "/mypermissions")
    def mypermissions(self, request: Request) -> Answer:
        if self.project(request.one("projectKey")) is None:
            return refusal("No project could be found", status=404)
        wanted = request.one("permissions").split(",")
        return Answer({
            "permissions": {one: {"havePermission": one in self.permissions} for one in wanted}
        })  # fmt: skip

    @route("GET", "/field")
    def all_fields(self, _: Request) -> Answer:
        known = [
            {"id": one, "name": name, "custom": one.startswith("custom"), "schema": schema}
            for one, (name, schema) in self.fields.items()
        ]
        return Answer(known)

    @route("GET", r"/project/([^/]+)")
    def one_project(self, _: Request, key: str) -> Answer:
        found = self.project(key)
        if found is None or "BROWSE_PROJECTS" not in self.permissions:
            return refusal(f"No project could be found with key '{key}'.", status=404)
        return Answer({"id": found.id, "key": found.key, "archived": found.is_archived})

    @route("GET", r"/issue/createmeta/([^/]+)/issuetypes")
    def types(self, request: Request, key: str) -> Answer:
        if self.project(key) is None or "CREATE_ISSUES" not in self.permissions:
            return self.meta(request, "issueTypes", [])
        return self.meta(
            request, "issueTypes", [{"id": one, "name": name} for one, name in TYPES.items()]
        )

    @route("GET", r"/issue/createmeta/([^/]+)/issuetypes/(\d+)")
    def type_fields(self, request: Request, _: str, type_id: str) -> Answer:
        entries = [{"fieldId": one, **self.entry(one)} for one in self.on_create(TYPES[type_id])]
        return self.meta(request, "fields", entries)

    def meta(self, request: Request, name: str, items: list[Json]) -> Answer:
        start = int(request.one("startAt", "0"))
        cap = min(self.meta_cap, int(request.one("maxResults", "50")))
        page: Json = {"startAt": start, "maxResults": cap, "total": len(items)}
        page[name if self.is_cloud else "values"] = items[start : start + cap]
        if not self.is_cloud:
            page["isLast"] = start + cap >= len(items)
        return Answer(page)

    def on_create(self, type_name: str) -> list[str]:
        hidden = {"customfield_10902", "parent"}
        if type_name == "Story":
            hidden = {"customfield_10901", *self.epic_only}
        return [
            one
            for one in self.fields
            if one not in hidden and (self.create_screen is None or one in self.create_screen)
        ]

    def entry(self, field_id: str) -> Json:
        name, schema = self.fields[field_id]
        is_required = field_id in {*self.required, "summary", "reporter", "customfield_10901"}
        entry = {"name": name, "schema": schema, "required": is_required, "hasDefaultValue": False}
        if field_id in self.allowed:
            word = "value" if schema["type"] == "option" else "name"
            entry["allowedValues"] = [{word: one} for one in self.allowed[field_id]]
        return entry

    @route("POST", "/issue/bulk")
    def bulk(self, request: Request) -> Answer:
        created, errors = [], []
        for number, update in enumerate(request.body["issueUpdates"]):
            fields = update["fields"]
            wrong = self.wrong_to_create(fields)
            if wrong:
                why = {"errorMessages": [], "errors": wrong}
                errors.append({"status": 400, "elementErrors": why, "failedElementNumber": number})
                continue
            properties = {one["key"]: one["value"] for one in update.get("properties", ())}
            project = self.projects[fields["project"]["id"]]
            issue = self.add(project, fields, self.me, properties)
            self.log_link(issue)
            created.append({"id": issue.id, "key": issue.key})
        return Answer({"issues": created, "errors": errors}, 201 if created else 400)

    def log_link(self, story: Issue) -> None:
        """What the history of an epic, and of its new story, tells of the two."""
        link = "parent" if self.is_cloud else "customfield_10902"
        if parent := story.fields.get(link):
            named = (parent.get("id") or parent["key"]) if self.is_cloud else parent
            epic = self.issue(named)
            assert epic
            self.log(epic, "bot", "Epic Child")
            self.log(story, "bot", "IssueParentAssociation" if self.is_cloud else link)

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
        wrong = {}
        for one, value in fields.items():
            schema = self.fields.get(one, ("", {}))[1]
            kind = schema.get("type")
            names = [value] if isinstance(value, dict) else value
            if one in self.allowed and value is not None:
                words = [next(iter(item.values())) for item in names]
                if not {*words} <= {*self.allowed[one]}:
                    wrong[one] = f"Option '{words}' is not valid."
            elif one == "assignee" and not any(
                value.items() <= person.items() for person in self.people.values()
            ):
                wrong[one] = "User cannot be assigned issues."
            elif kind == "number" and not isinstance(value, int | float | None):
                wrong[one] = "Operation value must be a number"
            elif one == "parent" and self.issue(value.get("id") or value.get("key")) is None:
                wrong[one] = "Could not find issue by id or key."
            elif schema.get("custom", "").endswith("gh-epic-link") and not self.issue(value):
                wrong[one] = "Issue does not exist or you do not have permission to see it."
            elif one == "description" or schema.get("custom", "").endswith(":textarea"):
                if isinstance(value, dict) is not self.is_cloud:
                    wrong[one] = "Operation value must be an Atlassian Document"
                elif len(str(value)) > 100_000:
                    wrong[one] = "The entered text is too long."
            elif one == "labels" and any(" " in label for label in value):
                wrong[one] = "The label contains spaces which is invalid."
            elif kind in {"string", "date"} and not isinstance(value, str | None):
                wrong[one] = "Operation value must be a string"
        return wrong

    def project(self, name: str) -> Project | None:
        return next(
            (
                one
                for one in self.projects.values()
                if name in {one.id, one.key, *one.former_keys}
            ),
            None,
        )  # fmt: skip

    def issue(self, name: str) -> Issue | None:
        """By its id, its key, or a key it had. Cloud hides what is in an archived project."""
        for one in self.issues.values():
            keys = {f"{key}-{one.number}" for key in (one.project.key, *one.project.former_keys)}
            if name in {one.id, *keys} and "BROWSE_PROJECTS" in self.permissions:
                return None if self.is_cloud and one.project.is_archived else one
        return None

    def shown(self, issue: Issue, fields: Json, wanted: Iterable[str]) -> Json:
        status = fields["status"]
        full = {
            **fields,
            "status": {"name": status, "statusCategory": {"key": CATEGORIES[status]}},
            "creator": issue.creator,
            "comment": {
                "comments": issue.comments[: self.history_cap],
                "total": len(issue.comments),
            },
        }
        if not self.is_cloud:
            full.pop("statuscategorychangedate", None)
        picked = {name: full[name] for name in wanted if name in full}
        return {"id": issue.id, "key": issue.key, "fields": picked}

    @route("POST", "/search/jql")
    def search_by_token(self, request: Request) -> Answer:
        found = self.found(request.body["jql"])
        start = int(request.body.get("nextPageToken", "token-0").removeprefix("token-"))
        end = start + min(self.page_cap, request.body["maxResults"])
        page = [self.shown(one, fields, request.body["fields"]) for one, fields in found[start:end]]
        last = end >= len(found)
        return Answer(
            {"issues": page, "isLast": last} | ({} if last else {"nextPageToken": f"token-{end}"})
        )

    @route("POST", "/search")
    def search_posted(self, request: Request) -> Answer:
        return self.search_page(request.body)

    @route("GET", "/search")
    def search_got(self, request: Request) -> Answer:
        asked = dict(request.query)
        return self.search_page({
            "jql": asked["jql"],
            "fields": asked["fields"].split(","),
            "maxResults": int(asked["maxResults"]),
            "validateQuery": asked.get("validateQuery") != "false",
        })  # fmt: skip

    def search_page(self, asked: Json) -> Answer:
        if self.is_cloud:
            return refusal("The requested API has been removed.", status=410)
        wrong = self.wrong_query(asked["jql"])
        if asked.get("validateQuery", True) and wrong:
            return refusal(*wrong)
        found = self.found(asked["jql"])
        start, size = asked.get("startAt", 0), min(self.page_cap, asked["maxResults"])
        page = [self.shown(one, fields, asked["fields"]) for one, fields in found[start:][:size]]
        return Answer({"issues": page, "startAt": start, "maxResults": size, "total": len(found)})

    def found(self, jql: str) -> list[tuple[Issue, Json]]:
        """Issues as the index knows them."""
        labels = re.match(r"labels in \((.*)\)", jql)
        wanted = set(re.findall(r'"((?:[^"\\]|\\.)*)"', labels[1])) if labels else set()
        ids = re.match(r"id in \((.*)\)", jql)
        named = set(ids[1].split(", ")) if ids else set()
        found = []
        for issue_id, versions in self.index.items():
            seen = [fields for visible, fields in versions if visible <= self.clock]
            fields, issue = seen[-1] if seen else None, self.issues.get(issue_id)
            if fields is None or issue is None or issue.project.is_archived:
                continue
            if issue_id in named or wanted & set(fields.get("labels", ())):
                found.append((issue, fields))
        return found

    @route("POST", "/issue/bulkfetch")
    def bulk_fetch(self, request: Request) -> Answer:
        names = request.body["issueIdsOrKeys"]
        if not self.is_cloud or len(names) > 100:
            return refusal("no", status=404)
        issues = filter(None, map(self.issue, names))
        page = [self.shown(one, one.fields, request.body["fields"]) for one in issues]
        return Answer({"issues": page, "issueErrors": []})

    @route("GET", r"/issue/([\w-]+)")
    def get_issue(self, request: Request, name: str) -> Answer:
        issue = self.issue(name)
        if issue is None:
            return refusal("Issue does not exist or you do not have permission.", status=404)
        shown = self.shown(issue, issue.fields, request.one("fields").split(","))
        expand = request.one("expand").split(",")
        if "editmeta" in expand:
            shown["editmeta"] = {"fields": {one: self.entry(one) for one in self.editable()}}
        if "changelog" in expand:
            cap = self.history_cap if self.is_cloud else len(issue.changes)
            shown["changelog"] = {"histories": issue.changes[:cap], "total": len(issue.changes)}
        return Answer(shown)

    def editable(self) -> list[str]:
        if "EDIT_ISSUES" not in self.permissions:
            return []
        return [one for one in self.fields if self.edit_screen is None or one in self.edit_screen]

    @route("PUT", r"/issue/([\w-]+)")
    def put_issue(self, request: Request, name: str) -> Answer:
        issue = self.issue(name)
        if issue is None:
            return refusal("Issue does not exist", status=404)
        if issue.project.is_archived:
            return refusal("The issue is archived.")
        fields = request.body["fields"]
        wrong = {one: "cannot be set" for one in fields if one not in self.editable()}
        wrong |= self.wrong_values(fields)
        if wrong:
            return refusal(errors=wrong)
        self.edit(issue, "bot", **fields)
        return Answer(b"", 204)

    @route("GET", r"/issue/([\w-]+)/comment")
    def comments(self, request: Request, name: str) -> Answer:
        issue = self.issue(name)
        assert issue
        newest = issue.comments[::-1] if request.one("orderBy") == "-created" else issue.comments
        return self.history(request, "comments", newest)

    @route("GET", r"/issue/([\w-]+)/changelog")
    def changelog(self, request: Request, name: str) -> Answer:
        issue = self.issue(name)
        assert issue
        assert self.is_cloud
        return self.history(request, "values", issue.changes)

    def history(self, request: Request, name: str, items: list[Json]) -> Answer:
        start = int(request.one("startAt", "0"))
        page = items[start : start + self.history_cap]
        return Answer({name: page, "startAt": start, "total": len(items)})

    def comment(self, issue: Issue, body: Any, by: str = "ana") -> Json:
        comment = {
            "id": str(len(issue.comments)), "author": self.people[by],
            "updateAuthor": self.people[by], "body": body, "created": self.stamp(),
        }  # fmt: skip
        issue.comments.append(comment)
        return comment

    @route("POST", r"/issue/([\w-]+)/comment")
    def post_comment(self, request: Request, name: str) -> Answer:
        issue = self.issue(name)
        if issue is None:
            return refusal("Issue does not exist", status=404)
        if "ADD_COMMENTS" not in self.permissions or issue.id in self.locked:
            return refusal("You do not have the permission to comment on this issue.", status=403)
        body = request.body["body"]
        if isinstance(body, dict) is not self.is_cloud or issue.project.is_archived:
            return refusal(errors={"comment": "Comment body is not valid!"})
        return Answer(self.comment(issue, body, "bot"), 201)

    @route("GET", r"/issue/([\w-]+)/transitions")
    def transitions(self, _: Request, name: str) -> Answer:
        issue = self.issue(name)
        assert issue
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

    @route("POST", r"/issue/([\w-]+)/transitions")
    def transition(self, request: Request, name: str) -> Answer:
        issue = self.issue(name)
        assert issue
        for way in self.ways(issue):
            if way["id"] != request.body["transition"]["id"]:
                continue
            given = request.body.get("fields", {})
            missing = {one: "is required" for one in way["fields"] if one not in given}
            if missing:
                return refusal(errors=missing)
            moved = {"resolutiondate": self.stamp()} if "resolution" in given else {}
            self.edit(issue, "bot", **moved)
            self.move_to(issue, way["to"]["name"], "bot")
            return Answer(b"", 204)
        return refusal("It seems that you have tried to perform an illegal workflow operation.")

    @route("GET", "/user/assignable/search")
    def assignable(self, request: Request) -> Answer:
        name = "accountId" if self.is_cloud else "username"
        shown = "accountId" if self.is_cloud else "name"
        wanted = request.one(name)
        return Answer([one for one in self.people.values() if wanted in one[shown]])

    def wrong_query(self, jql: str) -> list[str]:
        names = {name for name, _ in self.fields.values()}
        wrong = [
            f"Field '{name}' does not exist or you do not have permission to view it."
            for name in re.findall(r'"([^"]+)" DESC', jql)
            if name not in names
        ]
        wrong += [
            f"A value with ID '{one}' does not exist for the field 'id'."
            for ids in re.findall(r"^id in \((.*)\)", jql)
            for one in ids.split(", ")
            if one not in self.issues
        ]
        return wrong

    @route("POST", "/jql/parse")
    def parse(self, request: Request) -> Answer:
        queries = [
            {"query": one, "errors": wrong} if (wrong := self.wrong_query(one)) else {"query": one}
            for one in request.body["queries"]
        ]
        return Answer({"queries": queries})

    @route("GET", "/filter/search")
    def filters_by_name(self, request: Request) -> Answer:
        wanted = request.one("filterName").lower()
        found = [one for one in self.filters if wanted in one["name"].lower()]
        start = int(request.one("startAt", "0"))
        page = found[start : start + self.meta_cap]
        return Answer(
            {"values": page, "total": len(found), "isLast": start + len(page) >= len(found)}
        )

    @route("GET", "/filter/favourite")
    def favourites(self, _: Request) -> Answer:
        return Answer([one for one in self.filters if one["favourite"]])

    @route("POST", "/filter")
    def post_filter(self, request: Request) -> Answer:
        name = request.body["name"]
        if any(one["name"] == name and one["owner"] == self.me for one in self.filters):
            return refusal(errors={"filterName": "Filter with same name already exists."})
        return Answer(self.add_filter(owner=self.me, **request.body))

    @route("PUT", r"/filter/(\d+)")
    def put_filter(self, request: Request, filter_id: str) -> Answer:
        (one,) = (one for one in self.filters if one["id"] == filter_id)
        if one["owner"] != self.me:
            return refusal("The filter is not yours.")
        # What isn't said is emptied.
        one |= {"description": "", "favourite": False} | request.body
        return Answer(one)

    def add_filter(self, *, name: str, jql: str, owner: Json, **more: Any) -> Json:
        made = {
            "id": str(500 + len(self.filters)), "name": name, "jql": jql, "owner": owner,
            "favourite": more.get("favourite", False), "description": more.get("description", ""),
        }  # fmt: skip
        self.filters.append(made)
        return made
