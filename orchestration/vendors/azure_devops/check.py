"""What must hold before anything is written, and the query of the board."""

from __future__ import annotations

from collections.abc import Iterator

from orchestration.trackers.protocol import Check, TrackerError
from orchestration.trackers.text import one_line
from orchestration.vendors.azure_devops.client import Client
from orchestration.vendors.azure_devops.patch import draft_patch, quoted, tag
from orchestration.vendors.azure_devops.process import Schema, Workflow
from orchestration.vendors.azure_devops.settings import AzureDevOpsTrackerConfig
from orchestration.vendors.tracker_checks import sample_draft

_PRIORITY = "Microsoft.VSTS.Common.Priority"


def checks(client: Client, schema: Schema, config: AzureDevOpsTrackerConfig) -> list[Check]:
    """All checks in their order; a step that fails ends it, but for the last two."""
    done: list[Check] = []
    step = "connection"
    try:
        done.append(_connection(client))
        step = "project"
        done.append(_project(client))
        if not done[-1].is_ok:
            return done
        for type_name in _types(config):
            step = f"type {type_name}"
            done.extend(_type(schema, config, type_name))
    except TrackerError as error:
        return [*done, Check(step, False, str(error))]
    for name, last in (("permission", _permission), ("query", _query)):
        try:
            done.append(last(client, schema, config))
        except TrackerError as error:
            done.append(Check(name, False, str(error)))
    return done


def board_wiql(schema: Schema, config: AzureDevOpsTrackerConfig) -> str:
    """Open epics by priority, then by burn: the board. Raises TrackerError.

    WIQL knows no categories of states, so the closed ones are named.
    """
    workflow = schema.workflow(config.project, config.epic_type)
    fields = schema.fields(config.project, config.epic_type)
    burn = fields.get(config.fields.slo_burn.lower())
    priority = fields.get(_PRIORITY.lower())
    columns = ["System.Id", "System.Title", "System.State", "System.AssignedTo"]
    order = []
    if priority:
        # 1 is the most urgent.
        order.append(f"[{priority.reference}]")
        columns.append(priority.reference)
    if burn:
        order.append(f"[{burn.reference}] DESC")
        columns.append(burn.reference)
    wheres = [
        "[System.TeamProject] = @project",
        f"[System.Tags] CONTAINS {quoted(tag(config.board_tag))}",
    ]
    if closed := workflow.closed_states(config.closed_states):
        wheres.append(f"[System.State] NOT IN ({', '.join(map(quoted, closed))})")
    selected = ", ".join(f"[{column}]" for column in columns)
    ordered = ", ".join(order) or "[System.Id]"
    return " ".join(
        ("SELECT", selected, "FROM WorkItems WHERE", " AND ".join(wheres), "ORDER BY", ordered)
    )


def _connection(client: Client) -> Check:
    user = client.connection().get("authenticatedUser")
    name = user.get("providerDisplayName") if isinstance(user, dict) else None
    return Check("connection", True, f"{client.url} as {one_line(name or 'an unnamed user', 100)}")


def _project(client: Client) -> Check:
    state = str(client.described_project().get("state", ""))
    if state == "wellFormed":
        return Check("project", True, client.project)
    said = (
        f"{client.project} is {one_line(state, 40) or 'in no known state'}, so it can't be written"
    )
    return Check("project", False, f"{said}; restore it, or set `project`")


def _type(schema: Schema, config: AzureDevOpsTrackerConfig, type_name: str) -> Iterator[Check]:
    workflow = schema.workflow(config.project, type_name)
    yield Check(f"type {type_name}", *_usable(workflow, config))
    fields = schema.fields(config.project, type_name)
    mapped = {
        reference: name
        for name in type(config.fields).model_fields
        if (reference := getattr(config.fields, name))
    } | dict.fromkeys(config.extra_fields, "extra_fields")
    absent = [one for one in mapped if one.lower() not in fields]
    # What nobody asked for may be absent, and in stories anything: descriptions say it all.
    by_hand = {"extra_fields", *config.fields.model_fields_set}
    asked = type_name == config.epic_type and any(mapped[one] in by_hand for one in absent)
    listed = one_line(", ".join(absent), 300)
    if absent:
        message = f"{type_name} has no {listed}; they stay in the description only"
        fix = "; add them to the type, or take them out of `fields`" if asked else ""
        yield Check(f"fields of {type_name}", not asked, message + fix)
    else:
        yield Check(f"fields of {type_name}", True, f"all {len(mapped)} mapped fields are there")


def _usable(workflow: Workflow, config: AzureDevOpsTrackerConfig) -> tuple[bool, str]:
    if workflow.is_disabled:
        return False, f"{workflow.type_name} is disabled in this process; enable it"
    closed = workflow.closed_states(config.closed_states)
    if not closed:
        return False, f"{workflow.type_name} has no closed state; name one in `closed_states`"
    return True, f"closed when {one_line(' or '.join(closed), 200)}"


def _permission(client: Client, schema: Schema, config: AzureDevOpsTrackerConfig) -> Check:
    """Asks whether an epic and a story could be opened for each owner; the server opens none."""
    places = {place: owner for owner, place in config.owners.items()} or {None: "nobody"}
    for owner in places.values():
        for type_name in _types(config):
            fields = schema.fields(config.project, type_name)
            patch = draft_patch(sample_draft(owner=owner), type_name, fields, config)
            client.create(type_name, patch.operations, validate_only=True)
    where = " in the area of every owner" if config.owners else ""
    return Check("permission", True, f"epics and stories may be opened{where}")


def _types(config: AzureDevOpsTrackerConfig) -> tuple[str, ...]:
    return tuple(dict.fromkeys((config.epic_type, config.story_type)))


def _query(client: Client, schema: Schema, config: AzureDevOpsTrackerConfig) -> Check:
    wiql = board_wiql(schema, config)
    client.search(wiql, top=1)
    return Check("query", True, wiql)
