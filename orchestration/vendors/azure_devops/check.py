"""Checks before anything is written, and the board's query."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from orchestration.trackers.protocol import Check
from orchestration.trackers.text import one_line
from orchestration.vendors.azure_devops.client import Client
from orchestration.vendors.azure_devops.settings import AzureDevOpsTrackerConfig
from orchestration.vendors.azure_devops.work_item import Schema, draft_patch, quoted, tag
from orchestration.vendors.tracker_checks import fine, sample_draft, step


def checks(client: Client, schema: Schema, config: AzureDevOpsTrackerConfig) -> Iterator[Check]:
    """All checks in order; the server validates a draft and opens none."""
    connection = step("connection", lambda: _project(client), f"{client.project} at {client.url}")
    yield connection
    if not connection.is_ok:
        return
    types = dict.fromkeys((config.epic_type, config.story_type))
    for name in types:
        yield step(f"type {name}", lambda: _type(schema, config, name))  # noqa: B023
    if config.closed_states:
        yield step("closed states", lambda: _closed_states(schema, config, types))
    yield step("permission", lambda: _permission(client, schema, config))
    query = step("query", lambda: fine(client.search(board_wiql(schema, config), **{"$top": 1})))
    yield replace(query, message=board_wiql(schema, config)) if query.is_ok else query


def board_wiql(schema: Schema, config: AzureDevOpsTrackerConfig) -> str:
    """Open epics by priority, then by burn: the board. Raises SourceError.

    WIQL has no categories of states, so the closed ones are named.
    """
    fields = schema.fields(config.project, config.epic_type)
    closed = schema.workflow(config.project, config.epic_type).closed_states(config.closed_states)
    # 1 is the most urgent priority.
    wanted = {"Microsoft.VSTS.Common.Priority": "", config.fields.slo_burn: " DESC"}
    order = {
        f"[{fields[name.lower()].reference}]": way
        for name, way in wanted.items()
        if name.lower() in fields
    }
    columns = ["[System.Id]", "[System.Title]", "[System.State]", "[System.AssignedTo]", *order]
    wheres = [
        "[System.TeamProject] = @project",
        f"[System.Tags] CONTAINS {quoted(tag(config.board_tag))}",
        f"[System.State] NOT IN ({', '.join(map(quoted, closed))})",
    ]
    ordered = ", ".join(f"{column}{way}" for column, way in order.items()) or "[System.Id]"
    return (
        f"SELECT {', '.join(columns)} FROM WorkItems WHERE {' AND '.join(wheres)} "  # noqa: S608
        f"ORDER BY {ordered}"
    )


def _project(client: Client) -> Iterator[str]:
    state = client.project_state()
    if state != "wellFormed":
        shown = one_line(state, 40) or "in no known state"
        yield f"{client.project} is {shown}, so it can't be written; restore it, or set `project`"


def _type(schema: Schema, config: AzureDevOpsTrackerConfig, type_name: str) -> Iterator[str]:
    workflow = schema.workflow(config.project, type_name)
    if workflow.is_disabled:
        yield f"{type_name} is disabled in this process; enable it"
    if not workflow.closed_states(config.closed_states):
        yield f"{type_name} has no closed state; name one in `closed_states`"
    if type_name != config.epic_type:
        # Stories need no fields for the figures of epics.
        return
    fields = schema.fields(config.project, type_name)
    by_hand = [getattr(config.fields, name) for name in config.fields.model_fields_set]
    for name in filter(None, [*by_hand, *config.extra_fields]):
        if name.lower() not in fields:
            yield f"{type_name} has no {name}; add it to the type, or remove it from the settings"


def _closed_states(
    schema: Schema, config: AzureDevOpsTrackerConfig, types: Iterable[str]
) -> Iterator[str]:
    workflows = [schema.workflow(config.project, name) for name in types]
    states = {state.casefold(): state for one in workflows for state in one.categories}
    for name in config.closed_states:
        if name.casefold() not in states:
            offered = ", ".join(states.values())
            yield f"no type has the state {name}; correct `closed_states` (there are {offered})"


def _permission(client: Client, schema: Schema, config: AzureDevOpsTrackerConfig) -> Iterator[str]:
    """Checks whether an epic and a story could be opened for each owner."""
    places = {place: owner for owner, place in config.owners.items()} or {None: "nobody"}
    for owner in places.values():
        for type_name in dict.fromkeys((config.epic_type, config.story_type)):
            fields = schema.fields(config.project, type_name)
            patch = draft_patch(sample_draft(owner=owner), type_name, fields, config)
            client.validate(type_name, patch.operations)
    yield from ()
