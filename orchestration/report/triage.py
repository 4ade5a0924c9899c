"""The monthly triage pack: at most ten slides, as HTML that prints to A4 and as PowerPoint.

Both are made from one Markdown text, which `triage/slides.md.jinja` writes from published marts.
People's texts are escaped there, so they are plain text in both.
"""

from __future__ import annotations

import html
import re
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import duckdb
from jinja2 import Environment, FileSystemLoader
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from markdown_it.tree import SyntaxTreeNode
from markdown_it.utils import EnvType, OptionsDict
from markupsafe import Markup

from orchestration.replacing import replace_file
from orchestration.report.marts import Row, read_marts
from orchestration.report.slides import slide_deck
from orchestration.settings import SettingsError
from orchestration.trackers.templates import Markdown, environment, link, shown
from orchestration.trackers.text import one_line, web_address

HTML, POWERPOINT = "triage.html", "triage.pptx"
MOST_SLIDES = 10
FOLDER = Path(__file__).with_name("triage")
_SLIDE = re.compile(r"^## ", re.MULTILINE)
_SHORT = 16  # Characters.
_ANCHOR = re.compile(r"#(?:evidence|slide)-\w+")


def write_triage(con: duckdb.DuckDBPyConnection, folder: Path) -> tuple[Path, Path]:
    """Write the pack's two files into the month's folder in `folder`; returns their paths.

    con: the published copy. SettingsError if no service has a score.
    """
    marts = read_marts(con, FOLDER / "queries")
    if marts["moment"][0]["scored_at"] is None:
        raise SettingsError("no service has a score yet; `paydown doctor` says what is missing")
    folder = folder / f"{marts['moment'][0]['scored_at']:%Y-%m}"
    title = f"Modernization triage, {marts['moment'][0]['scored_at']:%B %Y}"
    slides = render_slides(marts)
    evidence = [
        (ask["anchor"], one_line(ask["service_name"], 60), _html(_evidence(ask, marts)))
        for ask in marts["asks"]
    ]
    for part in _SLIDE.split(_TEXTS.get_template("rest.md.jinja").render(marts))[1:]:
        head, _, rest = part.partition("\n")
        name, _, heading = head.partition(" ")
        evidence.append((f"evidence-{name}", heading, _html(rest)))
    template = Environment(loader=FileSystemLoader(FOLDER), autoescape=True).get_template(
        f"{HTML}.jinja"
    )
    style = Markup((FOLDER / "triage.css").read_text(encoding="utf-8"))  # noqa: S704
    text = template.render(
        title=title, style=style, slides=[_html(slide) for slide in slides], evidence=evidence
    )
    trees = [SyntaxTreeNode(_READER.parse(slide)).children for slide in slides]
    at = marts["moment"][0]["scored_at"]
    deck = slide_deck(title, trees, at, links_to=HTML)
    return replace_file(folder / HTML, text), replace_file(folder / POWERPOINT, deck)


def render_slides(marts: dict[str, list[Row]]) -> list[str]:
    """The Markdown of each slide; `marts` are rows by query; adds an `anchor` to asks."""
    for number, ask in enumerate(marts["asks"], 1):
        ask["anchor"] = f"evidence-{number}"
    by_decision = defaultdict(list)
    for ask in marts["asks"]:
        if not ask["funding_decision"]:
            by_decision[ask["decision"]].append(ask)
    values = marts | {"moment": marts["moment"][0]}
    text = _TEXTS.get_template("slides.md.jinja").render(
        **values, promoted=by_decision["promote"], blocked=by_decision["blocked"]
    )
    slides = [f"## {part.strip()}" for part in _SLIDE.split(text)[1:]]
    if len(slides) > MOST_SLIDES:
        raise AssertionError(f"{len(slides)} slides, at most {MOST_SLIDES} are read")
    return slides


def _evidence(ask: Row, marts: dict[str, list[Row]]) -> str:
    of: dict[str, list[Row]] = defaultdict(list)
    for item in marts["evidence"]:
        if item["service_id"] == ask["service_id"]:
            of[item["evidence_kind"]].append(item)
    factors = [row for row in marts["factors"] if row["service_id"] == ask["lead_service_id"]]
    return _TEXTS.get_template("evidence.md.jinja").render(ask=ask, of=of, factors=factors)


def _html(text: str) -> Markup:
    return Markup(_READER.render(text))  # noqa: S704


def _is_link(url: str) -> bool:
    return bool(_ANCHOR.fullmatch(url)) or web_address(html.unescape(url)) is not None


def _cell(
    renderer: RendererHTML, tokens: Sequence[Token], at: int, options: OptionsDict, env: EnvType
) -> str:
    """A cell; a short one, such as money, a date or an id, is never wrapped."""
    token = tokens[at]
    if len(tokens[at + 1].content) <= _SHORT:
        token.attrSet("class", "short")
    return renderer.renderToken(tokens, at, options, env)


_READER = MarkdownIt("commonmark", {"html": False}).enable("table").disable("image")
_READER.validateLink = _is_link
_READER.add_render_rule("td_open", _cell)
_TEXTS = environment(FOLDER)
_TEXTS.filters.update(
    cut=one_line,
    named=lambda text, url: link(text, url if web_address(url or "") else None),
    evidence=lambda text, ask: Markdown(f"[{shown(text)}](#{ask['anchor']})"),
    to=lambda text, anchor: Markdown(f"[{shown(text)}](#{anchor})"),
)
