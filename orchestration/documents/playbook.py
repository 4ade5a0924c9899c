"""`modernization/playbooks/*.md`: how to fix a class of failures, with blanks for the service.

Front matter states a playbook's purpose; below it is Markdown with blanks such as `{{ service }}`.
Braces with anything but a name in them (`{{ .Values.image }}`) are part of the text.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field

from orchestration.documents.models import validate
from orchestration.documents.problems import ConfigError, DocumentError, Problem
from orchestration.documents.strict import FixClass, Strict, invalid, short_text, unique
from orchestration.documents.text import Chunk, read_text, split_front_matter
from orchestration.documents.words import term_type
from orchestration.documents.yaml_lines import Document, parse_mapping

# What paydown fills in itself; everything else has its default in the front matter.
GIVEN = ("service", "owner")
BLANK = re.compile(r"\{\{\s*([A-Za-z_]\w*)\s*\}\}")
_NAME = re.compile(r"[a-z][a-z0-9_]*")
RequiredWindow: Any = term_type("required_window")


def _parameter(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise invalid(f"{name!r} is not a name", "write lower-case letters, digits and _")
    if name in GIVEN:
        raise invalid(f"{name} is filled in by paydown", "remove it, or use another name")
    return name


def _as_text(value: Any) -> Any:
    """Numbers in a playbook are text."""
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


Text = Annotated[
    str,
    BeforeValidator(_as_text, json_schema_input_type=str | int | float),
    short_text(200),
]


class PlaybookHeader(Strict):
    """What a playbook is for; without `change_windows` it is for all of them."""

    title: Annotated[str, short_text(120)]
    fix_classes: Annotated[list[FixClass], Field(min_length=1), AfterValidator(unique)]
    change_windows: Annotated[list[RequiredWindow], AfterValidator(unique)] = Field(
        default_factory=list
    )
    parameters: dict[Annotated[str, AfterValidator(_parameter)], Text] = Field(default_factory=dict)


@dataclass(frozen=True)
class Playbook:
    """A playbook as written; `first_line` is where `text` begins in the file."""

    path: Path
    header: PlaybookHeader
    text: str
    first_line: int


def load_playbook(path: Path) -> Playbook:
    """The file, with each blank known and each parameter used; ConfigError or OSError otherwise."""
    try:
        front_matter, body = split_front_matter(read_text(path))
        document = parse_mapping(front_matter)
        header = validate(document, PlaybookHeader)
        if problems := [*_unused(header, body.text, document), *_blanks(header, body)]:
            raise DocumentError(*problems)
    except DocumentError as error:
        raise ConfigError(path, error.problems) from None
    return Playbook(path, header, body.text, body.first_line)


def _blanks(header: PlaybookHeader, body: Chunk) -> list[Problem]:
    known = [*GIVEN, *header.parameters]
    what = "is not a parameter of this playbook"
    fix = f"give it a default under parameters, or use one of {', '.join(known)}"
    return [
        Problem(line, "blank", blank[0], what, fix)
        for line, text in enumerate(body.text.split("\n"), start=body.first_line)
        for blank in BLANK.finditer(text)
        if blank[1] not in known
    ]


def _unused(header: PlaybookHeader, body: str, document: Document) -> list[Problem]:
    what, fix = "is used nowhere in the text", "write {{ %s }} where it belongs, or remove it"
    return [
        Problem(document.line_of(place), ".".join(place), header.parameters[name], what, fix % name)
        for name in header.parameters
        if name not in BLANK.findall(body) and (place := ("parameters", name))
    ]
