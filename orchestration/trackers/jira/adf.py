"""Documents in Atlassian Document Format, which Jira Cloud's REST 3 takes.

Text in it is data, never markup, so there is nothing to escape. What the format forbids (empty
text, bold code, an empty list) is left out.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, TypeAlias

from orchestration.trackers.document import (
    Block,
    Bullets,
    Checklist,
    Code,
    Document,
    Heading,
    Paragraph,
    Spans,
    Table,
)
from orchestration.trackers.jira.plain import (
    fitted,
    inline,
    lines,
    text_and_address,
)

Node: TypeAlias = dict[str, Any]
_HEADING_LEVEL = 3


def render(document: Document, tail: Document = ()) -> Node:
    """The whole document, cut where Jira would refuse it, and a short `tail` that is not.

    The limit is held against the JSON and not only the text in it: that is safe, however Jira
    counts.
    """
    return _render(fitted(document, tail, _size))


def texts(node: Any, *, only_code: bool = False) -> Iterator[str]:
    """Every text of a document that Jira gave back, or every one in code font."""
    if isinstance(node, dict):
        is_code = any(one.get("type") == "code" for one in node.get("marks") or ())
        if isinstance(node.get("text"), str) and (is_code or not only_code):
            yield node["text"]
        yield from texts(node.get("content"), only_code=only_code)
    elif isinstance(node, list):
        for child in node:
            yield from texts(child, only_code=only_code)


def _size(document: Document) -> int:
    return len(json.dumps(_render(document), ensure_ascii=False, separators=(",", ":")))


def _render(document: Document) -> Node:
    content = [
        node for number, block in enumerate(document, 1) for node in _block(block, f"list-{number}")
    ]
    return {"version": 1, "type": "doc", "content": content}


def _block(block: Block, local_id: str) -> Iterator[Node]:
    match block:
        case Heading(text):
            level = {"level": _HEADING_LEVEL}
            yield {"type": "heading", "attrs": level, "content": _plain(inline(text).strip())}
        case Paragraph(spans):
            yield _paragraph(spans)
        case Bullets(items) if items:
            content = [{"type": "listItem", "content": [_paragraph(item)]} for item in items]
            yield {"type": "bulletList", "content": content}
        case Checklist(items) if items:
            content = [
                {
                    "type": "taskItem",
                    "attrs": {"localId": f"{local_id}-{number}", "state": "TODO"},
                    "content": _inline(item),
                }
                for number, item in enumerate(items, 1)
            ]
            yield {"type": "taskList", "attrs": {"localId": local_id}, "content": content}
        case Table():
            yield from _table(block)
        case Code(text, language):
            node: Node = {"type": "codeBlock", "content": _plain(lines(text))}
            if language:
                node["attrs"] = {"language": inline(language).strip()}
            yield node


def _table(table: Table) -> Iterator[Node]:
    width = max([len(table.header), *(len(row) for row in table.rows)])
    if not width:
        return
    rows = []
    if table.header:
        cells = [*table.header, *[""] * (width - len(table.header))]
        rows.append([_cell("tableHeader", _plain(inline(text).strip())) for text in cells])
    for row in table.rows:
        cells = [_inline(cell) for cell in (*row, *[()] * (width - len(row)))]
        rows.append([_cell("tableCell", content) for content in cells])
    content = [{"type": "tableRow", "content": cells} for cells in rows]
    yield {"type": "table", "content": content}


def _cell(kind: str, content: list[Node]) -> Node:
    return {"type": kind, "attrs": {}, "content": [{"type": "paragraph", "content": content}]}


def _paragraph(spans: Spans) -> Node:
    return {"type": "paragraph", "content": _inline(spans)}


def _plain(text: str) -> list[Node]:
    return [{"type": "text", "text": text}] if text else []


def _inline(spans: Spans) -> list[Node]:
    nodes: list[Node] = []
    for span in spans:
        text, url = text_and_address(span)
        marks: list[Node] = []
        if span.is_code:
            marks.append({"type": "code"})
        elif span.is_strong:
            marks.append({"type": "strong"})
        if url:
            marks.append({"type": "link", "attrs": {"href": url}})
        nodes += [{**node, "marks": marks} if marks else node for node in _plain(text)]
    return nodes
