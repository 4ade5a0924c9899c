"""Blocks as Markdown: read back, they show what was put in."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from orchestration.trackers.document import (
    Bullets,
    Checklist,
    Code,
    Heading,
    Paragraph,
    Span,
    Table,
    spans,
)
from orchestration.trackers.markdown_body import render
from orchestration.trackers.text import one_line

PARSER = MarkdownIt("gfm-like", {"linkify": False})
LINES = st.text("ab1 \\`*_{}[]()<>#|~&;!+-=.:/\"'\té").map(one_line)


def shown(token: Token) -> str:
    return "".join(child.content for child in token.children or [])


def test_every_block() -> None:
    document = (
        Heading("Why # it"),
        Paragraph((Span("Owner", is_strong=True), Span(": "), Span("a`b", is_code=True))),
        Bullets((spans("- one"), spans("two", "https://x.example/a b"), ())),
        Checklist((spans("[x] done"),)),
        Table(("A|B", "C"), ((spans("-1"), (Span("a|b", is_code=True),)),)),
        Code("a: |\n  ```\n", "yaml evil"),
        Paragraph(()),
    )
    assert render(document, level=3) == (
        "### Why \\# it\n\n"
        "**Owner**: ``a`b``\n\n"
        "- \\- one\n- [two](<https://x.example/a%20b>)\n\n"
        "- [ ] \\[x\\] done\n\n"
        "| A\\|B | C |\n| --- | --- |\n| -1 | `a\\|b` |\n\n"
        "````yamlevil\na: |\n  ```\n````"
    )


def test_what_is_no_web_address_is_shown_as_text() -> None:
    body = (Paragraph(spans("a]b", "javascript:alert(1)")),)
    assert render(body) == r"a\]b: javascript:alert(1)"


def test_marks_at_the_edges_of_spans_stay_text() -> None:
    body = (Paragraph((Span("a&"), Span("lt; b!"), Span("x", "https://x.example"))),)
    (_, inline, _) = PARSER.parse(render(body))
    assert shown(inline) == "a&lt; b!x"
    assert [t.type for t in inline.children or []].count("link_open") == 1


@given(st.lists(LINES.filter(bool), min_size=1, max_size=3))
def test_spans_are_shown_letter_by_letter(texts: list[str]) -> None:
    document = (Paragraph(tuple(Span(text) for text in texts)),)
    (_, inline, _) = PARSER.parse(render(document))
    assert shown(inline) == "".join(texts).strip()


@given(LINES.filter(bool))
def test_code_is_shown_letter_by_letter(text: str) -> None:
    document = (Paragraph((Span("x "), Span(text, is_code=True))),)
    (_, inline, _) = PARSER.parse(render(document))
    (code,) = [child for child in inline.children or [] if child.type == "code_inline"]
    assert code.content == text


@given(LINES.filter(bool), LINES.filter(bool))
def test_a_table_keeps_its_cells(left: str, right: str) -> None:
    table = Table(("a", "b"), ((spans(left), (Span(right, is_code=True),)),))
    cells = [t for t in PARSER.parse(render((table,))) if t.type == "inline"][2:]
    assert [shown(cell) for cell in cells] == [left, right]


@given(st.text("`~ab \n", max_size=30))
def test_a_block_of_code_ends_where_it_ends(text: str) -> None:
    tokens = PARSER.parse(render((Code(text), Paragraph(spans("after")))))
    assert tokens[0].type == "fence"
    assert tokens[0].content.rstrip() == text.rstrip()
    assert shown(tokens[2]) == "after"
