"""Reads a YAML file into a pydantic model: every error has its line and its fix.

This is how every configuration file is checked. A validator that knows a better fix than pydantic
raises `orchestration.documents.strict.invalid`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
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
    "float": "write a plain number, without quotes, unit or thousands separator",
    "int": "write a whole number, without quotes",
    "bool": "write true or false",
    "string_too_long": "shorten it",
    "string_too_short": "write it, or leave the key empty",
    "string": "write text, in quotes if it looks like a number",
    "list": "write a list, one `- item` a line",
    **dict.fromkeys(("dict", "model"), "write `key: value` lines, indented below it"),
    "too_short": "add at least one entry",
    "too_long": "shorten the list",
    "greater_than": "write a larger number",
    "less_than": "write a smaller number",
}


def load_model(path: Path, model: type[Model]) -> Model:
    """The file as a model; raises OSError, or ConfigError with all its problems."""
    try:
        return parse_model(read_text(path), path.name, model)
    except DocumentError as error:
        raise ConfigError(path, error.problems) from None


def parse_model(text: str, name: str, model: type[Model]) -> Model:
    """The one YAML document of `text` as a model, or DocumentError with every problem found.

    `name` is what messages call the file.
    """
    match split_documents(text):
        case [chunk]:
            return validate(parse(chunk), model)
        case [_, second, *_]:
            problem = Problem(second.first_line, "file", name, "begins a second time", "keep one")
        case _:
            fix = "write it, or restore it from version control"
            problem = Problem(1, "file", name, "is empty", fix)
    raise DocumentError(problem)


def validate(document: Document, model: type[Model]) -> Model:
    """The document as a model, or DocumentError with every problem found."""
    try:
        return model.model_validate(document.value)
    except ValidationError as error:
        details = error.errors(include_url=False)
    # A misspelt key is also a missing one: one message is enough.
    unknown = [item["loc"] for item in details if item["type"] == "extra_forbidden"]
    misspelt = {(*place[:-1], _meant(place, model)) for place in unknown}
    problems = [
        _problem(item, document, model)
        for item in details
        if item["type"] != "missing" or item["loc"] not in misspelt
    ]
    raise DocumentError(*sorted(problems, key=lambda problem: problem.line))


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word that was probably meant, however it was spelled."""
    matches = get_close_matches(slug(word), list(known), n=1, cutoff=0.6)
    return matches[0] if matches else None


def slug(text: str) -> str:
    """Text as an enum writes it: lower case, words joined by `_`."""
    return re.sub(r"[\W_]+", "_", text.lower()).strip("_")


def _problem(error: ErrorDetails, document: Document, model: type[BaseModel]) -> Problem:
    context, kind = error.get("ctx", {}), error["type"]
    stated = [part for part in error["loc"] if part != "[key]"]
    location: Location = (*stated, *context.get("at", ()))
    value = document.value_at(location)
    if kind == "extra_forbidden":
        guess, known = _meant(location, model), ", ".join(_keys_at(location[:-1], model))
        what = "is not a known key"
        fix = f"write {guess}, or remove it" if guess else f"remove it; known are {known}"
        value = None
    elif kind == "literal_error":
        choices = _QUOTED.findall(context["expected"])
        guess = nearest(str(error["input"]), choices)
        what = "is not one of the values it can have"
        others = ", ".join(choice for choice in choices if choice != guess)
        fix = f"write {guess} (or {others})" if guess else f"use {others}"
    elif kind == "invalid":
        what, fix = context["what"], context["fix"]
        value = None if context["is_secret"] else value
    else:
        what = error["msg"][:1].lower() + error["msg"][1:]
        fix = next((fix for start, fix in _FIXES.items() if kind.startswith(start)), "correct it")
        value = None if kind == "missing" else value
    # A mapping's or list's name and line say more than a dump of its content.
    shown = "" if value is None or isinstance(value, dict | list) else str(value)
    shown = shown.lower() if isinstance(value, bool) else shown
    return Problem(document.line_of(location), document.name_of(location), shown, what, fix)


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
