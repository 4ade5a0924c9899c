"""What a loopback Jira holds: projects, issues, fields and people, and what people do to them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from .loopback import Answer
from .tracker_people import People, Thing

Json = dict[str, Any]

USER, TOKEN = "paydown@example.com", "tok-51c0ffee"
TYPES = {"10001": "Epic", "10002": "Story"}
CATEGORIES = {"To Do": "new", "In Progress": "indeterminate", "Done": "done", "Rejected": "done"}
CUSTOM = "com.atlassian.jira.plugin.system.customfieldtypes:"
EPIC_LINK = "customfield_10902"
RESOLUTION = {
    "required": True, "name": "Resolution", "schema": {"type": "resolution"},
    "allowedValues": [{"name": "Fixed"}, {"name": "Done"}],
}  # fmt: skip


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
    properties: Json
    comments: list[Json] = field(default_factory=list)

    @property
    def key(self) -> str:
        return f"{self.project.key}-{self.number}"


class JiraState(People):
    """
    Attributes:
        refusals: answers in place of the server's own, by the number of the request.
        required, create_screen, edit_screen, epic_only: ids of fields; None for all.
        locked: ids of issues that take no comment from us, whatever their project grants.
    """

    def __init__(
        self,
        now: datetime = datetime(2026, 6, 26, 12, tzinfo=UTC),
        seed: int = 0,
        *,
        is_cloud: bool = True,
    ) -> None:
        super().__init__(now, seed, lag=30.0)
        self.is_cloud = is_cloud
        self.people = {name: self.person(name) for name in ("ana", "bot")}
        self.projects = {"100": Project("100", "MOD"), "200": Project("200", "PAY")}
        self.issues: dict[str, Issue] = {}
        self.permissions = {
            "BROWSE_PROJECTS", "CREATE_ISSUES", "EDIT_ISSUES", "ADD_COMMENTS", "TRANSITION_ISSUES",
        }  # fmt: skip
        self.refusals: dict[int, Answer] = {}
        self.locked: set[str] = set()
        self.required: set[str] = set()
        self.create_screen: set[str] | None = None
        self.edit_screen: set[str] | None = None
        self.epic_only: set[str] = set()
        self.page_cap, self.meta_cap, self.comment_cap = 100, 4, 100
        self.transition_fields: Json = {"resolution": deepcopy(RESOLUTION)}
        self.workflow = {
            "To Do": ("In Progress", "Done", "Rejected"),
            "In Progress": ("Done", "Rejected"),
        }
        self.fields: dict[str, tuple[str, Json]] = {
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
                EPIC_LINK: ("Epic Link", {"custom": greenhopper + "link"}),
            }
        self.allowed: dict[str, list[str]] = {
            "priority": ["High", "Medium"],
            "components": ["Payments"],
            "customfield_10204": ["Bronze", "Silver", "Gold"],
            "customfield_10206": ["R&D", "Run"],
        }

    def person(self, name: str) -> Json:
        return {"accountId": f"5b10:{name}"} if self.is_cloud else {"name": name}

    def stamp(self) -> str:
        return f"{self.clock:%Y-%m-%dT%H:%M:%S}.{self.clock.microsecond // 1000:03d}+0000"

    def add(self, project: Project, fields: Json, properties: Json) -> Issue:
        project.issues += 1
        created = {"status": "To Do", **fields, "created": self.stamp()}
        one = str(10_000 + len(self.index))
        issue = Issue(one, project, project.issues, created, properties)
        self.issues[issue.id] = issue
        self.edit(issue)
        return issue

    def edit(self, issue: Issue, **fields: Any) -> None:
        """Somebody edits an issue; the search will know it as it is now."""
        self.tick(0.001)
        issue.fields |= {**fields, "updated": self.stamp()}
        copy = Issue(issue.id, issue.project, issue.number, deepcopy(issue.fields), {})
        self.note(int(issue.id), copy)

    def comment(self, issue: Issue, body: Any, by: str = "ana") -> Json:
        comment = {"id": str(len(issue.comments)), "author": self.people[by], "body": body}
        issue.comments.append(comment)
        self.edit(issue)
        return comment

    def move_to(self, issue: Issue, status: str) -> None:
        self.edit(issue, status=status, statuscategorychangedate=self.stamp())

    def delete(self, issue: Issue) -> None:
        self.tick(0.001)
        del self.issues[issue.id]
        self.note(int(issue.id), None)

    def clone(self, issue: Issue) -> Issue:
        fields = {**issue.fields, "summary": f"CLONE - {issue.fields['summary']}"}
        return self.add(issue.project, fields, {})

    def rename(self, project: str, key: str) -> None:
        found = self.projects[project]
        found.former_keys.append(found.key)
        found.key = key

    def project(self, name: str) -> Project | None:
        for one in self.projects.values():
            if name in {one.id, one.key, *one.former_keys} and one.key not in self.hidden:
                return one
        return None

    def issue(self, name: str) -> Issue | None:
        """By its id, its key, or a key it had. Cloud hides what is in an archived project."""
        for one in self.issues.values():
            keys = {f"{key}-{one.number}" for key in (one.project.key, *one.project.former_keys)}
            if name in {one.id, *keys} and "BROWSE_PROJECTS" in self.permissions:
                is_hidden = one.project.key in self.hidden
                return None if is_hidden or (self.is_cloud and one.project.is_archived) else one
        return None

    def shown(self, issue: Issue, wanted: Iterable[str]) -> Json:
        status = issue.fields["status"]
        full = {
            **issue.fields,
            "status": {"name": status, "statusCategory": {"key": CATEGORIES[status]}},
            "issuetype": {"name": TYPES[issue.fields["issuetype"]["id"]], "subtask": False},
            "project": {"key": issue.project.key},
        }
        if not self.is_cloud:
            full.pop("statuscategorychangedate", None)
        picked = {name: full[name] for name in wanted if name in full}
        return {"id": issue.id, "key": issue.key, "fields": picked}

    # `People`.

    def put(self, title: str, labels: Iterable[str], parent: int | None, project: str) -> int:
        at = next((one for one in self.projects.values() if one.key == (project or "MOD")), None)
        if at is None:
            at = self.projects[project] = Project(project, project)
        kind = {"id": "10001" if title.startswith("epic") else "10002"}
        fields = {"summary": title, "labels": [*labels], "issuetype": kind, **self._below(parent)}
        return int(self.add(at, fields | {"customfield_10201": 14.4}, {}).id)

    def alter(self, one: int, **values: Any) -> None:
        issue = self.issues[str(one)]
        if "project" in values:
            issue.project = Project(values["project"], values["project"])
            self.projects[values["project"]] = issue.project
        fields: Json = {"labels": [*values["labels"]]} if "labels" in values else {}
        if "parent" in values:
            fields |= self._below(values["parent"])
        if "state" in values:
            fields["status"] = {"done": "Done", "active": "In Progress"}[values["state"]]
        self.edit(issue, **fields)

    def remove(self, one: int) -> None:
        self.delete(self.issues[str(one)])

    def things(self) -> dict[int, Thing]:
        found = {}
        for issue in self.issues.values():
            if issue.project.key not in self.hidden:
                one, fields = int(issue.id), issue.fields
                parent = self.parent_of(fields)
                updated = datetime.fromisoformat(fields["updated"])
                labels = tuple(fields["labels"])
                found[one] = Thing(one, fields["summary"], labels, parent, updated)
        return found

    def parent_of(self, fields: Mapping[str, Any]) -> int | None:
        if self.is_cloud:
            return int(fields["parent"]["id"]) if fields.get("parent") else None
        named = [one.id for one in self.issues.values() if one.key == fields.get(EPIC_LINK)]
        return int(named[0]) if named else None

    def _below(self, parent: int | None) -> Json:
        if self.is_cloud:
            return {"parent": {"id": str(parent)} if parent else None}
        return {EPIC_LINK: self.issues[str(parent)].key if parent else None}
