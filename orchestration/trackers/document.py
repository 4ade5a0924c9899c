"""What an epic says, as blocks that know nothing of any tracker's markup.

The publisher builds a `Document` once; every tracker renders it into its own format (Markdown,
Atlassian Document Format, Jira's wiki text, HTML) and escapes all text for it there. Text is one
line without control characters (`text.one_line`), but otherwise as people wrote it. A renderer
links only what `text.web_address` accepts, and shows the rest as text.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True)
class Span:
    """A run of text: linked where `url` is set, in a fixed width where `is_code`."""

    text: str
    url: str = ""
    is_code: bool = False
    is_strong: bool = False


Spans: TypeAlias = tuple[Span, ...]


@dataclass(frozen=True)
class Heading:
    text: str


@dataclass(frozen=True)
class Paragraph:
    spans: Spans


@dataclass(frozen=True)
class Bullets:
    items: tuple[Spans, ...]


@dataclass(frozen=True)
class Checklist:
    """Boxes to tick; a tracker without them shows bullets that begin with an empty box."""

    items: tuple[Spans, ...]


@dataclass(frozen=True)
class Table:
    header: tuple[str, ...]
    rows: tuple[tuple[Spans, ...], ...]


@dataclass(frozen=True)
class Code:
    """Several lines as they are, such as a manifest; `language` as in `yaml`, may be empty."""

    text: str
    language: str = ""


Block: TypeAlias = Heading | Paragraph | Bullets | Checklist | Table | Code
Document: TypeAlias = tuple[Block, ...]


def spans(text: str, url: str = "") -> Spans:
    """The whole text as one span; of an empty text, none."""
    return (Span(text, url),) if text else ()
