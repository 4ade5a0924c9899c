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
    """States of a type with their categories, in their order."""

    type_name: str
    categories: Mapping[str, str]
    is_disabled: bool = False

    def closed_states(self, names: tuple[str, ...]) -> tuple[str, ...]:
        """The states that mean closed: `names` where the configuration has any."""
        wanted = {name.casefold() for name in names}
        return tuple(
            state
            for state, category in self.categories.items()
            if (state.casefold() in wanted if names else category in CLOSED_CATEGORIES)
        )

    def target(self, names: tuple[str, ...]) -> str:
        """The closed state to go to: of `names` the first that exists, else a completed one.

        Raises:
            RejectedError: there is none.
        """
        closed = {one.casefold(): one for one in self.closed_states(names)}
        named = [closed[name.casefold()] for name in names if name.casefold() in closed]
        completed = [one for one in closed.values() if self.categories[one] == "Completed"]
        if target := next(iter(named if names else completed), ""):
            return target
        raise RejectedError(
            f"azure_devops: {self.type_name} has no state to close it with; name one in "
            "`closed_states`, or close it by hand"
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
            self._workflows[at] = Workflow(
                type_name,
                {
                    str(one["name"]): str(one.get("category", ""))
                    for one in data.get("states") or ()
                },
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
