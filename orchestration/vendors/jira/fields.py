"""Fields of a Jira project: found by name, and values in the form that their kind accepts."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from orchestration.http import RefusedError
from orchestration.trackers.text import one_line
from orchestration.vendors.jira.client import Client
from orchestration.vendors.tracker_client import Json

EPIC_NAME = "com.pyxis.greenhopper.jira:gh-epic-label"
EPIC_LINK = "com.pyxis.greenhopper.jira:gh-epic-link"
_TEXT_LIMIT = 255
_NAMED = frozenset({"component", "version", "priority", "resolution", "issuetype"})


@dataclass(frozen=True)
class JiraField:
    """A field on a screen.

    kind: `number`, `string`, `option`...; items: the kind of an array's items; custom: the key of
    its type; is_required: and Jira has no default; allowed: names, empty if anything is allowed.
    """

    id: str
    name: str
    kind: str
    items: str
    custom: str
    is_required: bool
    allowed: tuple[str, ...]

    @property
    def is_long_text(self) -> bool:
        return self.kind == "string" and self.custom.endswith(":textarea")


@dataclass(frozen=True)
class Screen:
    """The fields for creating one issue type in one project."""

    project_id: str
    project_key: str
    type_id: str
    type_name: str
    fields: Mapping[str, JiraField]

    def custom(self, kind: str) -> JiraField | None:
        """The field of a custom type, such as Epic Link."""
        return next((field for field in self.fields.values() if field.custom == kind), None)


class Schemas:
    """Jira's projects and fields, asked once per process."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self.project = cache(self._project)
        self.screen = cache(self._screen)

    def _project(self, key: str) -> Json:
        """The project, by its current or a former key. RefusedError if it can't be used."""
        project = self._client.find(f"/project/{key}", id=str, key=str)
        if project is None:
            raise RefusedError(
                f"jira: project {key} doesn't exist, or is hidden; correct `project`, or let the "
                f"user of {self._client.site.token_env} browse it"
            )
        if project.get("archived"):
            raise RefusedError(f"jira: project {key} is archived; restore it or choose another")
        return project

    def _screen(self, project: str, type_name: str) -> Screen:
        """Raises RefusedError like `project`, and if the project has no such type."""
        found = self.project(project)
        path = f"/issue/createmeta/{found['id']}/issuetypes"
        types = self._client.pages(path, "issueTypes", "values")
        ids = {str(one["name"]): str(one["id"]) for one in types}
        wanted = next((name for name in ids if name.casefold() == type_name.casefold()), None)
        if wanted is None:
            offered = ", ".join(ids) or "none: may its user create issues there?"
            raise RefusedError(
                f"jira: project {project} has no issue type {type_name!r} (it has {offered}); "
                "set `issue_type` and `story_type`"
            )
        entries = self._client.pages(f"{path}/{ids[wanted]}", "fields", "values")
        fields = [read_field(str(one.get("fieldId") or one.get("key")), one) for one in entries]
        by_id = {field.id: field for field in fields}
        return Screen(found["id"], found["key"], ids[wanted], wanted, by_id)


def find_field(fields: Iterable[JiraField], name: str) -> JiraField | None:
    """The field of that id or name."""
    wanted = name.casefold()
    return next((one for one in fields if wanted in (one.id.casefold(), one.name.casefold())), None)


def read_field(field_id: str, entry: Json) -> JiraField:
    """A field as `createmeta` and `editmeta` describe it."""
    schema = entry.get("schema") or {}
    allowed = [one for one in entry.get("allowedValues") or () if isinstance(one, dict)]
    return JiraField(
        id=field_id,
        name=str(entry.get("name") or field_id),
        kind=str(schema.get("type") or ""),
        items=str(schema.get("items") or ""),
        custom=str(schema.get("custom") or ""),
        is_required=bool(entry.get("required")) and not entry.get("hasDefaultValue"),
        allowed=tuple(str(one.get("name") or one.get("value") or "") for one in allowed),
    )


def put(field: JiraField, value: Any, rich: Callable[[str], Any]) -> Any:
    """`value` in the field's form for a request; a mapping is passed on unchanged.

    rich: converts a text for multi-line fields. ValueError says why the value isn't accepted.
    """
    items = value if isinstance(value, list) else [value]
    if any(isinstance(one, dict) for one in items):
        return value
    if field.kind == "array":
        return [_item(field, field.items, one) for one in items]
    if isinstance(value, list):
        raise ValueError("accepts one value")
    return rich(_text(value)) if field.is_long_text else _item(field, field.kind, value)


def _item(field: JiraField, kind: str, value: Any) -> Any:
    if kind == "number":
        return _number(value)
    text = _text(value)
    if field.allowed:
        spelled = {name.casefold(): name for name in field.allowed}
        if text.casefold() not in spelled:
            offered = one_line(", ".join(field.allowed), 200)
            raise ValueError(f"accepts {offered}, not {one_line(text, 60)!r}")
        text = spelled[text.casefold()]
    if kind == "option":
        return {"value": text}
    if kind in _NAMED:
        return {"name": text}
    if kind in {"string", "date", "datetime", "team"}:
        # An array of strings is a field of labels, which have no spaces.
        return "-".join(text.split()) if field.kind == "array" else one_line(text, _TEXT_LIMIT)
    raise ValueError(f"is a field of type {kind or 'unknown'}, which accepts a mapping")


def _number(value: Any) -> int | float:
    number = float(value)
    if not math.isfinite(number):
        raise ValueError("accepts finite numbers")
    return int(number) if number.is_integer() else number


def _text(value: Any) -> str:
    if isinstance(value, float | int) and not isinstance(value, bool):
        return str(_number(round(float(value), 6)))
    return str(value)


def listed(fields: Sequence[JiraField]) -> str:
    """Fields for people: name, id, and accepted values."""
    words = []
    for field in fields:
        names = one_line(", ".join(field.allowed), 120)
        words.append(f"{field.name!r} ({field.id}{', one of ' + names if names else ''})")
    return ", ".join(words)
