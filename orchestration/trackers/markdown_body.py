"""Renders a `Document` as Markdown that shows every text letter by letter."""

from __future__ import annotations

import re
from collections.abc import Iterable

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
from orchestration.trackers.text import _MARKDOWN_LEADING, _MARKDOWN_SPECIAL, web_address

_NOT_A_LANGUAGE = re.compile(r"[^A-Za-z0-9+#-]")


def render(document: Document, level: int = 2) -> str:
    """Blocks with an empty line between them; headings are of `level`. No line break at the end."""
    rendered = (_block(block, level) for block in document)
    return "\n\n".join(text for text in rendered if text)


def _block(block: Block, level: int) -> str:
    match block:
        case Heading(text):
            return f"{'#' * level} {escape_markdown(text)}" if text else ""
        case Paragraph(line):
            return _line(line)
        case Bullets(items):
            return _list("- ", items)
        case Checklist(items):
            return _list("- [ ] ", items)
        case Table(header, rows):
            return _table(header, rows)
        case Code(text, language):
            return _fenced(text, language)


def _line(line: Spans) -> str:
    return escape_markdown_start("".join(_span(span, in_table=False) for span in line))


def _cell(line: Spans) -> str:
    return "".join(_span(span, in_table=True) for span in line).strip()


def _list(marker: str, items: Iterable[Spans]) -> str:
    lines = (_line(item) for item in items)
    return "\n".join(f"{marker}{line}" for line in lines if line)


def _table(header: tuple[str, ...], rows: tuple[tuple[Spans, ...], ...]) -> str:
    lines = [
        [escape_markdown(name) for name in header],
        ["---"] * len(header),
        *([_cell(cell) for cell in row] for row in rows),
    ]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _span(span: Span, *, in_table: bool) -> str:
    if not span.text:
        return ""
    text = _code(span.text, in_table=in_table) if span.is_code else escape_markdown(span.text)
    if span.is_strong:
        text = f"**{text}**"
    if not span.url:
        return text
    address = web_address(span.url)
    return f"[{text}](<{address}>)" if address else f"{text}: {escape_markdown(span.url)}"


def _code(text: str, *, in_table: bool) -> str:
    fence = "`" * (_longest_run(text) + 1)
    # A table is cut into cells before code is looked for, so a bar is escaped even there.
    inner = text.replace("|", r"\|") if in_table else text
    padding = " " if inner.startswith(("`", " ")) or inner.endswith(("`", " ")) else ""
    return f"{fence}{padding}{inner}{padding}{fence}"


def _fenced(text: str, language: str) -> str:
    fence = "`" * max(3, _longest_run(text) + 1)
    return f"{fence}{_NOT_A_LANGUAGE.sub('', language)}\n{text.rstrip()}\n{fence}"


def _longest_run(text: str) -> int:
    return max((len(run) for run in re.findall("`+", text)), default=0)


def escape_markdown(text: str) -> str:
    return _MARKDOWN_SPECIAL.sub(r"\\\1", text)


def escape_markdown_start(line: str) -> str:
    line = line.strip()
    return _MARKDOWN_LEADING.sub(lambda m: f"\\{m[1]}" if m[1] else f"{m[2]}\\{m[3]}", line)
