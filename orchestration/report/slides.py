"""Markdown as PowerPoint: each slide is a list of blocks, the first of which is its title.

Text is put into runs, never into XML by hand, so nothing in it is markup or a formula.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from io import BytesIO
from math import ceil, sqrt
from typing import Any, NamedTuple

from markdown_it.tree import SyntaxTreeNode
from pptx import Presentation
from pptx.util import Inches, Pt

from orchestration.trackers.markup import Run, runs

WIDTH, HEIGHT, MARGIN, TOP = 13.333, 7.5, 0.6, 1.25
SIZES = (16, 15, 14, 13, 12, 11, 10, 9, 8)  # Points; the largest at which a slide's text fits.
# Of a wide font, as a share of its size: a narrower one leaves more room.
_LINE, _CHARACTER, _PADDING, _GAP = 1.22, 0.64, 0.1, 0.12
_NAMED = 2  # In a table of so many columns the first one names each row's subject.
_TITLE_ONLY = 5  # Layout of the default template.


class Block(NamedTuple):
    """A paragraph, a heading (`is_strong`), or a table of rows of cells."""

    lines: list[list[Run]]
    rows: list[list[list[Run]]]
    is_strong: bool = False


def slide_deck(
    title: str, slides: Sequence[Sequence[SyntaxTreeNode]], at: datetime, *, links_to: str
) -> bytes:
    """The deck as a file; links to anchors lead into `links_to`, a file beside it."""
    deck = Presentation()
    deck.slide_width, deck.slide_height = Inches(WIDTH), Inches(HEIGHT)
    known = deck.core_properties
    known.title, known.author, known.created, known.modified = title, "paydown", at, at
    for head, *nodes in slides:
        slide = deck.slides.add_slide(deck.slide_layouts[_TITLE_ONLY])
        _put_title(slide.shapes.title, head)
        blocks = [block for node in nodes for block in _blocks(node)]
        size = next((s for s in SIZES if _height(blocks, s) <= HEIGHT - TOP - 0.3), SIZES[-1])
        top = TOP
        for block in blocks:
            high = _block_height(block, size)
            _put(slide, block, size, top, high, links_to)
            top += high + _GAP
    file = BytesIO()
    deck.save(file)
    return file.getvalue()


def _blocks(node: SyntaxTreeNode) -> list[Block]:
    match node.type:
        case "heading":
            return [Block([runs(node)], [], is_strong=True)]
        case "paragraph":
            return [Block([runs(node)], [])]
        case "bullet_list" | "ordered_list":
            items = [runs(child) for item in node.children for child in item.children]
            return [Block([[Run("• "), *item] for item in items], [])]
        case "table":
            rows = [row for part in node.children for row in part.children]
            cells = [[runs(cell) for cell in row.children] for row in rows]
            return [Block([], [row for row in cells if any(map(_text, row))])]
        case _:
            return [block for child in node.children for block in _blocks(child)]


def _text(cell: Sequence[Run]) -> str:
    return "".join(run.text for run in cell)


def _lines(text: str, width: float, size: int) -> int:
    """How many lines a text takes at this width in inches."""
    return max(1, ceil(len(text) / max(1.0, width * 72 / (size * _CHARACTER))))


def _widths(block: Block, size: int) -> list[float]:
    """Inches of each column: what its longest text needs, or a fair share if that is wide."""
    longest = [max(len(_text(cell)) for cell in column) for column in zip(*block.rows, strict=True)]
    asked = [length * size * _CHARACTER / 72 + 0.22 for length in longest]
    if len(asked) == _NAMED and asked[0] < WIDTH / 4:
        return [asked[0], WIDTH - 2 * MARGIN - asked[0]]
    if sum(asked) > WIDTH - 2 * MARGIN:
        asked = [sqrt(max(length, 6)) for length in longest]
    return [(WIDTH - 2 * MARGIN) * share / sum(asked) for share in asked]


def _row_height(row: Sequence[Sequence[Run]], widths: Sequence[float], size: int) -> float:
    most = max(_lines(_text(c), w - 0.2, size) for c, w in zip(row, widths, strict=True))
    return most * size * _LINE / 72 + _PADDING


def _block_height(block: Block, size: int) -> float:
    if block.rows:
        widths = _widths(block, size)
        return sum(_row_height(row, widths, size) for row in block.rows)
    lines = sum(_lines(_text(line), WIDTH - 2 * MARGIN - 0.2, size) for line in block.lines)
    return lines * size * _LINE / 72 + _PADDING


def _height(blocks: Sequence[Block], size: int) -> float:
    return sum(_block_height(block, size) + _GAP for block in blocks)


def _put_title(shape: Any, head: SyntaxTreeNode) -> None:
    shape.left, shape.top = Inches(MARGIN), Inches(0.35)
    shape.width, shape.height = Inches(WIDTH - 2 * MARGIN), Inches(0.75)
    _fill(shape.text_frame, [runs(head)], 26, "", is_strong=True)


def _put(slide: Any, block: Block, size: int, top: float, high: float, links_to: str) -> None:
    place = Inches(MARGIN), Inches(top), Inches(WIDTH - 2 * MARGIN), Inches(high)
    if not block.rows:
        frame = slide.shapes.add_textbox(*place).text_frame
        _fill(frame, block.lines, size, links_to, is_strong=block.is_strong)
        return
    widths = _widths(block, size)
    table = slide.shapes.add_table(len(block.rows), len(widths), *place).table
    table.first_row, table.first_col = len(widths) > 2, len(widths) == 2
    for column, width in zip(table.columns, widths, strict=True):
        column.width = Inches(width)
    for number, row in enumerate(block.rows):
        table.rows[number].height = Inches(_row_height(row, widths, size))
        for place_in_row, cell in enumerate(row):
            shape = table.cell(number, place_in_row)
            shape.margin_top = shape.margin_bottom = Inches(0.03)
            is_head = place_in_row == 0 if table.first_col else number == 0
            _fill(shape.text_frame, [cell], size, links_to, is_strong=is_head)


def _fill(
    frame: Any, lines: Sequence[Sequence[Run]], size: int, links_to: str, *, is_strong: bool
) -> None:
    frame.word_wrap = True
    for number, line in enumerate(lines):
        paragraph = frame.paragraphs[0] if number == 0 else frame.add_paragraph()
        for run in line:
            made = paragraph.add_run()
            made.text, made.font.size = run.text, Pt(size)
            made.font.bold = True if is_strong or run.is_strong else None
            if run.url:
                made.hyperlink.address = f"{links_to}{run.url}" if run.url[0] == "#" else run.url
