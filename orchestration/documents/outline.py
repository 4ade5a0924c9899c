"""A Markdown document as its sections: what each heading and label has below it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from markdown_it import MarkdownIt

_MARKDOWN = MarkdownIt("commonmark").enable("table").disable("inline")
_HIDDEN = re.compile(r"<!--.*?-->|<%.*?%>|</?[A-Za-z][\w-]*(?:\s[^<>]*)?/?>", re.S)
_LINK = re.compile(r"!?\[([^\[\]]*)\](?:\(([^()\s]*)[^()]*\)|\[[^\[\]]*\])")
_MARKS = re.compile(r"(?<!\w)[*_]{1,3}(?=\S)|(?<=\S)[*_]{1,3}(?!\w)|[`~]|\\(?=[^\w\s])")
_BOLD = re.compile(r"(\*\*|__)(?P<title>[^*_\n]{2,60}?):?\1:?")
_LABEL = re.compile(r"[*_ ]*([A-Za-z][\w '/()-]{1,40}?)[*_ ]*:[*_]*\s+(.+)", re.S)


@dataclass
class Section:
    """What is below a heading, up to the next one of any level, or after a label.

    `rows` are those of its tables, each with its column names in lower case.
    """

    title: str
    texts: list[str] = field(default_factory=list)
    items: list[str] = field(default_factory=list)
    rows: list[dict[str, str]] = field(default_factory=list)
    is_label: bool = False

    @property
    def lines(self) -> list[str]:
        """All of its text: paragraphs, list items, rows."""
        return [*self.texts, *self.items, *(" ".join(row.values()) for row in self.rows)]


def plain(text: str) -> str:
    """The text without markup, on one line; a link keeps its words, and its address in brackets."""
    text = _LINK.sub(lambda link: f"{link[1]} <{link[2]}>" if link[2] else link[1], text)
    return " ".join(_MARKS.sub("", _HIDDEN.sub(" ", text)).split())


def sections(text: str) -> list[Section]:
    """The sections in order; the one above the first heading has an empty title.

    `Label: text`, in a paragraph, an item or a table of two columns, is a section too.
    """
    found, labels, cells = [Section("")], [], []
    header: list[str] = []
    before, depth = "", 0
    for token in _MARKDOWN.parse(_HIDDEN.sub(lambda m: "\n" * m[0].count("\n"), text)):
        depth += token.nesting * token.type.endswith(
            "list_open" if token.nesting > 0 else "list_close"
        )
        if token.type == "inline":
            bold = _BOLD.fullmatch(token.content.strip())
            if before == "heading_open" or (bold and before == "paragraph_open" and not depth):
                found.append(Section(plain(bold["title"] if bold else token.content).rstrip(":")))
            elif before in ("th_open", "td_open"):
                cells.append(plain(token.content))
            else:
                (found[-1].items if depth else found[-1].texts).append(plain(token.content))
                labels += [_label(line) for line in token.content.split("\n")]
        elif token.type == "tr_close":
            labels += [Section(cells[0], [cells[1]], is_label=True)] if len(cells) == 2 else []
            if before == "th_close":
                header = [cell.lower() for cell in cells]
            else:
                found[-1].rows.append(dict(zip(header, cells, strict=False)))
            cells = []
        before = token.type
    return found + [label for label in labels if label]


def _label(line: str) -> Section | None:
    match = _LABEL.fullmatch(line.strip())
    return Section(plain(match[1]), [plain(match[2])], is_label=True) if match else None
