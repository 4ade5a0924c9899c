"""A work item's fields and states, by its type, and a draft or a change as JSON Patch."""

from __future__ import annotations

import html
import math
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from functools import cache
from typing import TypeAlias

from orchestration.http import RefusedError
from orchestration.trackers.markup import to_html
from orchestration.trackers.protocol import EpicChange, EpicDraft
from orchestration.trackers.text import one_line
from orchestration.vendors.azure_devops.client import Client
from orchestration.vendors.azure_devops.settings import AzureDevOpsTrackerConfig
from orchestration.vendors.base import iso
from orchestration.vendors.tracker_client import Json

CLOSED_CATEGORIES = frozenset({"Completed", "Removed"})
_STRING_LIMIT = 255
FieldValue: TypeAlias = str | int | float | bool
# Dates are times in Azure DevOps. At noon the day is the same in nearly every time zone.
_NOON = time(12, tzinfo=UTC)
_TITLE_LIMIT = 255
_TAG_LIMIT = 400
_MOST_TAGS = 100
_TAG_SEPARATORS = re.compile(r"[;,]")


@dataclass(frozen=True)
class Field:
    """A field of a type. `allowed` is empty if any value may be given."""

    reference: str
    kind: str
    allowed: tuple[str, ...] = ()

    def value_of(self, value: FieldValue | date) -> FieldValue:
        """`value` in this field's form; ValueError, to follow the field's name, says why not."""
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if isinstance(value, date) and self.kind == "dateTime":
            return iso(datetime.combine(value, _NOON))
        if isinstance(value, bool) and self.kind == "boolean":
            return value
        if is_number and self.kind in ("double", "picklistDouble"):
            return value
        if is_number and self.kind in ("integer", "picklistInteger"):
            return math.floor(value + 0.5)
        if self.kind in ("integer", "double", "boolean", "dateTime"):
            raise ValueError(f"is of type {self.kind}")
        return self._text(f"{value:.15g}" if is_number else str(value))

    def _text(self, text: str) -> str:
        if self.allowed:
            spelled = {one.casefold(): one for one in self.allowed}
            if text.casefold() not in spelled:
                raise ValueError(f"allows only {one_line(', '.join(self.allowed), 200)}")
            return spelled[text.casefold()]
        if self.kind == "html":
            return html.escape(one_line(text, 5000))
        return text if self.kind == "plainText" else one_line(text, _STRING_LIMIT)


@dataclass(frozen=True)
class Workflow:
    """States of a type with their categories, in order."""

    type_name: str
    categories: Mapping[str, str]
    is_disabled: bool

    def closed_states(self, names: tuple[str, ...]) -> tuple[str, ...]:
        """The states that mean closed: `names`, in order, if there are any."""
        if names:
            spelled = {state.casefold(): state for state in self.categories}
            found = (spelled.get(name.casefold()) for name in names)
            return tuple(state for state in found if state)
        return tuple(one for one, what in self.categories.items() if what in CLOSED_CATEGORIES)

    def target(self, names: tuple[str, ...]) -> str:
        """The closed state to use, the first of `names` or a completed one, or RefusedError."""
        for state in self.closed_states(names):
            if names or self.categories[state] == "Completed":
                return state
        raise RefusedError(
            f"azure_devops: {self.type_name} has no state to close it with; name one in "
            "`closed_states`, or close it by hand"
        )


class Schema:
    """Types of any project; raises SourceError."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._known = cache(lambda: {str(one["referenceName"]): one for one in client.fields()})
        self.fields = cache(self._fields)
        self.workflow = cache(self._workflow)

    def _workflow(self, project: str, type_name: str) -> Workflow:
        """States of a type. RefusedError if there is no such type."""
        data = self._client.work_item_type(project, type_name)
        if data is None:
            raise RefusedError(
                f"azure_devops: {project} has no work item type {type_name!r}; "
                "set `epic_type` and `story_type` to types that it has"
            )
        states = data.get("states") or ()
        categories = {str(one["name"]): str(one.get("category", "")) for one in states}
        return Workflow(type_name, categories, bool(data.get("isDisabled")))

    def _fields(self, project: str, type_name: str) -> Mapping[str, Field]:
        """Fields of a type by name and by reference name, in lower case."""
        fields: dict[str, Field] = {}
        for one in self._client.type_fields(project, type_name):
            about = self._known().get(str(one["referenceName"]), {})
            field = _field(one, about)
            fields[field.reference.lower()] = field
            fields.setdefault(str(about.get("name")).lower(), field)
        return fields


def _field(data: Json, about: Json) -> Field:
    kind = str(about.get("type") or "string")
    # For people and paths the list is long, partial and spelled differently; a list of suggestions
    # accepts other values too.
    is_open = kind in ("identity", "treePath")
    is_open = is_open or about.get("isIdentity") or about.get("isPicklistSuggested")
    allowed = () if is_open else tuple(map(str, data.get("allowedValues") or ()))
    return Field(str(data["referenceName"]), kind, allowed)


@dataclass
class Patch:
    """Operations to send, and notes about those that are left out."""

    operations: list[Json] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def set(self, reference: str, value: FieldValue) -> None:
        self.operations.append({"op": "add", "path": f"/fields/{reference}", "value": value})


def tag(label: str) -> str:
    """`label` as a tag; a tag can't have the separators of tags."""
    return one_line(_TAG_SEPARATORS.sub("-", label), _TAG_LIMIT)


def quoted(text: str) -> str:
    """`text` as a WIQL string."""
    return "'" + text.replace("'", "''") + "'"


def draft_patch(
    draft: EpicDraft, type_name: str, fields: Mapping[str, Field], config: AzureDevOpsTrackerConfig
) -> Patch:
    """The work item of a draft. A field that the type doesn't have is noted, and left out."""
    patch = Patch()
    patch.set("System.Title", one_line(draft.title, _TITLE_LIMIT))
    patch.set("System.Description", to_html(draft.body))
    labels = dict.fromkeys(map(tag, (draft.key, *draft.labels)))
    patch.set("System.Tags", "; ".join(list(labels)[:_MOST_TAGS]))
    if draft.owner not in config.owners:
        note = f"the owner {draft.owner} is not in `owners`, so the work item is unassigned"
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
    """The purpose of a field, the field, and its value, which may be empty."""
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


def change_patch(
    change: EpicChange, fields: Mapping[str, Field], config: AzureDevOpsTrackerConfig
) -> Patch:
    """The change's comment, which ends with its mark, and score and burn if there are fields."""
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
