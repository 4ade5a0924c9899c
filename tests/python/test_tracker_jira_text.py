"""Epics as Jira shows them: Atlassian Document Format and wiki text, whatever people wrote."""

from __future__ import annotations

import html
import json
import re
from functools import cache
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from orchestration.trackers.jira import adf, wiki
from orchestration.trackers.jira.plain import MAX_CHARACTERS

from orchestration.trackers.document import (
    Block,
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

from .flow_helpers import ROOT

SCHEMA = ROOT.parent / "shared" / "specs" / "atlassian-adf-v1.json"

HOSTILE = (
    "{code}", "{code:java}", "{noformat}", "{color:red}", "{quote}", "{panel}", "[x|y]", "[x", "]",
    "[~ana]", "[^a.pdf]", "!img.png!", "!a", "*b*", "_i_", "-s-", "+u+", "^s^", "~s~", "??c??",
    "{{m}}", "|", "||", "\\", "\\\\", "h1. ", "bq. ", "* ", "# ", "- ", "----", ":)", ";)", ":(",
    ":D", "(y)", "(x)", "(!)", "(*r)", "(on)", "(c)", "(tm)", "&", "&#123;", "&amp;", "<b>", "'",
    "http://e.vil/x", "mailto:a@b.c", "file://x", "javascript:alert(1)", "\n", "\r\n", "\u2028",
    "\u202e", "\x00", "\x1b[0m", "\ud800", "\t", " ", "  ", "pay-api", "a_b", "5", "é", "漢", "🙂",
    "@ana", "%", "--", "---", ")", "(", ";", ":", "?", "$",
)  # fmt: skip
TEXT = st.one_of(
    st.lists(st.sampled_from(HOSTILE), max_size=6).map("".join),
    st.text(max_size=30),
)
URL = st.sampled_from((
    "", "https://e.example/a?b=c#d", "https://e.example/[x]|y{code}!z!", "javascript:alert(1)",
    "http://user:pw@e.example", "not a url", "https://e.example/a b",
))  # fmt: skip
SPAN = st.builds(Span, TEXT, URL, st.booleans(), st.booleans())
SPANS = st.lists(SPAN, max_size=3).map(tuple)
ROWS = st.lists(st.lists(SPANS, max_size=3).map(tuple), max_size=3).map(tuple)
BLOCK: st.SearchStrategy[Block] = st.one_of(
    st.builds(Heading, TEXT),
    st.builds(Paragraph, SPANS),
    st.builds(Bullets, st.lists(SPANS, max_size=3).map(tuple)),
    st.builds(Checklist, st.lists(SPANS, max_size=3).map(tuple)),
    st.builds(Table, st.lists(TEXT, max_size=3).map(tuple), ROWS),
    st.builds(Code, TEXT, st.sampled_from(("", "yaml", "hcl", "Java", "}{", "x|y"))),
)
DOCUMENT = st.lists(BLOCK, max_size=5).map(tuple)

# What Jira's wiki renderer would take for markup, as its own reference describes it.
MARKUP = {
    "macro": re.compile(r"\{[^}]*\}?"),
    "link": re.compile(r"\[|\]"),
    "cell": re.compile(r"\|"),
    "escape or line break": re.compile(r"\\"),
    "image": re.compile(r"!\S"),
    "phrase": re.compile(r"(?<![\w&#;])([*_+^~-])(?=\S)|\?\?|\*|\^|~"),
    "dash": re.compile(r"--"),
    "block": re.compile(r"^\s*(h[1-6]\.|bq\.|[#*-]+\s|----)"),
    "smiley": re.compile(r":-?[()PpD]|;-?\)|\((?:y|n|i|x|/|!|\+|-|\?|on|off|\*[rgby]?|c|r|tm)\)"),
    "address": re.compile(r"\w+://|mailto:\S"),
}  # fmt: skip


@cache
def adf_validator() -> Any:
    schema = json.loads(SCHEMA.read_text())
    return jsonschema.validators.validator_for(schema)(schema)


def is_described(document: Any) -> None:
    if SCHEMA.exists():
        adf_validator().validate(document)


@pytest.mark.skipif(not SCHEMA.exists(), reason="the format's description is not at hand")
@settings(max_examples=12, deadline=None)
@given(st.lists(BLOCK, max_size=2).map(tuple))
def test_any_document_is_adf_as_atlassian_describes_it(document: Document) -> None:
    is_described(adf.render(document))


@settings(max_examples=150, deadline=None)
@given(DOCUMENT)
def test_any_document_is_adf_without_what_nobody_sees(document: Document) -> None:
    rendered = adf.render(document)
    json.dumps(rendered, ensure_ascii=False).encode()
    assert not [text for text in adf.texts(rendered) if set(text) & set("\x00\r\u202e\u2028")]
    for href in re.findall(r'"href": "([^"]*)"', json.dumps(rendered)):
        assert href.startswith(("http://", "https://"))
        assert "@" not in href


@settings(max_examples=400, deadline=None)
@given(TEXT, TEXT, st.booleans())
def test_hostile_text_is_no_wiki_markup(first: str, second: str, is_split: bool) -> None:
    parts = (Span(first), Span(second)) if is_split else (Span(first + second),)
    rendered = wiki.render((Paragraph(parts),))
    assert "\n" not in rendered
    for name, pattern in MARKUP.items():
        assert not pattern.search(rendered), (name, rendered)
    # An entity is the only thing that it says otherwise than it was written.
    bare = re.sub(r"&#(\d+);", lambda match: chr(int(match[1])), rendered)
    assert bare == adf_text(parts).strip()
    assert "&" not in rendered.replace("&#", "") or html.unescape(rendered) == bare


def adf_text(parts: tuple[Span, ...]) -> str:
    return "".join(adf.texts(adf.render((Paragraph(parts),))))


@settings(max_examples=150, deadline=None)
@given(DOCUMENT)
def test_any_document_keeps_its_shape_in_wiki_text(document: Document) -> None:
    rendered = wiki.render(document)
    rendered.encode()
    codes = [block for block in document if isinstance(block, Code)]
    outside, inside = [], []
    is_code = False
    for line in rendered.split("\n"):
        if re.fullmatch(r"\{(?:code(?::[a-z+]+)?|noformat)\}", line) and (
            not is_code or line.strip("{}") == inside[-1][0]
        ):
            is_code = not is_code
            if is_code:
                inside.append([line.strip("{}").split(":")[0]])
        elif is_code:
            inside[-1].append(line)
        else:
            outside.append(line)
    assert not is_code
    assert len(inside) == len(codes)
    for line in outside:
        unlinked = re.sub(r"\[[^\[\]|]*\|https?://[^\[\]|{}!\s]*\]", "", line)
        bare = unlinked.replace("{*}", "").replace("{{", "").replace("}}", "")
        assert not re.search(r"[{}\[\]\\!^~]", bare), line
        assert line.startswith(("|", "h3. ", "* ")) or not re.match(r"[*#-]|h\d\.|bq\.", line)


def test_an_epic_in_wiki_text() -> None:
    document = (
        Heading("Why"),
        Paragraph((
            Span("Score "), Span("24", is_strong=True), Span(" by "), Span("r-1", is_code=True),
            Span(", see "), Span("the [chart]", "https://g.example/d?x={y}"),
            Span(" and "), Span("that", "javascript:alert(1)"),
        )),
        Table(("Factor", "Points"), ((spans("slo|burn"), spans("-3")), (spans("mttr"),))),
        Checklist((spans("retries back off"),)),
        Code("a: {b}\n  c: 1", "yaml"),
        Code("{code}\n{noformat}\nresource {}", "hcl"),
    )  # fmt: skip
    assert wiki.render(document) == "\n\n".join((
        "h3. Why",
        "Score {*}24{*} by {{r-1}}, see [the &#91;chart&#93;|https://g.example/d?x=%7By%7D] and "
        "that: javascript:alert&#40;1)",
        "||Factor||Points||\n|slo&#124;burn|&#45;3|\n|mttr| |",
        "* ☐ retries back off",
        "{code:yaml}\na: {b}\n  c: 1\n{code}",
        "{noformat}\n{code}\n{ noformat}\nresource {}\n{noformat}",
    ))  # fmt: skip


def test_an_epic_in_adf() -> None:
    document = (
        Heading("Why"),
        Paragraph((Span("24", is_strong=True), Span("x", "https://g.example", is_code=True))),
        Checklist((spans("retries back off"),)),
        Bullets(()),
        Code("a:\n  b: 1", "yaml"),
    )
    rendered = adf.render(document)
    is_described(rendered)
    assert [node["type"] for node in rendered["content"]] == [
        "heading", "paragraph", "taskList", "codeBlock",
    ]  # fmt: skip
    assert rendered["content"][1]["content"] == [
        {"type": "text", "text": "24", "marks": [{"type": "strong"}]},
        {
            "type": "text",
            "text": "x",
            "marks": [{"type": "code"}, {"type": "link", "attrs": {"href": "https://g.example"}}],
        },
    ]
    (item,) = rendered["content"][2]["content"]
    assert item["attrs"]["state"] == "TODO"
    assert rendered["content"][3]["content"] == [{"type": "text", "text": "a:\n  b: 1"}]


@pytest.mark.parametrize("module", [adf, wiki])
def test_a_long_epic_is_cut_between_items_and_says_so(module: Any) -> None:
    bullets = Bullets(tuple(spans(f"incident {number:05} " + "x" * 80) for number in range(900)))
    document = (Heading("Why"), bullets, Heading("After"), Paragraph(spans("last words")))
    rendered = module.render(document)
    text = json.dumps(rendered, separators=(",", ":")) if module is adf else rendered
    assert MAX_CHARACTERS - 400 < len(text) <= MAX_CHARACTERS
    assert "Cut here: Jira takes 32,767 characters" in text
    assert "incident 00000" in text
    assert "last words" not in text
    assert not re.search(r"incident \d{0,4}\D", text)


@pytest.mark.parametrize("module", [adf, wiki])
def test_what_fits_is_not_cut(module: Any) -> None:
    document = (Paragraph(spans("x" * 10_000)),)
    assert "Cut here" not in str(module.render(document))
    # A block that can't be divided is left out, with the heading that would stand over nothing.
    longer = (Paragraph(spans("first")), Heading("Why"), Paragraph(spans("y" * 40_000)))
    text = str(module.render(longer))
    assert "first" in text
    assert "Cut here" in text
    assert "Why" not in text
    assert "yyy" not in text
