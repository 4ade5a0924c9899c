"""Markdown as Atlassian Document Format, which Jira Cloud's REST 3 takes.

Text in it is data, never markup, so there is nothing to escape.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import count
from typing import Any, TypeAlias

from markdown_it.tree import SyntaxTreeNode

from orchestration.trackers.markup import Run, fitted, runs, tree
from orchestration.trackers.text import one_line

Node: TypeAlias = dict[str, Any]

_EMPTY: Node = {"type": "paragraph", "content": []}


def to_adf(body: str, tail: str = "") -> Node:
    """`body` as Atlassian Document Format, cut where Jira would refuse it, and a short `tail`.

    The limit is held against the JSON and not only the text in it: that is safe, however Jira
    counts.
    """

    def render(*parts: str) -> Node:
        writer = _Adf()
        content = [node for part in parts for node in writer.blocks(tree(part))]
        return {"version": 1, "type": "doc", "content": content}

    def size(document: Node) -> int:
        return len(json.dumps(document, ensure_ascii=False, separators=(",", ":")))

    return fitted(body, tail, render, size)


def adf_texts(node: Any) -> Iterator[str]:
    """Every text of a document that Jira gave back."""
    if isinstance(node, dict):
        if isinstance(node.get("text"), str):
            yield node["text"]
        yield from adf_texts(node.get("content"))
    elif isinstance(node, list):
        for child in node:
            yield from adf_texts(child)


class _Adf:
    """Text in it is data, never markup. What the format forbids (bold code) is left out."""

    def __init__(self) -> None:
        self._ids = count(1)

    def blocks(self, nodes: Iterable[SyntaxTreeNode], *, nested: bool = False) -> list[Node]:
        """nested: in an item or a quote, where only paragraphs, lists and code may be."""
        return [made for node in nodes for made in self._block(node, nested)]

    def _block(self, node: SyntaxTreeNode, nested: bool) -> Iterator[Node]:
        match node.type:
            case "heading" if not nested:
                level = min(int(node.tag[1:]) + 1, 6)
                yield {"type": "heading", "attrs": {"level": level}, "content": self._text(node)}
            case "paragraph" | "heading" | "th" | "td":
                yield {"type": "paragraph", "content": self._text(node)}
            case "fence" | "code_block":
                yield _adf_code(node)
            case "hr":
                if not nested:
                    yield {"type": "rule"}
            case "bullet_list" | "ordered_list":
                yield self._list(node, nested)
            case "table" if not nested:
                rows = [row for part in node.children for row in part.children]
                yield {"type": "table", "content": [self._row(row) for row in rows]}
            case "blockquote" if not nested:
                content = self.blocks(node.children, nested=True)
                yield {"type": "blockquote", "content": content or [_EMPTY]}
            case _:
                yield from self.blocks(node.children, nested=nested)

    def _list(self, node: SyntaxTreeNode, nested: bool) -> Node:
        first = [item.children[0] if item.children else None for item in node.children]
        items = [runs(one) if one and one.type == "paragraph" else [] for one in first]
        is_flat = all(len(item.children) == 1 for item in node.children)
        if (
            not nested
            and is_flat
            and all(item and item[0].text[:2] in ("☐ ", "☑ ") for item in items)
        ):
            return self._tasks(items)
        content = [{"type": "listItem", "content": self._item(item)} for item in node.children]
        if node.type == "bullet_list":
            return {"type": "bulletList", "content": content}
        order = {"order": int(node.attrs.get("start", 1))}
        return {"type": "orderedList", "attrs": order, "content": content}

    def _item(self, item: SyntaxTreeNode) -> list[Node]:
        content = self.blocks(item.children, nested=True)
        is_begun = bool(content) and content[0]["type"] in ("paragraph", "codeBlock")
        return content if is_begun else [_EMPTY, *content]

    def _tasks(self, items: Sequence[Sequence[Run]]) -> Node:
        content = [
            {
                "type": "taskItem",
                "attrs": {
                    "localId": f"task-{next(self._ids)}",
                    "state": "TODO" if first.text.startswith("☐") else "DONE",
                },
                "content": _adf_text([replace(first, text=first.text[2:]), *rest]),
            }
            for first, *rest in items
        ]
        attrs = {"localId": f"list-{next(self._ids)}"}
        return {"type": "taskList", "attrs": attrs, "content": content}

    def _row(self, row: SyntaxTreeNode) -> Node:
        kinds = {"th": "tableHeader", "td": "tableCell"}
        cells = [
            {"type": kinds[cell.type], "attrs": {}, "content": self.blocks([cell])}
            for cell in row.children
        ]
        return {"type": "tableRow", "content": cells}

    def _text(self, node: SyntaxTreeNode) -> list[Node]:
        return _adf_text(runs(node))


def _adf_text(line: Iterable[Run]) -> list[Node]:
    nodes: list[Node] = []
    for run in filter(lambda run: run.text, line):
        marks: list[Node] = [{"type": "code"}] if run.is_code else []
        if run.is_strong and not run.is_code:
            marks.append({"type": "strong"})
        if run.is_emphasized and not run.is_code:
            marks.append({"type": "em"})
        if run.url:
            marks.append({"type": "link", "attrs": {"href": run.url}})
        nodes.append({"type": "text", "text": run.text, **({"marks": marks} if marks else {})})
    return nodes


def _adf_code(node: SyntaxTreeNode) -> Node:
    text, language = node.content.rstrip("\n"), one_line(node.info, 30)
    made: Node = {"type": "codeBlock", "content": [{"type": "text", "text": text}] if text else []}
    return made | ({"attrs": {"language": language}} if language else {})
