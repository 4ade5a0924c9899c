"""Documents in the wiki text of Jira Data Center.

Its renderer works with patterns over the raw text, so every character that can begin or end
markup is written as a numeric entity, which the renderer keeps as it is: an entity holds in
links, tables and fixed-width text, where a backslash does not, and a backslash itself can't be
written otherwise.
"""

from __future__ import annotations

import re

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
from orchestration.trackers.jira.plain import (
    fitted,
    inline,
    lines,
    text_and_address,
)

_EMPTY_BOX = "☐"
_SPECIAL = re.compile(
    r"""
      [\\{}\[\]|!*^~+@]                     # macros, links, cells, images, phrases
    | (?<![^\W_])[-_] | [-_](?![^\W_])      # phrases and dashes, but no hyphen within a word
    | \?(?=\?|$) | (?<=\?)\? | ^\?          # citations
    | \A(?:\#+|h(?=[1-6]\.)|bq(?=\.))       # lists, headings, quotes
    | &(?=[\#\w]|$)                         # entities
    | [:;](?=-?[()PpD]|$) | \A[:;]          # smileys, also those that an entity would begin
    | :(?=//) | (?<=mailto):                # addresses that would be linked
    | \((?=[^()]{0,9}\)|$) | \((?=[^()]{0,9}$)
    | (?<![^\W_])\)
    """,
    re.VERBOSE | re.IGNORECASE,
)
_URL_UNSAFE = re.compile(r"[{}!*^]")
# Jira prints an error in place of code in a language that it doesn't know.
_LANGUAGES = {
    "bash", "c", "c++", "css", "go", "groovy", "html", "java", "javascript", "js", "json",
    "lua", "perl", "php", "python", "r", "ruby", "scala", "sh", "sql", "swift", "xml", "yaml",
}  # fmt: skip


def render(document: Document, tail: Document = ()) -> str:
    """The whole document, cut where Jira would refuse it, and a short `tail` that is not."""
    return _render(fitted(document, tail, lambda part: len(_render(part))))


def escaped(text: str) -> str:
    """`text` so that Jira shows it letter by letter, wherever it stands on a line."""
    return _SPECIAL.sub(lambda match: "".join(f"&#{ord(char)};" for char in match[0]), text)


def fixed_width(text: str) -> str:
    """How a span of code shows in what Jira gives back."""
    return "{{" + escaped(inline(text)) + "}}"


def _render(document: Document) -> str:
    return "\n\n".join(filter(None, map(_block, document)))


def _block(block: Block) -> str:
    match block:
        case Heading(text):
            return f"h3. {escaped(inline(text).strip())}"
        case Paragraph(spans):
            return _inline(spans)
        case Bullets(items):
            return "\n".join(f"* {_inline(item)}" for item in items)
        case Checklist(items):
            return "\n".join(f"* {_EMPTY_BOX} {_inline(item)}" for item in items)
        case Table():
            return _table(block)
        case Code(text, language):
            return _code(lines(text), language.strip().lower())


def _table(table: Table) -> str:
    width = max([len(table.header), *(len(row) for row in table.rows)])
    rows = []
    if table.header:
        cells = [escaped(inline(text).strip()) for text in table.header]
        rows.append(_row("||", [*cells, *[""] * (width - len(cells))]))
    for row in table.rows if width else ():
        cells = [_inline(cell) for cell in row]
        rows.append(_row("|", [*cells, *[""] * (width - len(cells))]))
    return "\n".join(rows)


def _row(bar: str, cells: list[str]) -> str:
    # An empty cell would double the bar, which makes a header of the next cell.
    return bar + bar.join(cell or " " for cell in cells) + bar


def _code(text: str, language: str) -> str:
    macro = "noformat" if "{code" in text.lower() else "code"
    if macro == "noformat":
        # There is no escape within a macro: only this one's own end must not stand in it.
        text = re.sub(r"\{(?=noformat)", "{ ", text, flags=re.IGNORECASE)
    opening = f"{macro}:{language}" if macro == "code" and language in _LANGUAGES else macro
    return f"{{{opening}}}\n{text}\n{{{macro}}}"


def _inline(spans: Spans) -> str:
    return "".join(map(_span, spans)).strip()


def _span(span: Span) -> str:
    text, url = text_and_address(span)
    if not text.strip():
        return text
    if url:
        # In a link there is no other markup.
        safe = _URL_UNSAFE.sub(lambda match: f"%{ord(match[0]):02X}", url)
        return f"[{escaped(text)}|{safe}]"
    core = escaped(text.strip())
    before = " " if text[0] == " " else ""
    after = " " if text[-1] == " " else ""
    if span.is_code:
        return f"{before}{{{{{core}}}}}{after}"
    if span.is_strong:
        # In braces, bold text needs no space around it.
        return f"{before}{{*}}{core}{{*}}{after}"
    return before + core + after
