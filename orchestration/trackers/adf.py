"""Markdown as Atlassian Document Format, which Jira Cloud's REST 3 accepts.

Text in it is data, never markup, so there is nothing to escape. What the format forbids (bold
code, a heading in a list) is left out.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any, TypeAlias

from markdown_it.tree import SyntaxTreeNode

from orchestration.trackers.markup import BOXES, Run, fitted, runs, tree
from orchestration.trackers.text import one_line

Node: TypeAlias = dict[str, Any]


def to_adf(body: str, tail: str = "") -> Node:
    """`body` as Atlassian Document Format, cut to what Jira accepts, and a short `tail`.

    The limit is applied to the JSON, not only to its text: that is safe, however Jira counts.
    """

    def render(*parts: str) -> Node:
        content = [node for part in parts for node in _blocks(tree(part))]
        return {"version": 1, "type": "doc", "content": content}

    def size(document: Node) -> int:
        return len(json.dumps(document, ensure_ascii=False, separators=(",", ":")))

    return fitted(body, tail, render, size)


def adf_texts(node: Any) -> Iterator[str]:
    """Every text of a document from Jira."""
    if isinstance(node, dict):
        if isinstance(node.get("text"), str):
            yield node["text"]
        yield from adf_texts(node.get("content"))
    elif isinstance(node, list):
        for child in node:
            yield from adf_texts(child)


def _node(kind: str, content: list[Node], **attrs: Any) -> Node:
    return {"type": kind, "content": content, **({"attrs": attrs} if attrs else {})}


def _blocks(nodes: Iterable[SyntaxTreeNode], *, nested: bool = False) -> list[Node]:
    """nested: in an item or a quote, where only paragraphs, lists and code may be."""
    return [made for node in nodes for made in _block(node, nested)]


def _block(node: SyntaxTreeNode, nested: bool) -> Iterator[Node]:
    match node.type:
        case "heading" if not nested:
            yield _node("heading", _text(runs(node)), level=min(int(node.tag[1:]) + 1, 6))
        case "paragraph" | "heading" | "th" | "td":
            yield _node("paragraph", _text(runs(node)))
        case "fence" | "code_block":
            text, language = node.content.rstrip("\n"), one_line(node.info, 30)
            content = [{"type": "text", "text": text}] if text else []
            yield _node("codeBlock", content, **({"language": language} if language else {}))
        case "hr":
            if not nested:
                yield {"type": "rule"}
        case "bullet_list" | "ordered_list":
            yield _list(node, nested)
        case "table" if not nested:
            yield _node("table", [_row(row) for part in node.children for row in part.children])
        case "blockquote" if not nested:
            content = _blocks(node.children, nested=True)
            yield _node("blockquote", content or [_node("paragraph", [])])
        case _:
            yield from _blocks(node.children, nested=nested)


def _list(node: SyntaxTreeNode, nested: bool) -> Node:
    if not nested and (tasks := _tasks(node)):
        return _node("taskList", tasks, localId=f"list-{(node.map or [0])[0]}")
    content = [_node("listItem", _item(item)) for item in node.children]
    if node.type == "bullet_list":
        return _node("bulletList", content)
    return _node("orderedList", content, order=int(node.attrs.get("start", 1)))


def _item(item: SyntaxTreeNode) -> list[Node]:
    content = _blocks(item.children, nested=True)
    is_begun = bool(content) and content[0]["type"] in ("paragraph", "codeBlock")
    return content if is_begun else [_node("paragraph", []), *content]


def _tasks(node: SyntaxTreeNode) -> list[Node]:
    """The items as tasks, if each is one line that begins with a box; else none."""
    tasks = []
    for item in node.children:
        kinds = [child.type for child in item.children]
        first, *rest = runs(item.children[0]) if kinds == ["paragraph"] else [Run("")]
        if first.text[:2] not in BOXES.values():
            return []
        text = _text([replace(first, text=first.text[2:]), *rest])
        state = "TODO" if first.text.startswith("☐") else "DONE"
        # Numbered by its line, so that a preview equals what is sent.
        tasks.append(_node("taskItem", text, localId=f"task-{(item.map or [0])[0]}", state=state))
    return tasks


def _row(row: SyntaxTreeNode) -> Node:
    kinds = {"th": "tableHeader", "td": "tableCell"}
    return _node("tableRow", [_node(kinds[cell.type], _blocks([cell])) for cell in row.children])


def _text(line: Sequence[Run]) -> list[Node]:
    nodes: list[Node] = []
    for run in line:
        kinds = {"code": run.is_code, "strong": run.is_strong, "em": run.is_emphasized}
        shown = ["code"] if run.is_code else [kind for kind, is_so in kinds.items() if is_so]
        marks: list[Node] = [{"type": kind} for kind in shown]
        if run.url:
            marks.append({"type": "link", "attrs": {"href": run.url}})
        if run.text:
            nodes.append({"type": "text", "text": run.text, **({"marks": marks} if marks else {})})
    return nodes
