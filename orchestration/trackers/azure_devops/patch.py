"""Drafts and changes as JSON Patch documents. Pure: what to write, and why something is not."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from orchestration.trackers.azure_devops.config import AzureDevOpsConfig
from orchestration.trackers.azure_devops.html import render
from orchestration.trackers.azure_devops.schema import Field, FieldValue
from orchestration.trackers.document import Paragraph, Span
from orchestration.trackers.protocol import EpicChange, EpicDraft, Figures
from orchestration.trackers.text import one_line

FIGURES = ("score", "slo_burn", "estimate_days", "budget_usd")
PARENT_LINK = "System.LinkTypes.Hierarchy-Reverse"
TOLD_BY = "Told by paydown as "
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


def draft_patch(
    draft: EpicDraft, type_name: str, fields: TypeFields, config: AzureDevOpsConfig
) -> Patch:
    """The work item of a draft. A field that the type doesn't have is noted, and left out."""
    patch = Patch()
    patch.set("System.Title", one_line(draft.title, _TITLE_LIMIT))
    patch.set("System.Description", render(draft.body))
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
        **{name: getattr(draft.figures, name) for name in FIGURES},
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
    change: EpicChange, now: Mapping[str, Any], fields: TypeFields, config: AzureDevOpsConfig
) -> tuple[list[Operation], frozenset[str]]:
    """What brings the figures up to date, and the names of those that a person has edited.

    now: the fields of the work item.
    """
    if change.written is None:
        return [], frozenset()
    operations: list[Operation] = []
    edited: set[str] = set()
    for name, one in _mapped_figures(fields, config):
        is_there, wanted = now.get(one.reference), _held(one, change.figures, name)
        if _is_same(is_there, wanted):
            continue
        if not _is_same(is_there, _held(one, change.written, name)):
            edited.add(name)
        elif wanted is None:
            operations.append({"op": "remove", "path": f"/fields/{one.reference}"})
        else:
            path = f"/fields/{one.reference}"
            operations.append({"op": "add", "path": path, "value": wanted})
    return operations, frozenset(edited)


def comment(change: EpicChange) -> Operation:
    """The change as a comment that ends with its mark."""
    mark = Paragraph((Span(TOLD_BY), Span(change.change_id, is_code=True)))
    text = render((*change.body, mark))
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


def _mapped_figures(fields: TypeFields, config: AzureDevOpsConfig) -> Iterator[tuple[str, Field]]:
    for name in FIGURES:
        one = fields.get(getattr(config.fields, name).lower())
        if one is not None:
            yield name, one


def _held(one: Field, figures: Figures, name: str) -> FieldValue | None:
    value = getattr(figures, name)
    try:
        return None if value is None else one.value_of(value)
    except ValueError:
        return None


def _is_same(left: Any, right: Any) -> bool:
    if left in (None, "") or right in (None, ""):
        return left in (None, "") and right in (None, "")
    try:
        return math.isclose(float(left), float(right), rel_tol=1e-9)
    except (TypeError, ValueError):
        return bool(left == right)
