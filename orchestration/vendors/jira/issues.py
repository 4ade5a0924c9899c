"""The issue that a draft becomes: its fields, what was left out and why."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from orchestration.trackers.adf import to_adf
from orchestration.trackers.protocol import (
    AmbiguousError,
    ConflictError,
    CreateOutcome,
    EpicDraft,
    EpicRef,
    ForbiddenError,
    RejectedError,
    TrackerError,
    UnavailableError,
)
from orchestration.trackers.text import escape_markdown, one_line
from orchestration.trackers.wiki import to_wiki
from orchestration.vendors.jira.client import Client, Json
from orchestration.vendors.jira.fields import (
    EPIC_LINK,
    EPIC_NAME,
    Schemas,
    Screen,
    listed,
    put,
)
from orchestration.vendors.jira.settings import JiraSite, JiraTrackerConfig, Owner
from orchestration.vendors.tracker_errors import CONFLICTS

BATCH = 50
PROPERTY = "paydown"
_SUMMARY_LIMIT = 255
_FIXED = " of `field_values`"
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
        if "labels" not in screen.fields:
            raise RejectedError(
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
        self._put_parent(issue, screen)
        if "description" in screen.fields:
            issue.fields["description"] = render(config, draft.body)
        else:
            self._miss(issue, f"Description is not on the screen of {screen.type_name}")
        epic_name = screen.custom(EPIC_NAME)
        if epic_name and not draft.parent:
            issue.fields[epic_name.id] = one_line(draft.title, _SUMMARY_LIMIT)
        for source, name, value in self._wanted(draft):
            if value not in (None, "", []):
                self._put(issue, screen, source, name, value)
        self._must_be_complete(issue, screen)
        return issue

    def _wanted(self, draft: EpicDraft) -> Iterator[tuple[str, str, Any]]:
        """Why a field is filled, its name or id, and its value, which may be empty."""
        config = self._config
        owner = config.owners.get(draft.owner) or Owner()
        account = "accountId" if config.is_cloud else "name"
        yield "", "duedate", draft.due_date.isoformat()
        yield "", "priority", config.priorities.get(draft.band)
        yield "", "components", owner.component
        yield "", "assignee", {account: owner.assignee} if owner.assignee else None
        numbers = ("slo_burn", "score", "estimate_days", "budget_usd")
        values = {what: getattr(draft, what) for what in numbers} | {
            "team": owner.team or draft.owner,
            "target_maturity": draft.target_maturity,
            "risk_id": list(draft.risk_ids),
        }
        for what, name in config.fields.named().items():
            yield f" for {what}", name, values[what]
        for name, value in config.field_values.items():
            yield _FIXED, name, value

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

    def _put(self, issue: Issue, screen: Screen, source: str, name: str, value: Any) -> None:
        found = self._schemas.on(screen.fields, name)
        if isinstance(found, str):
            self._miss(issue, f"field {name!r}{source} {found}")
            return
        if isinstance(value, list) and found.kind != "array":
            value = ", ".join(map(str, value))
        try:
            issue.fields[found.id] = put(found, value, self._rich)
        except ValueError as error:
            issue.notes.append(f"field {found.name!r} {error}; it stays empty")
            return
        if source == _FIXED:
            issue.optional.discard(found.id)
        elif not found.is_required:
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


def send(
    client: Client, issues: Sequence[Issue], refer: Callable[[str, Json], EpicRef]
) -> tuple[dict[str, CreateOutcome], list[Issue]]:
    """Create `issues` by one request, and by a second one those with an optional field refused.

    The second request repeats only what Jira said it had not created. Returns the outcomes by
    key, and the issues as they were sent last, with notes.
    """
    outcomes, refused = _send(client, issues, refer)
    sent = {issue.draft.key: issue for issue in issues}
    lighter = []
    for issue, errors in refused:
        names = _droppable(issue, errors)
        if names:
            which, why = ", ".join(sorted(names)), client.explain(errors)
            lighter.append(issue.without(names, f"Jira refused {which}, so it was left out: {why}"))
    if lighter:
        try:
            again, _ = _send(client, lighter, refer)
        except TrackerError as error:
            # The first request's outcomes are known, and must not be lost to this.
            again = {issue.draft.key: error for issue in lighter}
        # What is absent from the second answer may have been created by it.
        for issue in lighter:
            del outcomes[issue.draft.key]
        outcomes |= again
        sent |= {issue.draft.key: issue for issue in lighter}
    return outcomes, list(sent.values())


def _send(
    client: Client, issues: Sequence[Issue], refer: Callable[[str, Json], EpicRef]
) -> tuple[dict[str, CreateOutcome], list[tuple[Issue, Json]]]:
    body = {"issueUpdates": [issue.body for issue in issues]}
    answer = client.write("POST", "/issue/bulk", body, is_bulk=True)
    if not isinstance(answer, dict):
        raise AmbiguousError("jira: POST /issue/bulk: answered without saying what it created")
    created, errors = answer.get("issues") or [], answer.get("errors") or []
    outcomes: dict[str, CreateOutcome] = {}
    refused = []
    failed = set()
    for error in errors:
        number = error.get("failedElementNumber")
        if not isinstance(number, int) or not 0 <= number < len(issues):
            continue
        failed.add(number)
        issue, why = issues[number], error.get("elementErrors") or {}
        outcomes[issue.draft.key] = _failure(error.get("status"), client.explain(why))
        if isinstance(outcomes[issue.draft.key], RejectedError):
            refused.append((issue, why))
    rest = [issue for number, issue in enumerate(issues) if number not in failed]
    # The created ones come in the order of the request. If there are more or fewer than should
    # be, nobody can tell which is which: their keys stay out of the answer, which is ambiguous.
    if len(rest) == len(created) and all(one.get("id") and one.get("key") for one in created):
        for issue, one in zip(rest, created, strict=True):
            outcomes[issue.draft.key] = refer(issue.draft.key, one)
    return outcomes, refused


def _failure(status: Any, why: str) -> TrackerError:
    words = f"jira: {why or 'refused, and gave no reason'}"
    if status in (401, 403):
        return ForbiddenError(words)
    if status in CONFLICTS:
        return ConflictError(words)
    if status == 429:
        return UnavailableError(words)
    if isinstance(status, int) and status >= 500:
        return AmbiguousError(words)
    return RejectedError(f"{words}; set the field in `field_values`, or correct the settings")


def _droppable(issue: Issue, why: Json) -> set[str]:
    """The fields that Jira refused, if the epic may go without all of them."""
    names = set(why.get("errors") or {})
    return names if names <= issue.optional and not why.get("errorMessages") else set()
