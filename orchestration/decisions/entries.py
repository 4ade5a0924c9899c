"""A list of entries in a YAML file that programs and people write together.

A program sets fields; everything else is kept byte for byte: comments, order, quotes, people's own
keys. An entry's text is its lines and the comments above it. An entry in braces can be read and
moved, but not changed.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any, TypeAlias

import yaml

from orchestration.documents import DocumentError
from orchestration.documents.problems import Problem
from orchestration.documents.text import NOT_TEXT, Chunk
from orchestration.documents.yaml_lines import parse

Value: TypeAlias = str | int | float | bool | list[str] | Mapping[str, str] | None
_PLAIN = re.compile(r"\w(?:[\w .,/()+%@:=-]*[\w)%])?", re.ASCII)
_COMMENT = re.compile(r"#.*")


class Entry:
    """One mapping of the list: its `values`, and its `text` with the comments above."""

    def __init__(self, text: str, line: int) -> None:
        self.text = text
        self.line = line + _dash(text)[0]
        found = parse(Chunk(line, text)).value
        if not isinstance(found, list) or len(found) != 1 or not isinstance(found[0], dict):
            what, fix = "is not one entry of `key: value` lines", "write `- key: value` lines"
            raise DocumentError(Problem(self.line, "document", "", what, fix))
        self.values: dict[str, Any] = found[0]

    @property
    def has_comments(self) -> bool:
        """Whether people wrote any comment on it."""
        node = _mapping(self.text)
        return any(_COMMENT.search(gap) for gap in _gaps(self.text, 0, len(self.text), node))

    def update(self, values: Mapping[str, Value]) -> None:
        """Set these values; a new field comes after the one that precedes it in `values`.

        Raises:
            DocumentError: the entry is written in braces and would change.
        """
        changed = [k for k, v in values.items() if k not in self.values or self.values[k] != v]
        if not changed:
            return
        node = _mapping(self.text)
        if node.flow_style:
            what, fix = "is written in braces", "write one `key: value` a line"
            raise DocumentError(Problem(self.line, "document", "", what, fix))
        self.text = edited(self.text, node, values, changed)
        self.values = {**self.values, **values}
        parse(Chunk(self.line, self.text))


class Entries:
    """The file. `items` may be changed, moved and removed; `text` is the resulting file.

    Args:
        text: the file; may be empty.
        key: the key at its beginning that holds the list.

    Raises:
        DocumentError: it isn't plain YAML, or has no list of mappings at the key.
    """

    def __init__(self, text: str, key: str) -> None:
        self._newline = "\r\n" if "\r\n" in text else "\n"
        text = text.replace("\r\n", "\n")
        text += "\n" if text and not text.endswith("\n") else ""
        parse(Chunk(1, text))
        for token in yaml.scan(text) if "*" in text else ():
            if isinstance(token, yaml.AliasToken):
                line, what = token.start_mark.line + 1, "refers to what is written elsewhere"
                fix = "write the value out, or in quotes where it begins with *"
                raise DocumentError(Problem(line, f"*{token.value}", "", what, fix))
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        pairs = root.value if isinstance(root, yaml.MappingNode) else []
        found = [(name, value) for name, value in pairs if name.value == key]
        self.items: list[Entry] = []
        self._indent = "  "
        if not found:
            self._head, self._tail = f"{text}{key}:\n", ""
            return
        name, value = found[0]
        if not isinstance(value, yaml.SequenceNode) or value.flow_style:
            if getattr(value, "value", None):
                fix = "write its entries below it, each as `- key: value` lines"
                line = name.start_mark.line + 1
                raise DocumentError(Problem(line, key, "", "is not a list of entries", fix))
            # `key: []`, or nothing after it.
            end = max(value.end_mark.index, name.end_mark.index + 1)
            after = _end_of_line(text, end)
            self._head = text[: name.end_mark.index] + ":" + text[end : after + 1]
            self._tail = text[after + 1 :]
            return
        column = value.start_mark.column
        self._indent = " " * column
        dashes = [_start_of_line(text, text.rindex("-", 0, _first(item))) for item in value.value]
        begins = [_start_of_line(text, value.start_mark.index)]
        begins += [
            _comments_from(text, _end_of_line(text, _end(item)) + 1, dash, column)
            for item, dash in zip(value.value, dashes[1:], strict=False)
        ]
        last = _end_of_line(text, _end(value.value[-1])) + 1
        end = _comments_from(text, last, len(text), column)
        first = _end_of_line(text, name.end_mark.index) + 1
        begins[0] = min(first, begins[0])
        self._head, self._tail = text[: begins[0]], text[end:]
        for begin, stop in zip(begins, [*begins[1:], end], strict=True):
            self.items.append(Entry(text[begin:stop], text.count("\n", 0, begin) + 1))

    def add(self, values: Mapping[str, Value], at: int | None = None) -> Entry:
        """A new entry at position `at` of `items`; at the end if None."""
        column = len(self._indent) + 2
        lines = [_shown(name, value, column) for name, value in values.items()]
        text = f"{self._indent}- " + f"\n{' ' * column}".join(lines) + "\n"
        entry = Entry(text, 1)
        self.items.insert(len(self.items) if at is None else at, entry)
        return entry

    @property
    def text(self) -> str:
        """The complete file."""
        whole = self._head + "".join(item.text for item in self.items) + self._tail
        return whole.replace("\n", self._newline)


def edited(
    text: str, node: yaml.MappingNode, values: Mapping[str, Value], changed: Collection[str]
) -> str:
    """The text in which one of its mappings, with one key per line, has these values.

    Args:
        node: the mapping, as composed from the text.
        values: all of them; a new key comes after the one that precedes it here.
        changed: those of their keys that differ from the mapping.
    """
    column = node.value[0][0].start_mark.column
    pairs = {str(key.value): (key, value) for key, value in node.value}
    edits: list[tuple[int, int, str]] = []
    place = ""
    for name, value in values.items():
        shown = _shown(name, value, column)
        if name not in pairs:
            # After the complete line of the preceding field, or of the mapping's first one.
            at = _end_of_line(text, _end(pairs[place or next(iter(pairs))][1]))
            edits.append((at, at, f"\n{' ' * column}{shown}"))
            continue
        place = name
        if name not in changed:
            continue
        key, old = pairs[name]
        begin, end = key.start_mark.index, max(_end(old), key.end_mark.index + 1)
        end = begin + len(text[begin:end].rstrip())
        kept = [c[0] for g in _gaps(text, begin, end, old) for c in _COMMENT.finditer(g)]
        edits.append((begin, end, "".join(f"{c}\n{' ' * column}" for c in kept) + shown))
    # From the end, so that positions stay valid; of one place, the last of the new lines first.
    edits.reverse()
    for begin, end, shown in sorted(edits, key=lambda edit: edit[0], reverse=True):
        text = text[:begin] + shown + text[end:]
    return text


def _shown(name: str, value: Value, column: int) -> str:
    """`name: value`, with a list or mapping below it."""
    if isinstance(value, Mapping):
        lines = [f"\n{' ' * column}  {_shown(key, one, column + 2)}" for key, one in value.items()]
        return f"{_scalar(name)}:{''.join(lines)}"
    if not isinstance(value, list):
        return f"{name}: {_scalar(value)}".rstrip()
    if not value:
        return f"{name}: []"
    return f"{name}:" + "".join(f"\n{' ' * column}  - {_scalar(item)}" for item in value)


def _scalar(value: str | int | float | bool | None) -> str:
    """Plain if YAML 1.1 and 1.2 read it back unchanged; else in quotes."""
    if value is None:
        return ""
    if not isinstance(value, str):
        return repr(value).lower()
    value = NOT_TEXT.sub(" ", value)
    if _PLAIN.fullmatch(value) and ": " not in value:
        is_text = yaml.safe_load(value) == value or re.fullmatch(r"\d{4}-\d\d-\d\d", value)
        if is_text and parse(Chunk(1, value)).value == value:
            return value
    quoted = yaml.safe_dump(value, default_style='"', allow_unicode=True, width=10**9)
    return quoted.strip()


def _mapping(text: str) -> yaml.MappingNode:
    node = yaml.compose(text, Loader=yaml.SafeLoader)
    assert isinstance(node, yaml.SequenceNode)  # noqa: S101 - `Entry` has read it as such.
    return node.value[0]


def _leaves(node: yaml.Node) -> Iterator[yaml.Node]:
    """The scalars of a node in their order."""
    if isinstance(node, yaml.ScalarNode):
        yield node
    for child in node.value if isinstance(node, yaml.CollectionNode) else ():
        for part in child if isinstance(child, tuple) else (child,):
            yield from _leaves(part)


def _first(node: yaml.Node) -> int:
    return node.start_mark.index


def _end(node: yaml.Node) -> int:
    """Where the node's own text ends: the mark of a collection is that of what follows it."""
    if isinstance(node, yaml.CollectionNode) and node.value and not node.flow_style:
        last = node.value[-1]
        return _end(last[1] if isinstance(last, tuple) else last)
    # The mark of a block of text is at the beginning of the next line.
    is_block = isinstance(node, yaml.ScalarNode) and node.style in ("|", ">")
    text = (node.end_mark.buffer or "")[: node.end_mark.index]
    return len(text.rstrip()) if is_block else node.end_mark.index


def _gaps(text: str, begin: int, end: int, node: yaml.Node) -> Iterator[str]:
    """The text between the scalars of a node, from `begin` to `end`: comments, punctuation."""
    at = begin
    for leaf in _leaves(node):
        yield text[at : max(at, _first(leaf))]
        at = max(at, _end(leaf))
    yield text[at : max(at, end)]


def _dash(text: str) -> tuple[int, int]:
    """Line, from 0, and column of an entry's dash."""
    for number, line in enumerate(text.split("\n")):
        if line.lstrip().startswith("-"):
            return number, len(line) - len(line.lstrip())
    return 0, 0


def _comments_from(text: str, at: int, end: int, column: int) -> int:
    """Where the comments of the next entry begin, after those indented like the last one's keys;
    after the last entry, where text that belongs to no entry begins."""
    for line in text[at:end].splitlines(keepends=True):
        stripped = line.strip()
        if not stripped.startswith("#") or len(line) - len(line.lstrip()) <= column:
            return at
        at += len(line)
    return at


def _start_of_line(text: str, at: int) -> int:
    return text.rfind("\n", 0, at) + 1


def _end_of_line(text: str, at: int) -> int:
    end = text.find("\n", at)
    return len(text) if end < 0 else end
