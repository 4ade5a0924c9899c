"""What both of Jira's formats have in common: clean text, addresses, and its limit of length."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from dataclasses import replace

from orchestration.trackers.document import (
    Block,
    Bullets,
    Checklist,
    Document,
    Heading,
    Paragraph,
    Span,
    Table,
)
from orchestration.trackers.text import one_line, web_address

MAX_CHARACTERS = 32_767
_INVISIBLE = {"Cc", "Cf", "Cs", "Zl", "Zp"}
_CUT = Paragraph(
    (Span(f"Cut here: Jira takes {MAX_CHARACTERS:,} characters. All of it: paydown explain."),)
)


def inline(text: str) -> str:
    """`text` without line breaks and control characters; a space at either end is kept."""
    return one_line(f"x{text}x", len(text) + 2)[1:-1]


def lines(text: str) -> str:
    """Several lines as they are, without characters that nobody sees."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return "".join(
        char for char in text if char in "\n\t" or unicodedata.category(char) not in _INVISIBLE
    )


def text_and_address(span: Span) -> tuple[str, str]:
    """What a span shows, and where it leads; an address that is none becomes part of the text."""
    text, url = inline(span.text), web_address(span.url) or ""
    if span.url and not url and inline(span.url) != text:
        text = f"{text}: {inline(span.url)}" if text else inline(span.url)
    return text or (inline(span.url) if url else ""), url


def fitted(document: Document, tail: Document, size: Callable[[Document], int]) -> Document:
    """As much of `document` as Jira takes, cut between blocks, items or rows, and `tail`.

    Says where it was cut.
    """
    if size((*document, *tail)) <= MAX_CHARACTERS:
        return (*document, *tail)
    kept: list[Block] = []

    def fits(block: Block) -> bool:
        return size((*kept, block, _CUT, *tail)) <= MAX_CHARACTERS

    for block in document:
        if fits(block):
            kept.append(block)
            continue
        kept += _part(block, fits)
        break
    while kept and isinstance(kept[-1], Heading):
        kept.pop()
    return (*kept, _CUT, *tail)


def _part(block: Block, fits: Callable[[Block], bool]) -> list[Block]:
    """The longest beginning of a list or table that fits."""
    parts: list[Block]
    if isinstance(block, Bullets | Checklist):
        parts = [replace(block, items=block.items[:n]) for n in range(1, len(block.items))]
    elif isinstance(block, Table):
        parts = [replace(block, rows=block.rows[:n]) for n in range(1, len(block.rows))]
    else:
        return []
    low, high = 0, len(parts)
    while low < high:
        middle = (low + high) // 2
        if fits(parts[middle]):
            low = middle + 1
        else:
            high = middle
    return parts[low - 1 : low] if low else []
