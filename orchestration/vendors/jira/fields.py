"""Fields of a Jira project: found by name, and values put as their kind takes them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from orchestration.trackers.protocol import RejectedError
from orchestration.trackers.text import one_line
from orchestration.vendors.jira.client import Client, Json

EPIC_NAME = "com.pyxis.greenhopper.jira:gh-epic-label"
EPIC_LINK = "com.pyxis.greenhopper.jira:gh-epic-link"
_TEXT_LIMIT = 255
_NAMED = frozenset({"component", "version", "priority", "resolution", "issuetype"})


@dataclass(frozen=True)
class JiraField:
    """A field on a screen. kind: `number`, `string`, `option`...; custom: the key of its type."""

    id: str
    name: str
    kind: str = ""
    items: str = ""
    custom: str = ""
    is_required: bool = False
    has_default: bool = False
    allowed: tuple[Json, ...] = ()

    @property
    def is_long_text(self) -> bool:
        return self.custom.endswith(":textarea")

    @property
    def allowed_names(self) -> tuple[str, ...]:
        return tuple(str(one.get("name") or one.get("value") or "") for one in self.allowed)


@dataclass(frozen=True)
class Screen:
    """What one issue type of one project takes when it is created."""

    project_id: str
    project_key: str
    type_id: str
    type_name: str
    fields: Mapping[str, JiraField]

    def custom(self, kind: str) -> JiraField | None:
        """The field of a custom type, such as the Epic Link."""
        return next((field for field in self.fields.values() if field.custom == kind), None)


class Schemas:
    """What Jira says of its projects and fields, asked once a process."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._ids: dict[str, list[str]] | None = None
        self._projects: dict[str, Json | RejectedError] = {}
        self._screens: dict[tuple[str, str], Screen | RejectedError] = {}

    def project(self, key: str) -> Json:
        """The project, found by its present key or a former one.

        Raises:
            RejectedError: it is gone, hidden from us, or archived.
        """
        return _once(self._projects, key, lambda: self._read_project(key))

    def screen(self, project: str, type_name: str) -> Screen:
        """Raises RejectedError as `project`, and where the project has no such type."""
        return _once(
            self._screens, (project, type_name), lambda: self._read_screen(project, type_name)
        )

    def ids(self, name: str) -> Sequence[str]:
        """The ids of all fields of that name (names are not unique) or id, best first."""
        if self._ids is None:
            fields, _ = self._client.fields()
            self._ids = ids_by_name(fields)
        return self._ids.get(name.casefold(), ())

    def on(self, fields: Mapping[str, JiraField], name: str) -> JiraField | str:
        """The field of that name among `fields`; otherwise why it isn't there."""
        ids = self.ids(name)
        found = next((fields[one] for one in ids if one in fields), None)
        if found:
            return found
        by_name = [one for one in fields.values() if one.name.casefold() == name.casefold()]
        if by_name:
            return by_name[0]
        return "is not on the screen" if ids else "does not exist, or is hidden from us"

    def _read_project(self, key: str) -> Json | RejectedError:
        project = self._client.find(f"/project/{key}", id=str, key=str)
        if project is None:
            return RejectedError(
                f"jira: project {key} is not there, or hidden; correct `project`, or let the "
                f"user of {self._client.site.token_env} browse it"
            )
        if project.get("archived"):
            return RejectedError(f"jira: project {key} is archived; restore it or choose another")
        return project

    def _read_screen(self, project: str, type_name: str) -> Screen | RejectedError:
        found = self.project(project)
        path = f"/issue/createmeta/{found['id']}/issuetypes"
        types = {
            str(one["name"]): str(one["id"])
            for one in self._client.pages(path, ("issueTypes", "values"))
        }
        wanted = next((name for name in types if name.casefold() == type_name.casefold()), None)
        if wanted is None:
            offered = ", ".join(types) or "none: may its user create issues there?"
            return RejectedError(
                f"jira: project {project} has no issue type {type_name!r} (it has {offered}); "
                "set `issue_type` and `story_type`"
            )
        fields = [
            read_field(str(one.get("fieldId") or one.get("key")), one)
            for one in self._client.pages(f"{path}/{types[wanted]}", ("fields", "values"))
        ]
        return Screen(
            project_id=str(found["id"]),
            project_key=str(found.get("key") or project),
            type_id=types[wanted],
            type_name=wanted,
            fields={field.id: field for field in fields},
        )


def ids_by_name(fields: Sequence[Json]) -> dict[str, list[str]]:
    """The ids of fields by each name that they go by, and by the id itself, in lower case."""
    ids: dict[str, list[str]] = {}
    for field in fields:
        names = {field["id"], field.get("name") or "", field.get("untranslatedName") or ""}
        for name in names:
            ids.setdefault(str(name).casefold(), []).append(field["id"])
    return ids


def _once(cache: dict[Any, Any], key: Any, read: Callable[[], Any]) -> Any:
    """What `read` gives, kept; a rejection that it returns is kept too, and raised.

    What it raises may pass, so it isn't kept.
    """
    if key not in cache:
        cache[key] = read()
    if isinstance(cache[key], RejectedError):
        raise cache[key]
    return cache[key]


def read_field(field_id: str, entry: Json) -> JiraField:
    """A field as `createmeta` and `editmeta` describe it."""
    schema = entry.get("schema") or {}
    return JiraField(
        id=field_id,
        name=str(entry.get("name") or field_id),
        kind=str(schema.get("type") or ""),
        items=str(schema.get("items") or ""),
        custom=str(schema.get("custom") or ""),
        is_required=bool(entry.get("required")),
        has_default=bool(entry.get("hasDefaultValue")),
        allowed=tuple(one for one in entry.get("allowedValues") or () if isinstance(one, dict)),
    )


def put(field: JiraField, value: Any, rich: Callable[[str], Any]) -> Any:
    """`value` as the field takes it in a request; mappings go through as they are.

    rich: makes of a text what fields of several lines take.

    Raises:
        ValueError: the field takes no such value; says why.
    """
    if isinstance(value, dict) or (isinstance(value, list) and any(map(_is_mapping, value))):
        return value
    if field.kind == "array":
        items = value if isinstance(value, list) else [value]
        return [_item(field, field.items, one) for one in items]
    if isinstance(value, list):
        raise ValueError("takes one value")
    if field.kind == "number":
        return _number(value)
    if field.kind == "string" and field.is_long_text:
        return rich(_text(value))
    return _item(field, field.kind, value)


def _item(field: JiraField, kind: str, value: Any) -> Any:
    text = _text(value)
    if field.allowed_names:
        text = _allowed(field, text)
    if kind == "option":
        return {"value": text}
    if kind in _NAMED:
        return {"name": text}
    if kind == "number":
        return _number(value)
    if kind in {"string", "date", "datetime", "team"}:
        # An array of strings is a field of labels, which hold no space.
        return "-".join(text.split()) if field.kind == "array" else one_line(text, _TEXT_LIMIT)
    raise ValueError(f"is a field of type {kind or 'unknown'}, which takes a mapping")


def _allowed(field: JiraField, text: str) -> str:
    for name in field.allowed_names:
        if name.casefold() == text.casefold():
            return name
    offered = one_line(", ".join(field.allowed_names), 200)
    raise ValueError(f"takes {offered}, and not {one_line(text, 60)!r}")


def _number(value: Any) -> int | float:
    number = float(value)
    if not math.isfinite(number):
        raise ValueError("takes finite numbers")
    return int(number) if number.is_integer() else number


def _text(value: Any) -> str:
    if isinstance(value, float | int) and not isinstance(value, bool):
        return str(_number(round(float(value), 6)))
    return str(value)


def _is_mapping(value: Any) -> bool:
    return isinstance(value, dict)


def listed(fields: Sequence[JiraField]) -> str:
    """Fields as a person finds them: name, id, and what they take."""
    words = []
    for field in fields:
        names = one_line(", ".join(field.allowed_names), 120)
        words.append(f"{field.name!r} ({field.id}{', one of ' + names if names else ''})")
    return ", ".join(words)
