"""Markdown as each tracker takes it, whatever people wrote: text stays text."""

from __future__ import annotations

import html
import json
import re
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from orchestration.trackers.adf import adf_texts, to_adf
from orchestration.trackers.local import LocalTracker
from orchestration.trackers.local_file import read_front_matter
from orchestration.trackers.markup import JIRA_LIMIT, to_html
from orchestration.trackers.text import escape_markdown, one_line, web_address
from orchestration.trackers.wiki import fixed_width, to_wiki

from .described import SPECS
from .tracker_helpers import KEY, draft

SCHEMA = SPECS / "atlassian-adf-v1.json"
HOSTILE = (
    "{code}", "{code:java}", "{noformat}", "{color:red}", "{quote}", "{panel}", "[x|y]", "[x", "]",
    "[~ana]", "[^a.pdf]", "!img.png!", "!a", "*b*", "_i_", "-s-", "+u+", "^s^", "~s~", "??c??",
    "{{m}}", "|", "||", "\\", "\\\\", "h1. ", "bq. ", "* ", "# ", "- ", "----", ":)", ";)", ":(",
    ":D", "(y)", "(x)", "(!)", "(*r)", "(on)", "(c)", "(tm)", "&", "&#123;", "&amp;", "<b>", "'",
    "http://e.vil/x", "mailto:a@b.c", "file://x", "javascript:alert(1)", "\n", "\r\n", "\u2028",
    "\u202e", "\x00", "\x1b[0m", "\ud800", "\t", " ", "  ", "pay-api", "a_b", "5", "é", "漢", "🙂",
    "@ana", "%", "--", "---", ")", "(", ";", ":", "?", "$", "<script>alert(1)</script>", "<!-- -->",
    '"><img src=x onerror=alert(1)>', "[a](javascript:alert(1))", "![a](http://e.vil/p.png)",
    "[ ] ",
)  # fmt: skip
TEXT = st.one_of(st.lists(st.sampled_from(HOSTILE), max_size=6).map("".join), st.text(max_size=30))
# What people might make of a body by hand; it must be inert, however it is read.
BODY = st.lists(TEXT, max_size=8).map("\n".join)
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
SAMPLE = """## Why \\# it

Score **24** by `r-1`, see [the \\[chart\\]](<https://g.example/d?x={y}>) and *soon*

- one
  1. two

     three
- [x] not all are boxes

Done means:

- [ ] retries back off
- [x] `done`

> quoted

---

| Factor | Points |
| --- | --- |
| slo\\|burn | -3 |
| mttr | |

```yaml
a: {b}
  c: <1>
```
"""


@cache
def adf_validator() -> Any:
    schema = json.loads(SCHEMA.read_text())
    return jsonschema.validators.validator_for(schema)(schema)


def is_described(document: Any) -> None:
    if SCHEMA.exists():
        adf_validator().validate(document)


class Read(HTMLParser):
    """The document as a browser reads it: tags that match, text in its order, addresses."""

    ALLOWED = re.compile(
        "h[1-6]|p|ul|ol|li|table|thead|tbody|tr|th|td|pre|code|strong|em|a|blockquote|hr|br"
    )

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.text = ""
        self.links: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert self.ALLOWED.fullmatch(tag)
        allowed = {"a": {"href"}, "table": {"border"}, "code": {"class"}, "ol": {"start"}}
        assert dict(attrs).keys() <= allowed.get(tag, set()) | (
            {"style"} if tag in ("th", "td") else set()
        )
        self.links += [value or "" for name, value in attrs if name == "href"]
        self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data

    def handle_comment(self, data: str) -> None:
        raise AssertionError(data)

    def handle_decl(self, decl: str) -> None:
        raise AssertionError(decl)


@settings(max_examples=300, deadline=None)
@given(TEXT)
@example("&lt;b&gt; \\` back")
def test_escaped_text_is_shown_letter_by_letter_everywhere(text: str) -> None:
    shown, body = one_line(text), escape_markdown(text)
    parsed = MarkdownIt("gfm-like", {"linkify": False}).parse(body)
    if not shown:
        assert (parsed, to_html(body), to_wiki(body)) == ([], "", "")
        return
    assert [token.type for token in parsed] == ["paragraph_open", "inline", "paragraph_close"]
    assert "".join(child.content for child in parsed[1].children or []) == shown
    assert to_html(body) == f"<p>{html.escape(shown).replace('&#x27;', chr(39))}</p>\n"
    assert "".join(adf_texts(to_adf(body))) == shown
    assert html.unescape(to_wiki(body)) == shown or "&" in shown
    # In a cell, in a list and between other text too.
    line = f"x {body} y"
    for around in (f"- {line}", f"| a |\n| --- |\n| {line} |", f"**{line}**"):
        assert f"x {shown} y" in Read(to_html(around)).text


@settings(max_examples=300, deadline=None)
@given(TEXT)
def test_hostile_text_is_no_wiki_markup(text: str) -> None:
    rendered = to_wiki(escape_markdown(text))
    assert "\n" not in rendered
    for name, pattern in MARKUP.items():
        assert not pattern.search(rendered), (name, rendered)
    # An entity is the only thing that it says otherwise than it was written.
    assert re.sub(r"&#(\d+);", lambda match: chr(int(match[1])), rendered) == one_line(text)


@settings(max_examples=150, deadline=None)
@given(BODY)
@example(SAMPLE)
def test_whatever_stands_in_a_body_is_inert(body: str) -> None:
    read = Read(to_html(body))
    document, wiki = to_adf(body), to_wiki(body)
    links = [*read.links, *re.findall(r'"href": "([^"]*)"', json.dumps(document))]
    links += re.findall(r"\|(\w+:[^\]|]*)\]", wiki)
    assert all(one.lower().startswith(("http://", "https://")) for one in links)
    assert not [one for one in links if "@" in one.split("/")[2]]
    for text in (to_html(body), wiki, *adf_texts(document)):
        text.encode()
        assert not set(text) & set("\x00\r\u202e\u2028\x1b")
    bare = re.sub(r"\{(?:quote|\*|_|\{|noformat|code(?::[a-z+]+)?)\}|\{\{|\}\}", "", wiki)
    if "{code" not in wiki and "{noformat" not in wiki:
        assert not re.search(r"\{(?!\s*noformat)[a-z]+", bare), wiki


@pytest.mark.skipif(not SCHEMA.exists(), reason="the format's description is not at hand")
@settings(max_examples=12, deadline=None)
@given(BODY)
@example(SAMPLE)
@example("- ```\n  x\n  ```\n- > q\n-\n\n1. # h\n   ---")
def test_any_document_is_adf_as_atlassian_describes_it(body: str) -> None:
    is_described(to_adf(body, "`change-1`"))


def test_a_body_in_wiki_text() -> None:
    assert to_wiki(SAMPLE) == "\n\n".join((
        "h3. Why # it",
        "Score {*}24{*} by {{r-1}}, see [the &#91;chart&#93;|https://g.example/d?x=%7By%7D] and "
        "{_}soon{_}",
        "* one\n*# two\nthree\n* ☑ not all are boxes",
        "Done means&#58;",
        "* ☐ retries back off\n* ☑ {{done}}",
        "{quote}\nquoted\n{quote}",
        "----",
        "||Factor||Points||\n|slo&#124;burn|&#45;3|\n|mttr| |",
        "{code:yaml}\na: {b}\n  c: <1>\n{code}",
    ))  # fmt: skip
    code = "```hcl\n{code}\n{noformat}\nresource {}\n```"
    assert to_wiki(code) == "{noformat}\n{code}\n{ noformat}\nresource {}\n{noformat}"
    assert fixed_width("change-1") == to_wiki("`change-1`") == "{{change-1}}"


def test_a_body_in_html() -> None:
    text = to_html(SAMPLE)
    for part in (
        "<h2>Why # it</h2>",
        '<a href="https://g.example/d?x={y}">the [chart]</a> and <em>soon</em>',
        "<li>☐ retries back off</li>",
        '<table border="1">',
        "<td>slo|burn</td>",
        '<pre><code class="language-yaml">a: {b}\n  c: &lt;1&gt;\n</code></pre>',
    ):
        assert part in text


def test_a_body_in_adf() -> None:
    boxes = "- [ ] retries back off\n- [x] done\n"
    document = to_adf(
        f"## Why\n\n**24** [`x`](https://g.example)\n\n{boxes}\n```yaml\na:\n  b: 1\n```"
    )
    is_described(document)
    heading, first, tasks, code = document["content"]
    assert heading == {
        "type": "heading", "attrs": {"level": 3}, "content": [{"type": "text", "text": "Why"}],
    }  # fmt: skip
    link = {"type": "link", "attrs": {"href": "https://g.example"}}
    assert first["content"] == [
        {"type": "text", "text": "24", "marks": [{"type": "strong"}]},
        {"type": "text", "text": " "},
        {"type": "text", "text": "x", "marks": [{"type": "code"}, link]},
    ]
    assert [one["attrs"]["state"] for one in tasks["content"]] == ["TODO", "DONE"]
    assert [*adf_texts(tasks)] == ["retries back off", "done"]
    assert code["content"] == [{"type": "text", "text": "a:\n  b: 1"}]


@pytest.mark.parametrize("render", [to_adf, to_wiki])
def test_a_long_body_is_cut_between_items_and_says_so(render: Any) -> None:
    bullets = "\n".join(f"- incident {number:05} {'x' * 80}" for number in range(900))
    rendered = render(f"## Why\n\n{bullets}\n\n## After\n\nlast words", "`change-1`")
    text = rendered if isinstance(rendered, str) else json.dumps(rendered, separators=(",", ":"))
    assert JIRA_LIMIT - 400 < len(text) <= JIRA_LIMIT
    assert "Cut here: Jira accepts 32,767 characters" in text
    assert "incident 00000" in text
    assert "last words" not in text
    assert "change-1" in text
    assert not re.search(r"incident \d{0,4}\D", text)
    # A block that can't be divided is left out, with the heading that would stand over nothing.
    text = str(render(f"first\n\n## Why\n\n{'y' * 40_000}"))
    assert "first" in text
    assert "Cut here" in text
    assert "Why" not in text
    assert "yyy" not in text
    assert "Cut here" not in str(render("x" * 10_000))


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("https://x.example/a b?q=<1>", "https://x.example/a%20b?q=%3C1%3E"),
        ("javascript:alert(1)", None),
        ("file:///etc", None),
        ("https://user:secret@x.example/", None),
        ("http://[broken", None),
    ],
)
def test_only_web_addresses_are_links(url: str, address: str | None) -> None:
    assert web_address(url) == address
    read = Read(to_html(f"[chart](<{url.replace('<', '%3C').replace('>', '%3E')}>)"))
    assert read.links == ([address] if address else [])


HARMLESS = {"text", "code_inline", "softbreak", "text_special", "strong_open", "strong_close"}
OUTSIDE = [
    "../../etc/passwd",
    "a | b\n| --- | --- |\n# not a heading",
    "<script>alert(1)</script> <!-- gone",
    "[click](javascript:alert(1)) ![x](http://evil/x.png) `code` **bold** _it_ ~~no~~",
    "---\nstatus: done\n---",
    "status: !!python/object/apply:os.system ['true']",
    "1. one",
    "- [x] done",
    "\u202etxt.exe\u202c \x1b[31mred\x00",
    "パイ決済 Zahlungs-Äpp 💳",
    "x" * 300,
    "&lt;b&gt; \\` back",
]


@pytest.mark.parametrize("text", OUTSIDE)
def test_text_from_outside_is_only_text_in_a_file(tmp_path: Path, text: str) -> None:
    shown = one_line(text)
    body = f"## Why\n\n- {escape_markdown(text)}"
    given = dict.fromkeys(
        ("title", "service", "owner", "current_maturity", "target_maturity"), shown
    )
    LocalTracker(tmp_path).create(draft(**given, body=body, risk_ids=(shown,), members=(shown,)))
    content = (tmp_path / f"{KEY}.md").read_text()
    front = read_front_matter(content)
    assert front["status"] == "open"
    assert front["service"] == shown
    tokens = MarkdownIt("gfm-like", {"linkify": False}).parse(content.split("\n---\n", 1)[1])
    inline = [child for token in tokens for child in token.children or []]
    assert not [t for t in (*tokens, *inline) if t.type in {"html_block", "html_inline", "image"}]
    assert {t.type for t in inline} <= HARMLESS
    assert [t.tag for t in tokens if t.type == "heading_open"] == ["h1", "h2", "h2"]
    assert "\u202e" not in content
    assert "\x1b" not in content
