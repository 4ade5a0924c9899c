"""A YAML file read into a pydantic model: every error with its line and its fix.

This is how every configuration file is checked. A validator that knows a better fix than pydantic
raises `orchestration.documents.strict.fault`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from orchestration.documents.problems import ConfigError, DocumentError, Problem
from orchestration.documents.text import read_text, split_documents
from orchestration.documents.yaml_lines import Document, Location, parse

Model = TypeVar("Model", bound=BaseModel)

_QUOTED = re.compile(r"'([^']*)'")
# What to do about pydantic's own errors, by their type or the beginning of it.
_FIXES = {
    "missing": "add the key",
    "finite_number": "write a finite number",
    "float": "write a plain number, without quotes, unit or thousands separator",
    "int": "write a whole number, without quotes",
    "bool": "write true or false",
    "string_too_long": "shorten it",
    "string_too_short": "write it, or leave the key empty",
    "string": "write text, in quotes if it looks like a number",
    "list": "write a list, one `- item` a line",
    "dict": "write `key: value` lines, indented below it",
    "model": "write `key: value` lines, indented below it",
    "too_short": "add at least one entry",
    "too_long": "shorten the list",
    "greater_than": "write a larger number",
    "less_than": "write a smaller number",
}


def load_model(path: Path, model: type[Model]) -> Model:
    """The file as a model.

    Raises:
        ConfigError: with every problem of the file, each with line, field, value and fix.
        OSError: the file can't be read.
    """
    try:
        return parse_model(read_text(path), path.name, model)
    except DocumentError as error:
        raise ConfigError(path, error.problems) from None


def parse_model(text: str, name: str, model: type[Model]) -> Model:
    """The one YAML document of `text` as a model; `name` is what messages call the file.

    Raises:
        DocumentError: with every problem found.
    """
    chunks = split_documents(text)
    if not chunks:
        fix = "write it, or restore it from version control"
        raise DocumentError(Problem(1, "file", name, "is empty", fix))
    if len(chunks) > 1:
        what = "a second document begins here"
        raise DocumentError(Problem(chunks[1].first_line, "file", name, what, "keep one"))
    return validate(parse(chunks[0]), model)


def validate(document: Document, model: type[Model]) -> Model:
    """The document as a model.

    Raises:
        DocumentError: with every problem found.
    """
    try:
        return model.model_validate(document.value)
    except ValidationError as error:
        details = error.errors(include_url=False)
        # A misspelt key is also a missing one, which isn't worth a second message.
        misspelt = {
            (*item["loc"][:-1], _meant(item["loc"], model))
            for item in details
            if item["type"] == "extra_forbidden"
        }
        problems = [
            _problem(item, document, model)
            for item in details
            if item["type"] != "missing" or item["loc"] not in misspelt
        ]
        raise DocumentError(*sorted(problems, key=lambda problem: problem.line)) from None


def nearest(word: str, known: Mapping[str, Any] | list[str] | tuple[str, ...]) -> str | None:
    """The known word that was probably meant, however it was spelled."""
    matches = get_close_matches(slug(word), known, n=1, cutoff=0.6)
    return matches[0] if matches else None


def slug(value: Any) -> Any:
    """Text as an enum writes it: lower case, words joined by `_`. Anything else is unchanged."""
    if not isinstance(value, str):
        return value
    return re.sub(r"[\W_]+", "_", value.strip().lower()).strip("_")


def _problem(error: ErrorDetails, document: Document, model: type[BaseModel]) -> Problem:
    context = error.get("ctx", {})
    location: Location = (
        *(part for part in error["loc"] if part != "[key]"),
        *context.get("at", ()),
    )
    value = error["input"]
    kind = error["type"]
    if kind == "extra_forbidden":
        what, fix = "is not a known key", _known_key(location, model)
        value = None
    elif kind == "literal_error":
        choices = _QUOTED.findall(context["expected"])
        guess = nearest(str(value), choices)
        what = "is not one of the values it can have"
        others = ", ".join(choice for choice in choices if choice != guess)
        fix = f"write {guess} (or {others})" if guess else f"use {others}"
    elif kind == "fault":
        what, fix = context["what"], context["fix"]
        value = None if context["is_secret"] else _at(value, context["at"])
    else:
        what = error["msg"][:1].lower() + error["msg"][1:]
        fix = next((fix for start, fix in _FIXES.items() if kind.startswith(start)), "correct it")
        value = None if kind == "missing" else value
    place = document.line_of(location), document.name_of(location)
    return Problem(*place, _text(value), what, fix)


def _known_key(location: Location, model: type[BaseModel]) -> str:
    guess = _meant(location, model)
    if guess:
        return f"write {guess}, or remove it"
    return f"remove it; known are {', '.join(_keys_at(location[:-1], model))}"


def _meant(location: Location, model: type[BaseModel]) -> str | None:
    return nearest(str(location[-1]), _keys_at(location[:-1], model))


def _keys_at(location: Location, model: Any) -> list[str]:
    """The keys that a place of a file can have, found in the type annotations."""
    if not (isinstance(model, type) and issubclass(model, BaseModel)):
        is_container = getattr(model, "__origin__", None) in (list, dict)
        below = location[1:] if is_container else location
        return sorted({key for part in get_args(model) for key in _keys_at(below, part)})
    if not location:
        return sorted(model.model_fields)
    field = model.model_fields.get(str(location[0]))
    return _keys_at(location[1:], field.annotation) if field else []


def _at(value: Any, place: list[str | int]) -> Any:
    """What a fault found below the validated value; a model is looked through by attribute."""
    for part in place:
        if isinstance(value, BaseModel):
            value = getattr(value, str(part), None)
        elif isinstance(value, Mapping):
            value = value.get(part)
        elif isinstance(value, list) and isinstance(part, int):
            value = value[part]
    return value


def _text(value: Any) -> str:
    if value is None or isinstance(value, (BaseModel, Mapping, list)):
        return ""  # The field's name and line say more than a dump of all that is in it.
    return str(value).lower() if isinstance(value, bool) else str(value)
