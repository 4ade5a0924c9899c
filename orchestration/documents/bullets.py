"""The bullet template of a postmortem: `# Postmortem: <incident-id>`, then `- Label: text`.

The bullets up to the next heading are the fields, the rest of the file is prose. Their text is put
where the front matter has the field, and the same model reads both.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from difflib import get_close_matches

from markdown_it import MarkdownIt

from orchestration.documents.problems import DocumentError, Problem
from orchestration.documents.words import is_blank, labels, split
from orchestration.documents.yaml_lines import Document, Location

# Texts, each with its line.
Parts = list[tuple[int, str]]
# Limit of one bullet, so that no pattern has to search a book.
MAX_CHARACTERS = 4_000
HEADING = "Postmortem"

_MARKDOWN = MarkdownIt("commonmark").disable("inline")
_TITLE = re.compile(r"post-?\s?mortem\s*(?::|-|–|—)?\s*", re.I)  # noqa: RUF001
_LABEL = re.compile(r"\**([A-Za-z][A-Za-z /_-]{0,39}?)\s*\**\s*:(?!//)\**\s*(.*)", re.S)
_DASH = re.compile(r"\s+[-–—]\s+")  # noqa: RUF001


def read_bullets(text: str) -> tuple[Document, list[Problem]]:
    """The bullets' content, in the front matter's structure, and what is wrong with their labels.

    Raises DocumentError if there is no `# Postmortem:` heading.
    """
    document, problems = Document({}, {(): 1}), []
    for written, parts in _bullets(text):
        label = " ".join(written.lower().replace("_", " ").split())
        value, what, fix = _value(parts), "", ""
        place = (labels().get(label, ""),)
        if label not in labels():
            if close := get_close_matches(label, labels(), n=1, cutoff=0.8):
                what, fix = "is not a known label", f"write `{close[0]}:`"
        elif place in document.labels:
            what = f"is given twice, first on line {document.line_of(place)}"
            fix = "keep one of them"
        elif len(value) > MAX_CHARACTERS:
            what = f"is {len(value):,} characters, the limit is {MAX_CHARACTERS:,}"
            fix = "move the prose below the bullets"
        else:
            _put(document, place, written, parts)
        if what:
            problems.append(Problem(parts[0][0], written, value, what, fix))
    return document, problems


def _bullets(text: str) -> Iterator[tuple[str, Parts]]:
    """Label and text of the heading, then of every labelled bullet up to the next heading."""
    items: list[Parts] = []
    depth, before = 0, ""
    for token in _MARKDOWN.parse(text):
        depth += token.nesting * token.type.startswith("bullet_list")
        if token.type == "heading_open" and items:
            break
        if token.type == "inline" and token.map:
            line, words = token.map[0] + 1, " ".join(token.content.split())
            is_bullet = items and depth == 1 and before == "list_item_open"
            if is_bullet or (before == "heading_open" and _TITLE.match(words)):
                items.append([(line, words)])
            elif items and depth:
                items[-1].append((line, words))
        before = token.type if token.type != "paragraph_open" else before
    if not items:
        first = text.strip().split("\n", 1)[0]
        what = "is neither of the two postmortem templates"
        fix = "begin it with `# Postmortem: <incident-id>`, or with front matter between ---"
        raise DocumentError(Problem(1, "document", first, what, fix))
    (line, title), *_ = items.pop(0)
    references, *title_words = _DASH.split(_TITLE.sub("", title), maxsplit=1)
    yield HEADING, [(line, references)]
    yield from (("Title", [(line, words)]) for words in title_words)
    for (line, first), *below in items:
        if match := _LABEL.fullmatch(first):
            yield match[1].strip(), [(line, match[2]), *below]


def _value(parts: Parts) -> str:
    return "; ".join(part for _, part in parts if part)


def _put(document: Document, place: Location, label: str, parts: Parts) -> None:
    """Note a bullet's text and the line of each clause; a blank one is not known."""
    clauses = [line for line, part in parts for _ in split(part, ";")]
    document.lines.update({(*place, number): line for number, line in enumerate(clauses)})
    document.lines[place], document.labels[place] = parts[0][0], label
    if not is_blank(_value(parts)):
        document.value[place[0]] = _value(parts)
