"""YAML that knows its line numbers and can't be used as a weapon.

The plain YAML 1.2 reading: `yes` and `on` are text, so are dates and `0012345`; nothing is ever
constructed but mappings, lists, text, numbers, booleans and null. Nesting and aliases are bounded,
so that no document costs more than a few seconds or a few megabytes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from orchestration.documents.problems import DocumentError, Problem, shorten
from orchestration.documents.text import NOT_TEXT, Chunk

MAX_DEPTH = 40
MAX_NODES = 100_000
TAG = "tag:yaml.org,2002:"

Location = tuple[str | int, ...]
Found = TypeVar("Found")

# YAML 1.2's core schema, but for octal and hexadecimal, and a number only where its text is kept:
# 0012345 and 1e10 are incident numbers, 40 digits are an id.
_SCALARS = {
    "bool": (r"^(?:true|True|TRUE|false|False|FALSE)$", "tTfF"),
    "null": (r"^(?:~|null|Null|NULL|)$", ["~", "n", "N", ""]),
    "int": (r"^[-+]?(?:0|[1-9][0-9]{0,17})$", "-+0123456789"),
    "float": (
        r"^[-+]?(?:[0-9]{1,18}\.[0-9]{0,18}|\.[0-9]{1,18})(?:[eE][-+]?[0-9]{1,2})?$",
        "-+.0123456789",
    ),
}
# The parser ran on to the end of the document; what is at fault is where it began.
_UNCLOSED = ("end of stream", "<stream end>", "document separator")
# Messages of the parser that deserve more than "correct the line".
_FIXES = {
    r"'\t'": "indent with spaces, not tabs",
    "mapping values": "put the value in quotes, it holds a colon followed by a space",
    "expected ':'": "write `key: value`, with a space after the colon",
    **dict.fromkeys(_UNCLOSED, "close the quote or bracket that is opened here"),
    "undefined alias": "write the value out, or in quotes where it begins with *",
    "cannot start any token": "put the value in quotes",
    "expected <block end>": "align the line with its neighbours above",
}


@dataclass(frozen=True)
class Document:
    """A document's value and the line of every key and item in it.

    `labels` are what the document calls a place, where that isn't the path of its keys.
    """

    value: Any
    lines: dict[Location, int] = field(default_factory=dict)
    labels: dict[Location, str] = field(default_factory=dict)

    def line_of(self, location: Location) -> int:
        """The line of the place, or of the nearest place around it that has one."""
        return _nearest(self.lines, location, 1)

    def name_of(self, location: Location) -> str:
        """What messages call the place."""
        return _nearest(self.labels, location, ".".join(map(str, location)) or "document")


def _nearest(places: Mapping[Location, Found], location: Location, default: Found) -> Found:
    for end in range(len(location), -1, -1):
        if location[:end] in places:
            return places[location[:end]]
    return default


def parse(chunk: Chunk) -> Document:
    """The one document of the chunk.

    Raises:
        DocumentError: not YAML, a duplicate key, or beyond one of the limits.
    """
    loader = _Loader(chunk.text)
    try:
        plain = _Plain(chunk.first_line)
        value = plain.value(loader.get_single_node(), (), 1)
    except yaml.YAMLError as error:
        raise DocumentError(_from_yaml(error, chunk)) from None
    except (ValueError, OverflowError):
        # An escape such as "\U00110000" that names no character.
        fix = "correct the escapes that begin with a backslash"
        what = "holds an escape that names no character"
        raise DocumentError(Problem(chunk.first_line, "document", "", what, fix)) from None
    finally:
        loader.dispose()
    return Document(value, plain.lines)


def parse_mapping(chunk: Chunk) -> Document:
    """The one document of the chunk, which is a mapping; an empty one has no keys.

    Raises:
        DocumentError: as `parse`, or it is something else.
    """
    document = parse(chunk)
    if document.value is None:
        return Document({}, document.lines)
    if not isinstance(document.value, dict):
        first = chunk.text.split("\n", 1)[0]
        fix = "write `key: value` lines"
        raise DocumentError(Problem(chunk.first_line, "document", first, "is not a mapping", fix))
    return document


class _Refusal(yaml.MarkedYAMLError):
    """The document is YAML, and more than is good for us."""


def _check_size(nodes: int, depth: int, mark: yaml.Mark) -> None:
    if depth > MAX_DEPTH:
        raise _Refusal(None, None, f"more than {MAX_DEPTH} levels of nesting", mark)
    if nodes > MAX_NODES:
        raise _Refusal(None, None, f"more than {MAX_NODES:,} values, aliases counted", mark)


class _Loader(yaml.SafeLoader):
    """Composes nodes only; stops at deep nesting and at too many nodes."""

    # Empties the table of the base class, which would read `no` as false and dates as dates.
    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._depth = self._nodes = 0

    def compose_node(self, parent: Node | None, index: Any) -> Node | None:
        self._nodes += 1
        self._depth += 1
        _check_size(self._nodes, self._depth, self.peek_event().start_mark)
        node = super().compose_node(parent, index)
        self._depth -= 1
        return node


for kind, (pattern, starts) in _SCALARS.items():
    _Loader.add_implicit_resolver(TAG + kind, re.compile(pattern), list(starts))


class _Plain:
    """Plain values out of nodes, and their lines; what aliases repeat counts each time."""

    def __init__(self, first_line: int) -> None:
        self.lines: dict[Location, int] = {(): first_line}
        self._first_line = first_line
        self._nodes = 0

    def value(self, node: Node | None, at: Location, depth: int) -> Any:
        if node is None:
            return None
        self._nodes += 1
        _check_size(self._nodes, depth, node.start_mark)
        if isinstance(node, MappingNode) and node.tag == TAG + "map":
            return self._mapping(node, at, depth)
        if isinstance(node, SequenceNode) and node.tag == TAG + "seq":
            items = []
            for position, item in enumerate(node.value):
                self.lines[(*at, position)] = self._first_line + item.start_mark.line
                items.append(self.value(item, (*at, position), depth + 1))
            return items
        if isinstance(node, ScalarNode):
            return _scalar(node)
        raise _Refusal(None, None, f"the tag {node.tag}", node.start_mark)

    def _mapping(self, node: MappingNode, at: Location, depth: int) -> dict[str, Any]:
        mapping: dict[str, Any] = {}
        for key_node, value_node in node.value:
            line = self._first_line + key_node.start_mark.line
            if not isinstance(key_node, ScalarNode):
                raise _Refusal(None, None, "a key that is not plain text", key_node.start_mark)
            key = str(key_node.value)
            _check_characters(key, key_node)
            place = (*at, key)
            dotted = ".".join(map(str, place))
            if key == "<<" and key_node.style is None:
                what, fix = "merge keys are not read", "write the merged keys out"
                raise DocumentError(Problem(line, dotted, "", what, fix))
            if key in mapping:
                what = f"the key is given twice, first on line {self.lines[place]}"
                raise DocumentError(Problem(line, dotted, "", what, "keep one of them"))
            self.lines[place] = line
            mapping[key] = self.value(value_node, place, depth + 1)
        return mapping


def _scalar(node: ScalarNode) -> Any:
    text = str(node.value)
    _check_characters(text, node)
    kind = node.tag.removeprefix(TAG)
    if kind == "str":
        return text
    # The tag may be written out, and then the text need not fit it.
    if kind not in _SCALARS or not (kind == "null" or re.match(_SCALARS[kind][0], text)):
        raise _Refusal(None, None, f"the tag {node.tag} on '{shorten(text)}'", node.start_mark)
    read = {"null": lambda _: None, "bool": lambda t: t.lower() == "true", "int": int}
    return read.get(kind, float)(text)


def _check_characters(text: str, node: ScalarNode) -> None:
    if bad := NOT_TEXT.search(text):
        what = f"the control character U+{ord(bad.group()):04X}"
        raise _Refusal(None, None, what, node.start_mark)


def _from_yaml(error: yaml.YAMLError, chunk: Chunk) -> Problem:
    message, mark = str(error).splitlines()[0], None
    if isinstance(error, yaml.MarkedYAMLError):
        message, mark = error.problem or message, error.problem_mark
        if error.context_mark and any(sign in message for sign in _UNCLOSED):
            mark = error.context_mark
    lines = chunk.text.rstrip("\n").split("\n")
    offset = min(mark.line, len(lines) - 1) if mark else 0
    text = lines[offset].strip()
    if isinstance(error, _Refusal):
        what, fix = f"holds {message}", "write the document in plain YAML"
    else:
        what = f"is not YAML: {message}"
        fix = next((fix for part, fix in _FIXES.items() if part in message), "correct the line")
    return Problem(chunk.first_line + offset, "document", text, what, fix)
