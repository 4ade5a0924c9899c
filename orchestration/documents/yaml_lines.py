"""YAML with line numbers, safe to parse from anybody.

Plain YAML 1.2: `yes` and `on` are text, so are dates and `0012345`; nothing but mappings, lists,
text, numbers, booleans and null is ever constructed. Nesting and aliases are bounded, so that no
document costs more than a few seconds or a few megabytes.
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

# YAML 1.2's core schema without octal and hexadecimal, and a number only if its text is kept:
# 0012345 and 1e10 are incident numbers, 40 digits are an id. Kind -> pattern, first characters.
_SCALARS = {
    "bool": (r"^(?:true|True|TRUE|false|False|FALSE)$", "tTfF"),
    "null": (r"^(?:~|null|Null|NULL|)$", ["~", "n", "N", ""]),
    "int": (r"^[-+]?(?:0|[1-9][0-9]{0,17})$", "-+0123456789"),
    "float": (
        r"^[-+]?(?:[0-9]{1,18}\.[0-9]{0,18}|\.[0-9]{1,18})(?:[eE][-+]?[0-9]{1,2})?$",
        "-+.0123456789",
    ),
}
# The parser ran on to the end of the document; the error is where it began.
_UNCLOSED = ("end of stream", "<stream end>", "document separator")
_TEMPLATE = re.compile(r"\{[{%]")
# Messages of the parser that need a better fix than "correct the line".
_FIXES = {
    r"'\t'": "indent with spaces, not tabs",
    "mapping values": "put the value in quotes, it has a colon followed by a space",
    "expected ':'": "write `key: value`, with a space after the colon",
    **dict.fromkeys(_UNCLOSED, "close the quote or bracket that is opened here"),
    "undefined alias": "write the value out, or in quotes where it begins with *",
    "cannot start any token": "put the value in quotes",
    "expected <block end>": "align the line with its neighbours above",
}


@dataclass(frozen=True)
class Document:
    """A document's value and the line of every key and item in it.

    `labels` are the document's names of places, if they aren't the paths of keys.
    """

    value: Any
    lines: dict[Location, int] = field(default_factory=dict)
    labels: dict[Location, str] = field(default_factory=dict)

    def line_of(self, location: Location) -> int:
        """The line of the place, or of the nearest place around it that has one."""
        return _nearest(self.lines, location) or 1

    def name_of(self, location: Location) -> str:
        """The place's name in messages."""
        return _nearest(self.labels, location) or ".".join(map(str, location)) or "document"

    def value_at(self, location: Location) -> Any:
        """The text at the place, or nearest around it."""
        value = self.value
        for part in location:
            if isinstance(value, dict):
                value = value.get(part)
            elif isinstance(value, list) and isinstance(part, int):
                value = value[part]
        return value


def _nearest(places: Mapping[Location, Found], location: Location) -> Found | None:
    """The place's own value, or that of a place around it; text has no numbered items."""
    for end in range(len(location), -1, -1):
        place = location[:end]
        keys = tuple(part for part in place if isinstance(part, str))
        if found := places.get(place, places.get(keys)):
            return found
    return None


def parse(chunk: Chunk) -> Document:
    """The one document of the chunk.

    Raises DocumentError: it isn't plain YAML, has a key twice, or exceeds a limit.
    """
    loader = _Loader(chunk)
    try:
        value = loader.plain(loader.get_single_node(), (), 1)
    except yaml.YAMLError as error:
        raise DocumentError(_from_yaml(error, chunk)) from None
    except (ValueError, OverflowError):  # An escape such as "\U00110000".
        what, fix = "has an escape that names no character", "correct what follows a backslash"
        raise DocumentError(Problem(chunk.first_line, "document", "", what, fix)) from None
    finally:
        loader.dispose()
    return Document(value, loader.lines)


def parse_mapping(chunk: Chunk) -> Document:
    """The one document of the chunk, which is a mapping; raises like `parse`."""
    document = parse(chunk)
    if not isinstance(document.value, dict | None):
        first, fix = chunk.text.split("\n", 1)[0], "write `key: value` lines"
        raise DocumentError(Problem(chunk.first_line, "document", first, "is not a mapping", fix))
    return Document(document.value or {}, document.lines)


class _Refusal(yaml.MarkedYAMLError):
    """The document is YAML, but not plain, or exceeds a limit."""

    def __init__(self, what: str, node: Any) -> None:
        super().__init__(None, None, what, node.start_mark)


class _Loader(yaml.SafeLoader):
    """Plain values of composed nodes, and their lines; what aliases repeat counts each time."""

    # Empties the table of the base class, which would read `no` as false and dates as dates.
    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012

    def __init__(self, chunk: Chunk) -> None:
        super().__init__(chunk.text)
        self.lines: dict[Location, int] = {(): chunk.first_line}
        self._first_line = chunk.first_line
        self._depth = self._composed = self._read = 0

    def compose_node(self, parent: Node | None, index: Any) -> Node | None:
        self._composed += 1
        self._depth += 1
        _check_size(self._composed, self._depth, self.peek_event())
        node = super().compose_node(parent, index)
        self._depth -= 1
        return node

    def plain(self, node: Node | None, at: Location, depth: int) -> Any:
        """The value of a node at `depth` in the document."""
        if node is None:
            return None
        self._read += 1
        _check_size(self._read, depth, node)
        if isinstance(node, ScalarNode):
            return _scalar(node)
        if isinstance(node, MappingNode) and node.tag == TAG + "map":
            return self._mapping(node, at, depth)
        if not isinstance(node, SequenceNode) or node.tag != TAG + "seq":
            raise _Refusal(f"the tag {node.tag}", node)
        items = []
        for position, item in enumerate(node.value):
            self.lines[(*at, position)] = self._first_line + item.start_mark.line
            items.append(self.plain(item, (*at, position), depth + 1))
        return items

    def _mapping(self, node: MappingNode, at: Location, depth: int) -> dict[str, Any]:
        mapping: dict[str, Any] = {}
        merged: dict[str, Any] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, ScalarNode):
                raise _Refusal("a key that is not plain text", key_node)
            key = _checked(key_node)
            place, line = (*at, key), self._first_line + key_node.start_mark.line
            if key in mapping:
                what = f"the key is given twice, first on line {self.lines[place]}"
                dotted = ".".join(map(str, place))
                raise DocumentError(Problem(line, dotted, "", what, "keep one of them"))
            self.lines[place] = line
            value = self.plain(value_node, place, depth + 1)
            if key != "<<" or key_node.style is not None:
                mapping[key] = value
                continue
            for part in value if isinstance(value, list) else [value]:
                if not isinstance(part, dict):
                    raise _Refusal("a merge key << of something other than a mapping", key_node)
                merged = part | merged
        return merged | mapping


for kind, (pattern, starts) in _SCALARS.items():
    _Loader.add_implicit_resolver(TAG + kind, re.compile(pattern), list(starts))


def _check_size(nodes: int, depth: int, where: Any) -> None:
    if depth > MAX_DEPTH:
        raise _Refusal(f"more than {MAX_DEPTH} levels of nesting", where)
    if nodes > MAX_NODES:
        raise _Refusal(f"more than {MAX_NODES:,} values, aliases counted", where)


def _scalar(node: ScalarNode) -> Any:
    text = _checked(node)
    kind = node.tag.removeprefix(TAG)
    # An explicit tag need not fit the text.
    if kind in _SCALARS and (kind == "null" or re.match(_SCALARS[kind][0], text)):
        read = {"null": lambda _: None, "bool": lambda t: t.lower() == "true", "int": int}
        return read.get(kind, float)(text)
    if kind != "str":
        raise _Refusal(f"the tag {node.tag} on '{shorten(text)}'", node)
    return text


def _checked(node: ScalarNode) -> str:
    if bad := NOT_TEXT.search(text := str(node.value)):
        raise _Refusal(f"the control character U+{ord(bad.group()):04X}", node)
    return text


def _from_yaml(error: yaml.YAMLError, chunk: Chunk) -> Problem:
    message, mark = str(error).splitlines()[0], None
    if isinstance(error, yaml.MarkedYAMLError):
        message, mark = error.problem or message, error.problem_mark
        if error.context_mark and any(sign in message for sign in _UNCLOSED):
            mark = error.context_mark
    lines = chunk.text.rstrip("\n").split("\n")
    offset = min(mark.line, len(lines) - 1) if mark else 0
    what, fix = f"holds {message}", "write the document in plain YAML"
    if not isinstance(error, _Refusal):
        what = f"is not YAML: {message}"
        fix = next((fix for part, fix in _FIXES.items() if part in message), "correct the line")
    if _TEMPLATE.search(lines[offset]):
        fix = "a template of Jinja, Helm or the like is not a document; move it elsewhere"
    return Problem(chunk.first_line + offset, "document", lines[offset].strip(), what, fix)
