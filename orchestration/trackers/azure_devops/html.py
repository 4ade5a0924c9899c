"""A `Document` as the HTML that Azure DevOps shows in descriptions and comments."""

from __future__ import annotations

import html
import unicodedata

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
    Table,
)
from orchestration.trackers.text import web_address

# Azure DevOps has no boxes to tick in a description.
EMPTY_BOX = "☐ "
# JSON carries half a character and NUL, and the server stores or shows neither.
_UNSHOWN = {"Cc", "Cs"}
# In code an invisible character is a trap; in prose it joins emoji and letters.
_UNSHOWN_IN_CODE = _UNSHOWN | {"Cf", "Zl", "Zp"}


def render(document: Document) -> str:
    """The whole document. Text is escaped; tags and attributes are only those of this module."""
    return "".join(map(_block, document))


def escaped(text: str) -> str:
    """Text that shows letter by letter inside an element or a quoted attribute."""
    kept = "".join(c for c in text if unicodedata.category(c) not in _UNSHOWN)
    return html.escape(kept, quote=True)


def _block(block: Block) -> str:
    match block:
        case Heading(text):
            return f"<h2>{escaped(text)}</h2>"
        case Paragraph(spans):
            return f"<p>{_spans(spans)}</p>"
        case Bullets(items):
            return _list(items)
        case Checklist(items):
            return _list(items, EMPTY_BOX)
        case Table(header, rows):
            head = "".join(f"<th>{escaped(cell)}</th>" for cell in header)
            body = "".join(
                f"<tr>{''.join(f'<td>{_spans(cell)}</td>' for cell in row)}</tr>" for row in rows
            )
            return f'<table border="1"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'
        case Code(text):
            return f"<pre><code>{_code(text)}</code></pre>"


def _list(items: tuple[Spans, ...], before: str = "") -> str:
    return f"<ul>{''.join(f'<li>{before}{_spans(item)}</li>' for item in items)}</ul>"


def _spans(spans: Spans) -> str:
    return "".join(map(_span, spans))


def _span(span: Span) -> str:
    text, address = span.text, web_address(span.url) if span.url else None
    if span.url and not address and span.url != text:
        text = f"{text}: {span.url}"
    shown = escaped(text)
    if span.is_code:
        shown = f"<code>{shown}</code>"
    if span.is_strong:
        shown = f"<strong>{shown}</strong>"
    return f'<a href="{escaped(address)}">{shown}</a>' if address else shown


def _code(text: str) -> str:
    kept = (c for c in text if c in "\n\t" or unicodedata.category(c) not in _UNSHOWN_IN_CODE)
    return html.escape("".join(kept), quote=True)
