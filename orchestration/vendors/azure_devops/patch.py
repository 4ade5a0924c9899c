"""Drafts and changes as JSON Patch documents. Pure: what to write, and why something is not."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from orchestration.trackers.markup import to_html
from orchestration.trackers.protocol import EpicChange, EpicDraft
from orchestration.trackers.text import one_line
from orchestration.vendors.azure_devops.process import Field, FieldValue
from orchestration.vendors.azure_devops.settings import AzureDevOpsTrackerConfig

FIGURES = ("score", "slo_burn", "estimate_days", "budget_usd")
# Of these, what every change writes.
OWNED = ("score", "slo_burn")
PARENT_LINK = "System.LinkTypes.Hierarchy-Reverse"
_MARKED_BY = "Added by paydown as "
_TITLE_LIMIT = 255
_TAG_LIMIT = 400
_MOST_TAGS = 100
_TAG_SEPARATORS = re.compile(r"[;,]")
Operation = dict[str, Any]
TypeFields = Mapping[str, Field]


@dataclass
class Patch:
    """Operations to send, and what a person should know of those that are not."""

    operations: list[Operation] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def set(self, reference: str, value: FieldValue) -> None:
        self.operations.append({"op": "add", "path": f"/fields/{reference}", "value": value})


def tag(label: str) -> str:
    """`label` as a tag; what separates tags can't be within one."""
    return one_line(_TAG_SEPARATORS.sub("-", label), _TAG_LIMIT)


def quoted(text: str) -> str:
    """`text` as a string of WIQL."""
    return "'" + text.replace("'", "''") + "'"


def draft_patch(
    draft: EpicDraft, type_name: str, fields: TypeFields, config: AzureDevOpsTrackerConfig
) -> Patch:
    """The work item of a draft. A field that the type doesn't have is noted, and left out."""
    patch = Patch()
    patch.set("System.Title", one_line(draft.title, _TITLE_LIMIT))
    patch.set("System.Description", to_html(draft.body))
    labels = dict.fromkeys(map(tag, (draft.key, *draft.labels)))
    patch.set("System.Tags", "; ".join(list(labels)[:_MOST_TAGS]))
    wanted: dict[str, tuple[str, FieldValue | date | None]] = {
        reference: ("extra_fields", value) for reference, value in config.extra_fields.items()
    }
    place = config.owners.get(draft.owner)
    if place is None:
        patch.notes.append(
            f"the owner {draft.owner} is not in `owners`, so the work item is nobody's"
        )
    else:
        wanted["System.AreaPath"] = ("area_path", place.area_path or None)
        wanted["System.AssignedTo"] = ("assigned_to", place.assigned_to or None)
    mapped: dict[str, FieldValue | date | None] = {
        **{name: getattr(draft, name) for name in FIGURES},
        "target_maturity": draft.target_maturity or None,
        "risk_id": ", ".join(draft.risk_ids) or None,
        "due_date": draft.due_date,
    }
    for name, value in mapped.items():
        if reference := getattr(config.fields, name):
            wanted[reference] = (name, value)
    for reference, (name, value) in wanted.items():
        if value is not None:
            _fill(patch, fields, type_name, reference, name, value)
    if draft.parent and not draft.parent.id.isdigit():
        patch.notes.append("it is linked to its epic when that is open")
    elif draft.parent:
        link = {"rel": PARENT_LINK, "url": f"{config.url}/_apis/wit/workItems/{draft.parent.id}"}
        patch.operations.append({"op": "add", "path": "/relations/-", "value": link})
    return patch


def figures_patch(
    change: EpicChange, fields: TypeFields, config: AzureDevOpsTrackerConfig
) -> list[Operation]:
    """What writes the change's score and burn into the fields that hold them."""
    operations: list[Operation] = []
    for name in OWNED:
        one = fields.get(getattr(config.fields, name).lower())
        value = getattr(change, name)
        if one is None:
            continue
        with suppress(ValueError):
            written = "" if value is None else one.value_of(value)
            path = f"/fields/{one.reference}"
            operations.append({"op": "add", "path": path, "value": written})
    return operations


def comment(change: EpicChange) -> Operation:
    """The change as a comment that ends with its mark."""
    text = to_html(change.body) + to_html(f"{_MARKED_BY}`{change.change_id}`")
    return {"op": "add", "path": "/fields/System.History", "value": text}


def _fill(
    patch: Patch,
    fields: TypeFields,
    type_name: str,
    reference: str,
    name: str,
    value: FieldValue | date,
) -> None:
    one = fields.get(reference.lower())
    if one is None:
        patch.notes.append(f"{type_name} has no field {reference}, so {name} is not filled there")
        return
    try:
        patch.set(one.reference, one.value_of(value))
    except ValueError as error:
        patch.notes.append(f"{reference} {error}, so {name} ({value}) is not filled there")
