"""What the process of a project knows: types, their fields and states. Asked once a process."""

from __future__ import annotations

import html
import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Any, TypeAlias

from orchestration.trackers.protocol import RejectedError
from orchestration.trackers.text import one_line
from orchestration.vendors.azure_devops.client import Client
from orchestration.vendors.base import iso

CLOSED_CATEGORIES = frozenset({"Completed", "Removed"})
_STRING_LIMIT = 255
FieldValue: TypeAlias = str | int | float | bool
# Dates are moments in Azure DevOps. At noon the day is the same for nearly every reader.
_NOON = time(12, tzinfo=UTC)


@dataclass(frozen=True)
class Field:
    """A field of a type. `allowed` is empty where every value may be given."""

    reference: str
    kind: str
    allowed: tuple[str, ...] = ()

    def value_of(self, value: FieldValue | date) -> FieldValue:
        """`value` as this field holds it.

        Raises:
            ValueError: it can't; the message can follow the field's name.
        """
        match value:
            case date():
                if self.kind == "dateTime":
                    return iso(datetime.combine(value, _NOON))
                return self._text(value.isoformat())
            case bool():
                return value if self.kind == "boolean" else self._text(str(value).lower())
            case int() | float():
                return self._number(value)
            case _:
                return self._text(value)

    def _number(self, value: float) -> FieldValue:
        if self.kind in ("integer", "picklistInteger"):
            return math.floor(value + 0.5)
        if self.kind in ("double", "picklistDouble"):
            return value
        return self._text(f"{value:.15g}")

    def _text(self, value: str) -> str:
        if self.kind in ("integer", "double", "boolean", "dateTime"):
            raise ValueError(f"is of type {self.kind}")
        if self.allowed:
            spelled = {one.casefold(): one for one in self.allowed}
            if value.casefold() not in spelled:
                raise ValueError(f"takes only {one_line(', '.join(self.allowed), 200)}")
            return spelled[value.casefold()]
        if self.kind == "html":
            return html.escape(one_line(value, 5000))
        return value if self.kind == "plainText" else one_line(value, _STRING_LIMIT)


@dataclass(frozen=True)
class Workflow:
    """States of a type with their categories in their order, and from where one gets to where.

    `ways` is empty where the server doesn't say; then every way is tried.
    """

    type_name: str
    categories: Mapping[str, str]
    ways: Mapping[str, frozenset[str]]
    is_disabled: bool = False

    def closed_states(self, names: tuple[str, ...]) -> tuple[str, ...]:
        """The states that mean closed: `names` where the configuration has any."""
        wanted = {name.casefold() for name in names}
        return tuple(
            state
            for state, category in self.categories.items()
            if (state.casefold() in wanted if names else category in CLOSED_CATEGORIES)
        )

    def way_to_closed(self, state: str, names: tuple[str, ...]) -> str:
        """The closed state to go to; of those that may be named, the first, else a completed one.

        Raises:
            RejectedError: there is no such state, or no direct way to it.
        """
        closed = self.closed_states(names)
        if names:
            spelled = {one.casefold(): one for one in closed}
            closed = tuple(spelled[n.casefold()] for n in names if n.casefold() in spelled)
        else:
            closed = tuple(one for one in closed if self.categories[one] == "Completed")
        for one in closed:
            if not self.ways or one in self.ways.get(state, frozenset()):
                return one
        raise RejectedError(
            f"azure_devops: a work item of type {self.type_name} doesn't get from {state!r} to a "
            f"closed state ({', '.join(closed) or 'there is none'}) in one step; close it by hand, "
            "or name a state in `closed_states`"
        )


class Schema:
    """Types of any project, cached for as long as this object lives."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._known: dict[str, Mapping[str, Any]] | None = None
        self._fields: dict[tuple[str, str], dict[str, Field]] = {}
        self._workflows: dict[tuple[str, str], Workflow] = {}

    def workflow(self, project: str, type_name: str) -> Workflow:
        """States of a type. Raises TrackerError; RejectedError where there is no such type."""
        at = (project.casefold(), type_name.casefold())
        if at not in self._workflows:
            data = self._client.work_item_type(project, type_name)
            if data is None:
                raise RejectedError(
                    f"azure_devops: {project} has no work item type {type_name!r}; "
                    "set `epic_type` and `story_type` to types that it has"
                )
            states = data.get("states") or self._client.type_states(project, type_name)
            self._workflows[at] = Workflow(
                type_name,
                {str(one["name"]): str(one.get("category", "")) for one in states},
                _ways(data.get("transitions")),
                bool(data.get("isDisabled")),
            )
        return self._workflows[at]

    def fields(self, project: str, type_name: str) -> Mapping[str, Field]:
        """Fields of a type by reference name in lower case. Raises TrackerError."""
        at = (project.casefold(), type_name.casefold())
        if at not in self._fields:
            if self._known is None:
                self._known = {str(one["referenceName"]): one for one in self._client.fields()[0]}
            self._fields[at] = {
                str(one["referenceName"]).lower(): _field(one, self._known)
                for one in self._client.type_fields(project, type_name)
            }
        return self._fields[at]


def _field(data: Mapping[str, Any], known: Mapping[str, Mapping[str, Any]]) -> Field:
    reference = str(data["referenceName"])
    about = known.get(reference, {})
    kind = str(about.get("type") or "string")
    # Of people and places the list is long, partial and spelled otherwise; a list that only
    # suggests takes other values too.
    is_closed = kind not in ("identity", "treePath") and not (
        about.get("isIdentity") or about.get("isPicklistSuggested")
    )
    return Field(
        reference,
        kind,
        allowed=tuple(map(str, data.get("allowedValues") or ())) if is_closed else (),
    )


def _ways(data: Any) -> dict[str, frozenset[str]]:
    if not isinstance(data, dict):
        return {}
    return {
        str(state): frozenset(str(way["to"]) for way in ways or ()) for state, ways in data.items()
    }
