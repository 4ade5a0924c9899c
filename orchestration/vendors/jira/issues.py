"""The issue of a draft: its fields, what was left out and why; and how it is sent."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from orchestration.http import RefusedError
from orchestration.trackers import protocol
from orchestration.trackers.adf import to_adf
from orchestration.trackers.text import escape_markdown, one_line
from orchestration.trackers.wiki import to_wiki
from orchestration.vendors.jira.client import Client
from orchestration.vendors.jira.fields import (
    EPIC_LINK,
    EPIC_NAME,
    Schemas,
    Screen,
    find_field,
    listed,
    put,
)
from orchestration.vendors.jira.reading import Reader
from orchestration.vendors.jira.settings import JiraSite, JiraTrackerConfig, Owner
from orchestration.vendors.tracker_client import Json

_SUMMARY_LIMIT = 255
_FIXED = " of `field_values`"
# Jira fills these itself, whatever `createmeta` says.
_FILLED_BY_JIRA = frozenset({"project", "issuetype", "reporter"})


def render(site: JiraSite, body: str, tail: str = "") -> Any:
    """Markdown in the form of this Jira's REST API; if it must be cut, then before `tail`."""
    return to_adf(body, tail) if site.is_cloud else to_wiki(body, tail)


@dataclass
class Issue:
    """The request for a draft.

    optional: fields that Jira may reject without rejecting the epic, such as an assignee who left.
    notes: what a person should know.
    """

    draft: protocol.EpicDraft
    screen: Screen
    fields: Json = field(default_factory=dict)
    optional: set[str] = field(default_factory=set)
    notes: list[str] = field(default_factory=list)

    @property
    def body(self) -> Json:
        mark = {
            "key": self.draft.key,
            "service": self.draft.service_id,
            "rubric": self.draft.rubric_hash,
            "scoring_date": self.draft.scoring_date.isoformat(),
        }
        # Jira's own rules and reports can read it, and it remains if somebody removes a label.
        return {"fields": self.fields, "properties": [{"key": "paydown", "value": mark}]}

    def drop_refused(self, errors: Json, why: str) -> bool:
        """Leave out the fields that Jira rejected, if all of them are optional."""
        names = set(errors.get("errors") or {})
        if not names or errors.get("errorMessages") or not names <= self.optional:
            return False
        self.fields = {name: one for name, one in self.fields.items() if name not in names}
        self.optional -= names
        which = ", ".join(sorted(names))
        self.notes.append(f"Jira rejected {which}, so it was left out: {why}")
        return True


class Issues:
    """Turns drafts into issues, by the settings and the project's fields."""

    def __init__(self, config: JiraTrackerConfig, schemas: Schemas, reader: Reader) -> None:
        self._config = config
        self.schemas = schemas
        self.reader = reader

    def prepare(self, draft: protocol.EpicDraft) -> Issue:
        """The issue for a draft; RefusedError if its project is gone or requires more."""
        config, asked = self._config, draft.project_key
        type_name = config.story_type if draft.parent else config.issue_type
        screen = self.schemas.screen(config.project_of(asked), type_name)
        issue = Issue(draft, screen)
        if asked and asked != config.project_of(asked):
            issue.notes.append(
                f"the service asks for project {asked}: add it to `other_projects` to allow that"
            )
        if "labels" not in screen.fields:
            raise RefusedError(
                f"jira: the create screen of {screen.type_name} in {screen.project_key} lacks "
                "Labels, by which epics are found again; add it"
            )
        labels = ["-".join(label.split()) for label in (*draft.labels, *config.labels)]
        issue.fields |= {
            "project": {"id": screen.project_id},
            "issuetype": {"id": screen.type_id},
            "summary": one_line(draft.title, _SUMMARY_LIMIT),
            "labels": list(dict.fromkeys([*filter(None, labels), draft.key])),
        }
        if draft.parent:
            self._put_parent(issue, draft.parent)
        if "description" in screen.fields:
            issue.fields["description"] = render(config, draft.body)
        else:
            _miss(issue, f"Description is not on the screen of {screen.type_name}")
        epic_name = screen.custom(EPIC_NAME)
        if epic_name and not draft.parent:
            issue.fields[epic_name.id] = one_line(draft.title, _SUMMARY_LIMIT)
        for source, name, value in self._wanted(draft):
            if value not in (None, "", []):
                self._put(issue, source, name, value)
        _must_be_complete(issue)
        return issue

    def _wanted(self, draft: protocol.EpicDraft) -> Iterator[tuple[str, str, Any]]:
        """The purpose of a field, its name or id, and its value, which may be empty."""
        config = self._config
        owner = config.owners.get(draft.owner) or Owner()
        yield "", "duedate", draft.due_date.isoformat()
        yield "", "priority", config.priorities.get(draft.band)
        yield "", "components", owner.component
        yield "", "assignee", {config.dialect.account: owner.assignee} if owner.assignee else None
        others = {"team": owner.team or draft.owner, "risk_id": list(draft.risk_ids)}
        for what, name in config.fields.named().items():
            yield f" for {what}", name, others[what] if what in others else getattr(draft, what)
        for name, value in config.field_values.items():
            yield _FIXED, name, value

    def _put_parent(self, issue: Issue, parent: protocol.EpicRef) -> None:
        link = issue.screen.custom(EPIC_LINK)
        if self._config.is_cloud and ("parent" in issue.screen.fields or link is None):
            issue.fields["parent"] = {"id": parent.id}
        elif link:
            issue.fields[link.id] = self.reader.issue_key(parent)
        else:
            issue.notes.append(
                f"Epic Link is not on the create screen of {issue.screen.type_name}, so the story "
                "can't be put below its epic; add it"
            )

    def _put(self, issue: Issue, source: str, name: str, value: Any) -> None:
        found = find_field(issue.screen.fields.values(), name)
        if found is None:
            _miss(issue, f"field {name!r}{source} is not on the screen, or does not exist")
            return
        if isinstance(value, list) and found.kind != "array":
            value = ", ".join(map(str, value))
        try:
            issue.fields[found.id] = put(
                found, value, lambda text: render(self._config, escape_markdown(text, 5000))
            )
        except ValueError as error:
            issue.notes.append(f"field {found.name!r} {error}; it stays empty")
            return
        if source == _FIXED:
            issue.optional.discard(found.id)
        elif not found.is_required:
            issue.optional.add(found.id)


def _miss(issue: Issue, note: str) -> None:
    """Notes that a field of epics is missing; stories need not have all of them."""
    if not issue.draft.parent:
        issue.notes.append(note)


def _must_be_complete(issue: Issue) -> None:
    filled = {*issue.fields, *_FILLED_BY_JIRA}
    missing = [
        one for one in issue.screen.fields.values() if one.is_required and one.id not in filled
    ]
    if missing:
        where = f"{issue.screen.type_name} in {issue.screen.project_key}"
        fix = "set it in `field_values`, or make it optional"
        what = f"jira: {where} requires {listed(missing)}; {fix}"
        raise RefusedError("; ".join([what, *issue.notes]))


def send(client: Client, issue: Issue) -> Json:
    """Create an issue, retrying without optional fields that Jira rejected; its `id` and `key`.

    Raises:
        RefusedError: nothing was created, in Jira's words.
    """
    while True:
        try:
            return client.create("/issue", issue.body, {"id": str, "key": str})
        except RefusedError as error:
            why = error.data if isinstance(error.data, dict) else {}
            problem = client.explain(why)
            if error.status != 400 or not problem:
                raise
            if not issue.drop_refused(why, problem):
                fix = "set the field in `field_values`, or correct the settings"
                raise RefusedError(f"jira: {problem}; {fix}", 400) from None
