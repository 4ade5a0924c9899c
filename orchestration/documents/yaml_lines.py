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
from orchestration.documents.text_files import NOT_TEXT, Chunk

MAX_DEPTH = 40
MAX_NODES = 100_000

Location = tuple[str | int, ...]
Found = TypeVar("Found")

_BOOLEANS = {"true": True, "false": False}
_NUMBERS = {
    "int": re.compile(r"^[-+]?(?:0|[1-9][0-9]{0,17})$"),
    "float": re.compile(
        r"^[-+]?(?:[0-9]{1,18}\.[0-9]{0,18}|\.[0-9]{1,18})(?:[eE][-+]?[0-9]{1,2})?$"
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
        node = loader.get_single_node()
        document = Document(None, {(): chunk.first_line})
        value = _plain(node, (), document.lines, chunk.first_line)
    except yaml.YAMLError as error:
        raise DocumentError(_from_yaml(error, chunk)) from None
    except (ValueError, OverflowError):
        # An escape such as "\U00110000" that names no character.
        fix = "correct the escapes that begin with a backslash"
        what = "holds an escape that names no character"
        raise DocumentError(Problem(chunk.first_line, "document", "", what, fix)) from None
    finally:
        loader.dispose()
    return Document(value, document.lines)


class _Loader(yaml.SafeLoader):
    """Composes nodes only; refuses deep nesting and what grows beyond bounds through aliases."""

    # Empties the table of the base class, which would read `no` as false and dates as dates.
    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._depth = 0
        self._nodes = 0  # after expansion of aliases
        self._deepest = 0
        self._measures: dict[int, tuple[int, int]] = {}  # node -> (nodes, levels) below and at it

    def compose_node(self, parent: Node | None, index: Any) -> Node | None:
        if self.check_event(yaml.AliasEvent):
            return self._compose_alias(parent, index)
        mark = self.peek_event().start_mark
        outer_deepest, before = self._deepest, self._nodes
        self._depth += 1
        self._deepest = self._depth
        self._grow(1, self._depth, mark)
        node = super().compose_node(parent, index)
        levels = self._deepest - self._depth + 1
        self._measures[id(node)] = (self._nodes - before, levels)
        self._depth -= 1
        self._deepest = max(outer_deepest, self._deepest)
        return node

    def _compose_alias(self, parent: Node | None, index: Any) -> Node | None:
        event = self.peek_event()
        node = self.anchors.get(event.anchor)
        if node is not None:
            if id(node) not in self._measures:
                raise _Refusal(None, None, "an alias that holds itself", event.start_mark)
            nodes, levels = self._measures[id(node)]
            self._grow(nodes, self._depth + levels, event.start_mark)
        return super().compose_node(parent, index)

    def _grow(self, nodes: int, depth: int, mark: yaml.Mark) -> None:
        self._nodes += nodes
        self._deepest = max(self._deepest, depth)
        if depth > MAX_DEPTH:
            raise _Refusal(None, None, f"more than {MAX_DEPTH} levels of nesting", mark)
        if self._nodes > MAX_NODES:
            raise _Refusal(None, None, f"more than {MAX_NODES:,} values, aliases counted", mark)


class _Refusal(yaml.MarkedYAMLError):
    """The document is YAML, and more than is good for us."""


# YAML 1.2's core schema, but for octal and hexadecimal, and a number only where its text is kept:
# 0012345 and 1e10 are incident numbers, 40 digits are an id.
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:bool", re.compile(r"^(?:true|True|TRUE|false|False|FALSE)$"), list("tTfF")
)
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:null", re.compile(r"^(?:~|null|Null|NULL|)$"), ["~", "n", "N", ""]
)
for kind, pattern in _NUMBERS.items():
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{kind}", pattern, list("-+.0123456789"))


def _plain(node: Node | None, at: Location, lines: dict[Location, int], first_line: int) -> Any:
    if node is None:
        return None
    if isinstance(node, MappingNode) and node.tag == "tag:yaml.org,2002:map":
        return _mapping(node, at, lines, first_line)
    if isinstance(node, SequenceNode) and node.tag == "tag:yaml.org,2002:seq":
        items = []
        for position, item in enumerate(node.value):
            lines[(*at, position)] = first_line + item.start_mark.line
            items.append(_plain(item, (*at, position), lines, first_line))
        return items
    if isinstance(node, ScalarNode):
        return _scalar(node)
    raise _Refusal(None, None, f"the tag {node.tag}", node.start_mark)


def _mapping(
    node: MappingNode, at: Location, lines: dict[Location, int], first_line: int
) -> dict[str, Any]:
    mapping: dict[str, Any] = {}
    for key_node, value_node in node.value:
        line = first_line + key_node.start_mark.line
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
            what = f"the key is given twice, first on line {lines[place]}"
            raise DocumentError(Problem(line, dotted, "", what, "keep one of them"))
        lines[place] = line
        mapping[key] = _plain(value_node, place, lines, first_line)
    return mapping


def _scalar(node: ScalarNode) -> Any:
    text = str(node.value)
    _check_characters(text, node)
    kind = node.tag.removeprefix("tag:yaml.org,2002:")
    if kind == "null":
        return None
    if kind == "str":
        return text
    if kind == "bool" and text.lower() in _BOOLEANS:
        return _BOOLEANS[text.lower()]
    if kind in _NUMBERS and _NUMBERS[kind].match(text):
        return int(text) if kind == "int" else float(text)
    raise _Refusal(None, None, f"the tag {node.tag} on '{shorten(text)}'", node.start_mark)


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
