"""What must hold before epics can be opened, asked step by step, and the board's query."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from orchestration.trackers.protocol import Check, RejectedError, TrackerError
from orchestration.vendors.jira.client import Client, jql_string
from orchestration.vendors.jira.fields import Schemas
from orchestration.vendors.jira.issues import Issues
from orchestration.vendors.jira.reading import Reader
from orchestration.vendors.jira.settings import JiraTrackerConfig
from orchestration.vendors.tracker_checks import sample_draft

PERMISSIONS = (
    "BROWSE_PROJECTS",
    "CREATE_ISSUES",
    "EDIT_ISSUES",
    "ADD_COMMENTS",
    "TRANSITION_ISSUES",
)
_OLDEST_SERVER = 9


class Doctor:
    """Asks, and writes nothing. A step that fails ends those that need it."""

    def __init__(
        self,
        config: JiraTrackerConfig,
        client: Client,
        schemas: Schemas,
        issues: Issues,
        reader: Reader,
    ) -> None:
        self._config = config
        self._client = client
        self._schemas = schemas
        self._issues = issues
        self._reader = reader

    def check(self) -> Sequence[Check]:
        checks = [_step("connection", self._connection)]
        if not checks[0].is_ok:
            return checks
        for project in (self._config.project, *self._config.other_projects):
            checks += self._project(project)
        return [*checks, self._query()]

    def _connection(self) -> Iterator[str]:
        info = self._client.find("/serverInfo")
        if info is None:
            yield (
                f"there is no REST API of {self._config.deployment} at {self._config.url}; "
                "correct `url` or `deployment`"
            )
            return
        is_cloud = info.get("deploymentType", "Cloud") == "Cloud"
        if is_cloud != self._config.is_cloud:
            yield f"it is {info.get('deploymentType')}; correct `deployment`"
        numbers = info.get("versionNumbers") or [0]
        if not is_cloud and numbers[0] < _OLDEST_SERVER:
            yield f"it is version {info.get('version')}; paydown needs {_OLDEST_SERVER} or later"
        self._client.get("/myself")

    def _project(self, project: str) -> Iterator[Check]:
        there = _step(f"project {project}", lambda: self._is_there(project))
        yield there
        if not there.is_ok:
            return
        yield _step(f"permissions in {project}", lambda: self._permissions(project))
        yield _step(f"{self._config.issue_type} in {project}", lambda: self._epics(project))
        yield _step(f"{self._config.story_type} in {project}", lambda: self._stories(project))
        yield _step(f"owners in {project}", lambda: self._owners(project))

    def _is_there(self, project: str) -> Iterator[str]:
        self._schemas.project(project)
        yield from ()

    def _permissions(self, project: str) -> Iterator[str]:
        key = self._schemas.project(project)["key"]
        for name in self._reader.not_granted(key, *PERMISSIONS):
            yield f"grant {name} to the user of {self._config.token_env}"

    def _epics(self, project: str) -> Iterator[str]:
        """Notes of an epic as it would be sent: required fields, mapped ones, priorities."""
        notes: list[str] = []
        for band in self._config.priorities or ("",):
            notes += self._issues.prepare(
                sample_draft(owner="sample", project_key=project, band=band)
            ).notes
        yield from dict.fromkeys(notes)

    def _stories(self, project: str) -> Iterator[str]:
        parent = self._reader.refer("sample", {"id": "0", "key": f"{project}-0"})
        story = replace(sample_draft(owner="sample", project_key=project), parent=parent)
        yield from self._issues.prepare(story).notes

    def _owners(self, project: str) -> Iterator[str]:
        name = "accountId" if self._config.is_cloud else "username"
        same = "accountId" if self._config.is_cloud else "name"
        key = self._schemas.project(project)["key"]
        for owner, settings in self._config.owners.items():
            draft = sample_draft(owner=owner, project_key=project)
            yield from (note for note in self._issues.prepare(draft).notes if "omponent" in note)
            if settings.assignee is None:
                continue
            params = {"project": key, name: settings.assignee}
            people = self._client.listed("/user/assignable/search", params)
            if all(person.get(same) != settings.assignee for person in people):
                yield f"{settings.assignee} of {owner} can't be assigned epics; correct `owners`"

    def _query(self) -> Check:
        check = _step("board query", self._query_errors)
        return replace(check, message=board_jql(self._config)) if check.is_ok else check

    def _query_errors(self) -> Iterator[str]:
        jql = board_jql(self._config)
        if self._config.is_cloud:
            body = {"queries": [jql]}
            answer = self._client.ask("/jql/parse", body, {"validation": "strict"})
            errors = [text for one in answer.get("queries") or () for text in one.get("errors", ())]
            said = self._client.explain({"errorMessages": errors})
        else:
            params = {"jql": jql, "maxResults": 0, "validateQuery": "true", "fields": "key"}
            try:
                self._client.get("/search", params)
                said = ""
            except RejectedError as error:
                said = str(error)
        if said:
            yield (
                f"{jql}: {said}; create what it names, or set `fields.slo_burn` to the field "
                "that exists"
            )


def board_jql(config: JiraTrackerConfig) -> str:
    """Open epics, most urgent first: the query of a board or a filter."""
    burn = config.fields.slo_burn
    projects = map(jql_string, dict.fromkeys((config.project, *config.other_projects)))
    return (
        f"project in ({', '.join(projects)}) AND labels = {jql_string(config.board_label)} "
        "AND statusCategory != Done ORDER BY priority DESC"
        + (f", {_order_field(burn)} DESC" if burn else "")
    )


def _order_field(name: str) -> str:
    match = re.fullmatch(r"customfield_(\d+)", name)
    return f"cf[{match[1]}]" if match else jql_string(name)


def _step(name: str, errors: Callable[[], Iterator[str]]) -> Check:
    try:
        found = "; ".join(errors())
    except TrackerError as error:
        found = str(error)
    return Check(name, not found, found or "ok")
