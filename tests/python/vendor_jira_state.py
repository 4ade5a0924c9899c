"""What a loopback Jira holds: projects, issues, fields and people, and what people do to them.

`vendor_jira_screens.py`, `vendor_jira_queries.py` and `vendor_jira.py` answer requests above it.
"""

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


class JiraState(Vendor):
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
