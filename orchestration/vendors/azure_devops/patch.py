"""Drafts and changes as JSON Patch documents. Pure: what to write, and why something is not."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date

from orchestration.trackers.markup import to_html
from orchestration.trackers.protocol import EpicChange, EpicDraft
from orchestration.trackers.text import one_line
from orchestration.vendors.azure_devops.process import Field, FieldValue
from orchestration.vendors.azure_devops.settings import AzureDevOpsTrackerConfig
from orchestration.vendors.tracker_client import Json

_TITLE_LIMIT = 255
_TAG_LIMIT = 400
_MOST_TAGS = 100
_TAG_SEPARATORS = re.compile(r"[;,]")
TypeFields = Mapping[str, Field]


@dataclass
class Patch:
    """Operations to send, and what a person should know of those that are not."""

    operations: list[Json] = field(default_factory=list)
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
    if draft.owner not in config.owners:
        note = f"the owner {draft.owner} is not in `owners`, so the work item is nobody's"
        patch.notes.append(note)
    for name, reference, value in _wanted(draft, config):
        one = fields.get(reference.lower())
        if value in (None, ""):
            continue
        if one is None:
            note = f"{type_name} has no field {reference}, so {name} is not filled there"
            patch.notes.append(note)
            continue
        try:
            patch.set(one.reference, one.value_of(value))
        except ValueError as error:
            note = f"{reference} {error}, so {name} ({value}) is not filled there"
            patch.notes.append(note)
    if draft.parent:
        url = f"{config.url}/_apis/wit/workItems/{draft.parent.id}"
        link = {"rel": "System.LinkTypes.Hierarchy-Reverse", "url": url}
        patch.operations.append({"op": "add", "path": "/relations/-", "value": link})
    return patch


def _wanted(
    draft: EpicDraft, config: AzureDevOpsTrackerConfig
) -> Iterator[tuple[str, str, FieldValue | date]]:
    """What fills a field, the field, and its value, which may be empty."""
    for reference, value in config.extra_fields.items():
        yield "extra_fields", reference, value
    if place := config.owners.get(draft.owner):
        yield "area_path", "System.AreaPath", place.area_path
        yield "assigned_to", "System.AssignedTo", place.assigned_to
    for name, reference in config.fields.named().items():
        yield (
            name,
            reference,
            ", ".join(draft.risk_ids) if name == "risk_id" else getattr(draft, name),
        )


def change_patch(change: EpicChange, fields: TypeFields, config: AzureDevOpsTrackerConfig) -> Patch:
    """The change's comment, which ends with its mark, and its score and burn where fields are."""
    patch = Patch()
    for reference, value in (
        (config.fields.score, change.score),
        (config.fields.slo_burn, change.slo_burn),
    ):
        if one := fields.get(reference.lower()):
            with suppress(ValueError):
                patch.set(one.reference, "" if value is None else one.value_of(value))
    mark = to_html(f"Added by paydown as `{change.change_id}`")
    patch.set("System.History", to_html(change.body) + mark)
    return patch
