"""Turns the Markdown of a playbook into blocks, and fills in its blanks.

Blanks are filled in after the Markdown is read: a value is only ever text.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from markdown_it import MarkdownIt
from markdown_it.token import Token
from markdown_it.tree import SyntaxTreeNode

from orchestration.documents.playbook import BLANK, Playbook
from orchestration.documents.problems import ConfigError, DocumentError, Problem
from orchestration.trackers.document import (
    Block,
    Bullets,
    Checklist,
    Code,
    Document,
    Heading,
    Paragraph,
    Span,
    Spans,
)
from orchestration.trackers.text import web_address

_BOX = "[ ] "
_ALLOWED = "use headings, paragraphs, bullets, `- [ ]` checks and code between ```"


def playbook_blocks(playbook: Playbook, values: Mapping[str, str]) -> Document:
    """The playbook with `values` in its blanks; what they leave out has its default.

    Raises:
        ConfigError: the text holds Markdown that not every tracker can show, with its line.
    """
    filled = {**playbook.header.parameters, **values}
    try:
        tokens = MarkdownIt("commonmark", {"html": False}).parse(playbook.text)
        return tuple(_fill(block, filled) for block in _blocks(tokens, playbook.first_line))
    except DocumentError as error:
        raise ConfigError(playbook.path, error.problems) from None


def _blocks(tokens: Sequence[Token], first_line: int) -> Iterator[Block]:
    for node in SyntaxTreeNode(tokens).children:
        line = first_line + (node.map[0] if node.map else 0)
        match node.type:
            case "heading":
                yield Heading("".join(span.text for span in _spans(node, line)))
            case "paragraph":
                yield Paragraph(_spans(node, line))
            case "bullet_list":
                yield _list(node, line)
            case "fence":
                yield Code(node.content.rstrip("\n"), node.info.strip())
            case other:
                raise _refused(line, other)


def _list(node: SyntaxTreeNode, line: int) -> Bullets | Checklist:
    items: list[Spans] = []
    for item in node.children:
        at = line + (item.map[0] - node.map[0] if item.map and node.map else 0)
        if [child.type for child in item.children] != ["paragraph"]:
            raise _refused(at, "a bullet with more than one paragraph")
        items.append(_spans(item.children[0], at))
    boxes = [bool(item) and item[0].text.startswith(_BOX) for item in items]
    if not any(boxes):
        return Bullets(tuple(items))
    if not all(boxes):
        raise _refused(line, "a list with checks and plain bullets")
    return Checklist(tuple(_without_box(item) for item in items))


def _without_box(item: Spans) -> Spans:
    first = replace(item[0], text=item[0].text.removeprefix(_BOX))
    return (first, *item[1:]) if first.text else item[1:]


def _spans(block: SyntaxTreeNode, line: int) -> Spans:
    inline = block.children[0].children if block.children else []
    return tuple(_joined(span for node in inline for span in _inline(node, line)))


def _inline(node: SyntaxTreeNode, line: int) -> Iterator[Span]:
    match node.type:
        case "text" | "text_special":
            yield Span(node.content)
        case "softbreak":
            yield Span(" ")
        case "code_inline":
            yield Span(node.content, is_code=True)
        case "strong":
            for child in node.children:
                yield from (replace(span, is_strong=True) for span in _inline(child, line))
        case "link":
            url = web_address(str(node.attrs["href"]))
            if url is None:
                raise _refused(line, "a link that is no web address")
            for child in node.children:
                yield from (replace(span, url=url) for span in _inline(child, line))
        case other:
            raise _refused(line, other)


def _joined(spans: Iterator[Span]) -> Iterator[Span]:
    """Neighbours that look the same as one span, so that texts read whole."""
    last: Span | None = None
    for span in spans:
        if not span.text:
            continue
        if last and replace(last, text="") == replace(span, text=""):
            last = replace(last, text=last.text + span.text)
        else:
            if last:
                yield last
            last = span
    if last:
        yield last


def _fill(block: Block, values: Mapping[str, str]) -> Block:
    match block:
        case Heading(text):
            return Heading(_filled(text, values))
        case Paragraph(line):
            return Paragraph(_fill_spans(line, values))
        case Bullets(items):
            return Bullets(tuple(_fill_spans(item, values) for item in items))
        case Checklist(items):
            return Checklist(tuple(_fill_spans(item, values) for item in items))
        case Code(text, language):
            return Code(_filled(text, values), language)
    return block


def _fill_spans(line: Spans, values: Mapping[str, str]) -> Spans:
    return tuple(replace(span, text=_filled(span.text, values)) for span in line)


def _filled(text: str, values: Mapping[str, str]) -> str:
    return BLANK.sub(lambda blank: values[blank[1]], text)


def _refused(line: int, what: str) -> DocumentError:
    what = f"{what.replace('_', ' ')} can't be shown in every tracker"
    return DocumentError(Problem(line, "text", "", what, _ALLOWED))
