"""Markdown, the one body of an epic, converted for trackers that need another format.

HTML in a body is text, images are links, and only what `web_address` accepts is linked. `to_html`
is for Azure DevOps; `adf` and `wiki` are for Jira.
"""

from __future__ import annotations

import html
import unicodedata
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import TypeVar

from markdown_it import MarkdownIt
from markdown_it.token import Token
from markdown_it.tree import SyntaxTreeNode

from orchestration.trackers.text import visible, web_address

Rendered = TypeVar("Rendered")

JIRA_LIMIT = 32_767
_CUT = f"Cut here: Jira accepts {JIRA_LIMIT:,} characters. All of it: `paydown explain`."
_CUTTABLE = ("paragraph_open", "list_item_open", "table_open", "fence", "code_block", "hr")
BOXES = {"[ ] ": "☐ ", "[x] ": "☑ ", "[X] ": "☑ "}


def to_html(body: str) -> str:
    """`body` as HTML, with all text escaped."""
    return _READER.renderer.render(_tokens(body), _READER.options, {}) if body else ""


@dataclass(frozen=True)
class Run:
    """A run of text with one style."""

    text: str
    url: str = ""
    is_code: bool = False
    is_strong: bool = False
    is_emphasized: bool = False


_READER = MarkdownIt("commonmark", {"html": False}).enable("table").disable("image")
_READER.validateLink = lambda url: web_address(html.unescape(url)) is not None
_READER.normalizeLink = lambda url: web_address(url) or ""


def _tokens(body: str) -> list[Token]:
    """`body` parsed, without invisible characters, with boxes as characters."""
    tokens = _READER.parse(_cleaned(body))
    for number, token in enumerate(tokens):
        if token.type in ("fence", "code_block"):
            token.content = _code(token.content)
        elif token.type == "table_open":
            token.attrSet("border", "1")
        for child in token.children or ():
            if child.type == "code_inline":
                child.content = _code(child.content)
        is_item = number > 1 and tokens[number - 2].type == "list_item_open"
        box = BOXES.get(token.content[:4]) if token.children and is_item else None
        if box and token.children:
            token.children[0].content = box + token.children[0].content[4:]
    return tokens


def tree(body: str) -> list[SyntaxTreeNode]:
    return SyntaxTreeNode(_tokens(body)).children


def _cleaned(body: str) -> str:
    return visible(body.replace("\r\n", "\n"), "\n\t")


def _code(text: str) -> str:
    """In code invisible characters are a trap; in prose they join emoji and letters."""
    return "".join(char for char in text if unicodedata.category(char) != "Cf")


def fitted(
    body: str,
    tail: str,
    render: Callable[..., Rendered],
    size: Callable[[Rendered], int],
) -> Rendered:
    """As much of `body` as Jira accepts, cut after a paragraph or an item, and all of `tail`.

    render: receives Markdown texts, in order.
    """
    full = render(body, tail)
    if size(full) <= JIRA_LIMIT:
        return full
    lines = _cleaned(body).split("\n")
    ends = sorted({0, *(t.map[1] for t in _tokens(body) if t.map and t.type in _CUTTABLE)})

    def cut(end: int) -> Rendered:
        return render("\n".join(lines[:end]), _CUT, tail)

    return cut(ends[bisect_right(ends, JIRA_LIMIT, lo=1, key=lambda end: size(cut(end))) - 1])


def runs(block: SyntaxTreeNode) -> list[Run]:
    """The text of a heading, a paragraph or a cell; neighbours of the same style are merged."""
    runs: list[Run] = []
    for run in _inline(block.children, Run("")):
        if runs and replace(runs[-1], text="") == replace(run, text=""):
            runs[-1] = replace(run, text=runs[-1].text + run.text)
        elif run.text:
            runs.append(run)
    return runs


def _inline(nodes: Iterable[SyntaxTreeNode], style: Run) -> Iterator[Run]:
    for node in nodes:
        match node.type:
            case "softbreak" | "hardbreak":
                yield replace(style, text=" ")
            case "code_inline":
                yield replace(style, text=node.content, is_code=True)
            case "strong":
                yield from _inline(node.children, replace(style, is_strong=True))
            case "em":
                yield from _inline(node.children, replace(style, is_emphasized=True))
            case "link":
                yield from _inline(node.children, replace(style, url=str(node.attrs["href"])))
            case "inline":
                yield from _inline(node.children, style)
            case _:
                yield replace(style, text=node.content)
