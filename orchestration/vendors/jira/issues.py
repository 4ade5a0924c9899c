"""The issue that a draft becomes: its fields, what was left out and why."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from orchestration.trackers.adf import to_adf
from orchestration.trackers.protocol import EpicDraft, EpicRef, RejectedError
from orchestration.trackers.text import escape_markdown, one_line
from orchestration.trackers.wiki import to_wiki
from orchestration.vendors.jira.client import Json
from orchestration.vendors.jira.fields import (
    EPIC_LINK,
    EPIC_NAME,
    JiraField,
    Schemas,
    Screen,
    listed,
    put,
)
from orchestration.vendors.jira.settings import JiraSite, JiraTrackerConfig

PROPERTY = "paydown"
_SUMMARY_LIMIT = 255
# Jira fills these itself, whatever `createmeta` says of them.
_FILLED_BY_JIRA = frozenset({"project", "issuetype", "reporter"})


def render(site: JiraSite, body: str, tail: str = "") -> Any:
    """Markdown as this Jira's REST takes it; if it must be cut, then before `tail`."""
    return to_adf(body, tail) if site.is_cloud else to_wiki(body, tail)


@dataclass
class Issue:
    """A request's element for a draft.

    optional: fields that Jira may refuse without the epic being refused, such as an assignee who
    left. notes: what a person should know.
    """

    draft: EpicDraft
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
        # Rules and reports of Jira's own read it, and it survives a label that somebody removed.
        return {"fields": self.fields, "properties": [{"key": PROPERTY, "value": mark}]}

    def without(self, names: set[str], why: str) -> Issue:
        fields = {name: value for name, value in self.fields.items() if name not in names}
        return Issue(self.draft, fields, self.optional - names, [*self.notes, why])


class Issues:
    """Makes issues of drafts."""

    def __init__(
        self, config: JiraTrackerConfig, schemas: Schemas, issue_key: Callable[[EpicRef], str]
    ) -> None:
        self._config = config
        self._schemas = schemas
        self._issue_key = issue_key

    def screen(self, draft: EpicDraft) -> Screen:
        config = self._config
        type_name = config.story_type if draft.parent else config.issue_type
        return self._schemas.screen(config.project_of(draft.project_key), type_name)

    def prepare(self, draft: EpicDraft) -> Issue:
        """The issue for a draft; asks for its project's fields, once a process.

        Raises:
            RejectedError: the project is gone, or requires a field that nobody fills.
        """
        config, screen = self._config, self.screen(draft)
        issue = Issue(draft)
        asked = draft.project_key
        if asked and asked != config.project_of(asked):
            issue.notes.append(
                f"the service asks for project {asked}: add it to `other_projects` to allow that"
            )
        issue.fields |= {
            "project": {"id": screen.project_id},
            "issuetype": {"id": screen.type_id},
            "summary": one_line(draft.title, _SUMMARY_LIMIT),
        }
        self._put_labels(issue, screen)
        self._put_parent(issue, screen)
        if "description" in screen.fields:
            issue.fields["description"] = render(config, draft.body)
        else:
            self._miss(issue, f"Description is not on the screen of {screen.type_name}")
        self._put_people(issue, screen)
        self._put_mapped(issue, screen)
        epic_name = screen.custom(EPIC_NAME)
        if epic_name and not draft.parent:
            issue.fields[epic_name.id] = one_line(draft.title, _SUMMARY_LIMIT)
        self._put_fixed(issue, screen)
        self._must_be_complete(issue, screen)
        return issue

    def _put_labels(self, issue: Issue, screen: Screen) -> None:
        if "labels" not in screen.fields:
            raise RejectedError(
                f"jira: the create screen of {screen.type_name} in {screen.project_key} lacks "
                "Labels, by which epics are found again; add it"
            )
        draft = issue.draft
        labels = ["-".join(label.split()) for label in (*draft.labels, *self._config.labels)]
        issue.fields["labels"] = list(dict.fromkeys([*filter(None, labels), draft.key]))

    def _put_parent(self, issue: Issue, screen: Screen) -> None:
        parent = issue.draft.parent
        if parent is None:
            return
        link = screen.custom(EPIC_LINK)
        if self._config.is_cloud and ("parent" in screen.fields or link is None):
            issue.fields["parent"] = {"id" if parent.id.isdigit() else "key": parent.id}
        elif link:
            issue.fields[link.id] = self._issue_key(parent)
        else:
            issue.notes.append(
                f"Epic Link is not on the create screen of {screen.type_name}, so the story can't "
                "be put below its epic; add it"
            )

    def _put_people(self, issue: Issue, screen: Screen) -> None:
        draft, config = issue.draft, self._config
        owner = config.owners.get(draft.owner)
        self._put(issue, screen.fields.get("duedate"), "Due date", draft.due_date.isoformat())
        if draft.band in config.priorities:
            priority = config.priorities[draft.band]
            self._put(issue, screen.fields.get("priority"), "Priority", priority)
        if owner and owner.component:
            self._put(issue, screen.fields.get("components"), "Component/s", owner.component)
        if owner and owner.assignee:
            if "assignee" in screen.fields:
                account = "accountId" if config.is_cloud else "name"
                issue.fields["assignee"] = {account: owner.assignee}
                issue.optional.add("assignee")
            else:
                self._miss(issue, "Assignee is not on the screen")

    def _put_mapped(self, issue: Issue, screen: Screen) -> None:
        draft = issue.draft
        owner = self._config.owners.get(draft.owner)
        numbers = ("slo_burn", "score", "estimate_days", "budget_usd")
        values = {what: getattr(draft, what) for what in numbers} | {
            "team": (owner.team if owner else None) or draft.owner,
            "target_maturity": draft.target_maturity,
            "risk_id": list(draft.risk_ids),
        }
        for what, name in self._config.fields.named().items():
            value = values[what]
            if value in (None, "", []):
                continue
            found = self._schemas.on(screen.fields, name)
            if isinstance(found, str):
                self._miss(issue, f"field {name!r} for {what} {found}")
                continue
            if isinstance(value, list) and found.kind != "array":
                value = ", ".join(value)
            self._put(issue, found, name, value)

    def _put_fixed(self, issue: Issue, screen: Screen) -> None:
        for name, value in self._config.field_values.items():
            found = self._schemas.on(screen.fields, name)
            if isinstance(found, str):
                self._miss(issue, f"field {name!r} of `field_values` {found}")
                continue
            self._put(issue, found, name, value)
            issue.optional.discard(found.id)

    def _put(self, issue: Issue, found: JiraField | None, name: str, value: Any) -> None:
        if found is None:
            self._miss(issue, f"{name} is not on the screen")
            return
        try:
            issue.fields[found.id] = put(found, value, self._rich)
        except ValueError as error:
            issue.notes.append(f"field {name!r} {error}; it stays empty")
            return
        if not found.is_required:
            issue.optional.add(found.id)

    def _rich(self, text: str) -> Any:
        """A text for a field of several lines."""
        return render(self._config, escape_markdown(text, 5000))

    def _miss(self, issue: Issue, note: str) -> None:
        """A field of epics is missing; nobody expects all of them of stories."""
        if not issue.draft.parent:
            issue.notes.append(note)

    def _must_be_complete(self, issue: Issue, screen: Screen) -> None:
        missing = [
            one
            for one in screen.fields.values()
            if one.is_required
            and not one.has_default
            and one.id not in issue.fields
            and one.id not in _FILLED_BY_JIRA
        ]
        if missing:
            notes = "".join(f"; {note}" for note in issue.notes)
            raise RejectedError(
                f"jira: {screen.type_name} in {screen.project_key} requires {listed(missing)}; "
                f"set it in `field_values`, or make it optional{notes}"
            )
