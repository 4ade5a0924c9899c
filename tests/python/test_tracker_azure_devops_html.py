"""What people wrote shows letter by letter in Azure DevOps, and is never markup there."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from orchestration.trackers.azure_devops.html import EMPTY_BOX, render

from orchestration.trackers.document import (
    Bullets,
    Checklist,
    Code,
    Document,
    Heading,
    Paragraph,
    Span,
    Table,
    spans,
)
from orchestration.trackers.text import one_line, web_address

ALLOWED = {
    "h2", "p", "ul", "li", "table", "thead", "tbody", "tr", "th", "td", "pre", "code", "strong",
    "a",
}  # fmt: skip
HOSTILE = (
    "<script>alert(1)</script>", "</td></tr></table><h1>", '"><img src=x onerror=alert(1)>',
    "a & b &amp; c &lt;", "' onclick='x", "javascript:alert(1)", "<!-- -->", "]]>",
    "https://x/?a=1&b=2#\"><b>", "\ud800", "\x00",
)  # fmt: skip
lines = st.one_of(st.sampled_from(HOSTILE), st.text(max_size=40)).map(one_line)
urls = st.one_of(
    st.just(""), st.sampled_from(HOSTILE), st.text(max_size=20), st.just("https://x.example/?q=1&r")
)
span = st.builds(Span, lines, urls, st.booleans(), st.booleans())
runs = st.lists(span, max_size=3).map(tuple)
items = st.lists(runs, max_size=3).map(tuple)
rows = st.lists(items, max_size=2).map(tuple)
block = st.one_of(
    st.builds(Heading, lines),
    st.builds(Paragraph, runs),
    st.builds(Bullets, items),
    st.builds(Checklist, items),
    st.builds(
        Table, st.lists(lines, max_size=3).map(tuple), st.lists(items, max_size=2).map(tuple)
    ),
    st.builds(Code, st.text(max_size=60)),
)


class Read(HTMLParser):
    """The document as a browser reads it: tags that match, text in its order, addresses."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.tags: list[str] = []
        self.text = ""
        self.links: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in ALLOWED
        assert dict(attrs).keys() <= {"a": {"href"}, "table": {"border"}}.get(tag, set())
        self.links += [value or "" for name, value in attrs if name == "href"]
        self.open.append(tag)
        self.tags.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data

    def handle_comment(self, data: str) -> None:
        raise AssertionError(data)

    def handle_decl(self, decl: str) -> None:
        raise AssertionError(decl)


def shown(one: Span) -> str:
    return (
        one.text
        if not one.url or web_address(one.url) or one.url == one.text
        else (f"{one.text}: {one.url}")
    )


def told(document: Document) -> str:
    """All text that a reader must see, in its order."""
    text = ""
    for one in document:
        match one:
            case Heading(words):
                text += words
            case Paragraph(some):
                text += "".join(map(shown, some))
            case Bullets(many):
                text += "".join(shown(s) for some in many for s in some)
            case Checklist(many):
                text += "".join(EMPTY_BOX + "".join(map(shown, some)) for some in many)
            case Table(header, rows):
                text += "".join(header)
                text += "".join(shown(s) for row in rows for cell in row for s in cell)
            case Code(words):
                text += words
    return text


def visible(text: str) -> str:
    """Without what no reader sees: spaces, and characters that have no shape."""
    return "".join(c for c in text if c.isprintable() and not c.isspace())


@given(st.lists(block, max_size=4).map(tuple))
@example((Paragraph(tuple(Span(text, text) for text in HOSTILE)),))
def test_reads_back_as_it_was_written(document: Document) -> None:
    text = render(document)
    text.encode("utf-8")
    read = Read(text)
    assert visible(read.text) == visible(told(document))
    assert all(link.startswith(("http://", "https://")) for link in map(str.lower, read.links))


def test_every_block_has_its_shape() -> None:
    document = (
        Heading("Why"),
        Paragraph((Span("Burn "), Span("14.4", is_strong=True), Span("x", is_code=True))),
        Bullets((spans("INC-1", "https://pd.example/1"),)),
        Checklist((spans("Time-outs set"),)),
        Table(("Factor", "Points"), ((spans("burn"), spans("5")),)),
        Code("kind: DestinationRule\n  host: <any>", "yaml"),
    )
    assert render(document) == (
        "<h2>Why</h2><p>Burn <strong>14.4</strong><code>x</code></p>"
        '<ul><li><a href="https://pd.example/1">INC-1</a></li></ul>'
        "<ul><li>☐ Time-outs set</li></ul>"
        '<table border="1"><thead><tr><th>Factor</th><th>Points</th></tr></thead>'
        "<tbody><tr><td>burn</td><td>5</td></tr></tbody></table>"
        "<pre><code>kind: DestinationRule\n  host: &lt;any&gt;</code></pre>"
    )


@pytest.mark.parametrize("url", ["javascript:alert(1)", "file:///etc", "https://a@b.example"])
def test_an_address_that_is_none_is_shown_as_text(url: str) -> None:
    read = Read(render((Paragraph(spans("chart", url)),)))
    assert (read.text, read.links, read.tags) == (f"chart: {url}", [], ["p"])
