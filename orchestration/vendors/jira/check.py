"""Checks before epics can be opened, step by step, and the board's query."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import product

from orchestration.http import RefusedError
from orchestration.trackers.protocol import Check
from orchestration.vendors.jira.client import Client, jql_string
from orchestration.vendors.jira.issues import Issues
from orchestration.vendors.jira.settings import JiraTrackerConfig
from orchestration.vendors.tracker_checks import fine, sample_draft, step

PERMISSIONS = (
    "BROWSE_PROJECTS",
    "CREATE_ISSUES",
    "EDIT_ISSUES",
    "ADD_COMMENTS",
    "TRANSITION_ISSUES",
)
_OLDEST_SERVER = 9


def checks(config: JiraTrackerConfig, client: Client, issues: Issues) -> Iterator[Check]:
    """All checks in order. If one fails, those that depend on it are left out."""
    connection = step("connection", lambda: _connection(config, client))
    yield connection
    if not connection.is_ok:
        return
    for project in (config.project, *config.other_projects):
        there = step(f"project {project}", lambda: fine(issues.schemas.project(project)))  # noqa: B023
        yield there
        if there.is_ok:
            yield from _project(config, client, issues, project)
    jql = board_jql(config)
    yield step("board query", lambda: _query(config, client, jql), jql)


def _connection(config: JiraTrackerConfig, client: Client) -> Iterator[str]:
    info = client.find("/serverInfo")
    if info is None:
        yield (
            f"there is no REST API of {config.deployment} at {config.url}; "
            "correct `url` or `deployment`"
        )
        return
    is_cloud = info.get("deploymentType", "Cloud") == "Cloud"
    if is_cloud != config.is_cloud:
        yield f"it is {info.get('deploymentType')}; correct `deployment`"
    numbers = info.get("versionNumbers") or [0]
    if not is_cloud and numbers[0] < _OLDEST_SERVER:
        yield f"it is version {info.get('version')}; paydown needs {_OLDEST_SERVER} or later"
    client.get("/myself")


def _project(
    config: JiraTrackerConfig, client: Client, issues: Issues, project: str
) -> Iterator[Check]:
    key = issues.schemas.project(project)["key"]

    def permissions() -> Iterator[str]:
        for name in issues.reader.not_granted(key, *PERMISSIONS):
            yield f"grant {name} to the user of {config.token_env}"

    def epics() -> Iterator[str]:
        """Notes about epics as they would be sent: required fields, mapped ones, priorities."""
        for owner, band in product(config.owners or ("sample",), config.priorities or ("",)):
            draft = sample_draft(owner=owner, project_key=project, band=band)
            yield from issues.prepare(draft).notes

    def stories() -> Iterator[str]:
        parent = issues.reader.refer("sample", {"id": "0", "key": f"{project}-0"})
        draft = sample_draft(owner="sample", project_key=project)
        yield from issues.prepare(replace(draft, parent=parent)).notes

    def owners() -> Iterator[str]:
        account, assignable = config.dialect.account, config.dialect.assignable
        for owner, settings in config.owners.items():
            person, params = settings.assignee, {"project": key, assignable: settings.assignee}
            people = client.listed("/user/assignable/search", params) if person else []
            if person and all(one.get(account) != person for one in people):
                yield f"{person} of {owner} can't be assigned epics; correct `owners`"

    yield step(f"permissions in {project}", permissions)
    yield step(f"{config.issue_type} in {project}", epics)
    yield step(f"{config.story_type} in {project}", stories)
    yield step(f"owners in {project}", owners)


def _query(config: JiraTrackerConfig, client: Client, jql: str) -> Iterator[str]:
    problem = ""
    if config.is_cloud:
        answer = client.ask("/jql/parse", {"queries": [jql]}, {"validation": "strict"})
        errors = [text for one in answer.get("queries") or () for text in one.get("errors", ())]
        problem = client.explain({"errorMessages": errors})
    else:
        try:
            client.ask("/search", {"jql": jql, "maxResults": 0, "fields": ["key"]})
        except RefusedError as error:
            problem = str(error)
    if problem:
        fix = "create what it names, or set `fields.slo_burn` to the field that exists"
        yield f"{jql}: {problem}; {fix}"


def board_jql(config: JiraTrackerConfig) -> str:
    """Open epics, most urgent first: the query of a board or a filter."""
    burn = config.fields.slo_burn
    projects = map(jql_string, dict.fromkeys((config.project, *config.other_projects)))
    query = (
        f"project in ({', '.join(projects)}) AND labels = {jql_string(config.board_label)} "
        "AND statusCategory != Done ORDER BY priority DESC"
    )
    if not burn:
        return query
    custom = re.fullmatch(r"customfield_(\d+)", burn)
    return f"{query}, {f'cf[{custom[1]}]' if custom else jql_string(burn)} DESC"
