"""Markdown as the wiki text of Jira Data Center.

Its renderer applies patterns to the raw text, so every character that can begin or end markup is
written as a numeric entity, which the renderer leaves unchanged: an entity works in links, tables
and fixed-width text, where a backslash does not.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from markdown_it.tree import SyntaxTreeNode

from orchestration.trackers.markup import Run, fitted, runs, tree

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
# For a language that it doesn't know, Jira shows an error instead of the code.
_LANGUAGES = {
    "bash", "c", "c++", "css", "go", "groovy", "html", "java", "javascript", "js", "json",
    "lua", "perl", "php", "python", "r", "ruby", "scala", "sh", "sql", "swift", "xml", "yaml",
}  # fmt: skip


def to_wiki(body: str, tail: str = "") -> str:
    """`body` as Jira's wiki text, cut to what Jira accepts, and a short `tail`."""

    def render(*parts: str) -> str:
        return "\n\n".join(text for part in parts for text in map(_block, tree(part)) if text)

    return fitted(body, tail, render, len)


def fixed_width(text: str) -> str:
    """`text` in fixed width, as it is found in wiki text."""
    return "{{" + _escaped(text) + "}}"


def _block(node: SyntaxTreeNode) -> str:
    match node.type:
        case "heading":
            return f"h{min(int(node.tag[1:]) + 1, 6)}. {_line(node)}"
        case "paragraph":
            return _line(node)
        case "fence" | "code_block":
            return _code_block(node.content.rstrip("\n"), node.info.strip().lower())
        case "hr":
            return "----"
        case "bullet_list" | "ordered_list":
            return "\n".join(_items(node, ""))
        case "table":
            rows = [row for part in node.children for row in part.children]
            return "\n".join(map(_row, rows))
        case "blockquote":
            return "{quote}\n" + "\n\n".join(map(_block, node.children)) + "\n{quote}"
        case _:
            return "\n\n".join(map(_block, node.children))


def _items(node: SyntaxTreeNode, prefix: str) -> Iterator[str]:
    prefix += "*" if node.type == "bullet_list" else "#"
    for item in node.children:
        lists = [one for one in item.children if one.type.endswith("_list")]
        texts = [_block(one) for one in item.children if one not in lists]
        yield f"{prefix} " + "\n".join(texts)
        for one in lists:
            yield from _items(one, prefix)


def _row(row: SyntaxTreeNode) -> str:
    bar = "||" if row.children[0].type == "th" else "|"
    # An empty cell would double the bar, which turns the next cell into a header.
    return bar + bar.join(_line(cell) or " " for cell in row.children) + bar


def _code_block(text: str, language: str) -> str:
    macro = "noformat" if "{code" in text.lower() else "code"
    if macro == "noformat":
        # There is no escape within a macro: only its own end must not occur in it.
        text = re.sub(r"\{(?=noformat)", "{ ", text, flags=re.IGNORECASE)
    opening = f"{macro}:{language}" if macro == "code" and language in _LANGUAGES else macro
    return f"{{{opening}}}\n{text}\n{{{macro}}}"


def _line(node: SyntaxTreeNode) -> str:
    return "".join(map(_run, runs(node))).strip()


def _run(run: Run) -> str:
    if not run.text.strip():
        return run.text
    if run.url:
        # In a link there is no other markup.
        safe = _URL_UNSAFE.sub(lambda match: f"%{ord(match[0]):02X}", run.url)
        return f"[{_escaped(run.text)}|{safe}]"
    core = _escaped(run.text.strip())
    before = " " if run.text[0] == " " else ""
    after = " " if run.text[-1] == " " else ""
    if run.is_code:
        return f"{before}{{{{{core}}}}}{after}"
    # In braces, bold and emphasized text need no space around them.
    if run.is_emphasized:
        core = f"{{_}}{core}{{_}}"
    if run.is_strong:
        core = f"{{*}}{core}{{*}}"
    return before + core + after


def _escaped(text: str) -> str:
    return _SPECIAL.sub(lambda match: "".join(f"&#{ord(char)};" for char in match[0]), text)
