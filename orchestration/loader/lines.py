"""A text file as blocks of lines, and the SQL that makes `line, text, reason` of them.

Python handles blocks of 1 MB, DuckDB splits them. Every line counts, blank ones too, so numbers
are those that an editor shows. `reason` is set where the text is not what the file holds.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from orchestration.loader.files import BLOCK_BYTES, BOM

MAX_LINE_BYTES = 64 * 1024 * 1024
KEPT_OF_LONG_LINE = 1_000_000
# Characters that no text should hold; the first that a block doesn't hold is its mark.
MARKS = [chr(code) for code in range(0xFDD0, 0xFDF0)]

TEXTS = pa.schema(
    [
        ("line", pa.int64()),
        ("text", pa.string()),
        ("mark", pa.string()),
        ("is_cut", pa.bool_()),
        ("has_nul", pa.bool_()),
    ]
)

# `piece` has the columns of `TEXTS`, its texts are blocks.
SPLIT = """
    select
        line + generate_subscripts(texts, 1) - 1 as line, unnest(texts) as text,
        mark, is_cut, has_nul
    from (select * exclude (text), string_split(text, chr(10)) as texts from piece)
"""


@dataclass(frozen=True)
class Block:
    """Text of one line or more, the number of the first, and what is wrong with it.

    `mark` precedes each byte that isn't UTF-8, if any do; `is_cut`: it is the beginning of a line
    that is too long.
    """

    line: int
    text: str
    mark: str | None
    is_cut: bool
    has_nul: bool


def judged_lines(texts: str) -> str:
    """`line, text, reason` from SQL that gives the columns of `TEXTS`, a row a line."""
    return f"""
        select
            line,
            case
                when mark is null and not has_nul then text
                when reason is null then clean
                else replace(clean, chr(0), '\\x00')
            end as text,
            reason
        from (
            select
                line, text, mark, has_nul,
                case when mark is null then text else replace(text, mark, '') end as clean,
                case
                    when is_cut
                        then 'is longer than {MAX_LINE_BYTES >> 20} MB, its beginning is kept; '
                            || 'write one record a line and load the file again'
                    when mark is not null and contains(text, mark)
                        then 'is not UTF-8 (such bytes are shown as \\xNN); save the file as '
                            || 'UTF-8 and load it again'
                    when has_nul and contains(text, chr(0))
                        then 'holds a NUL character (shown as \\x00); remove it and load the '
                            || 'file again'
                end as reason
            from ({texts})
        )
    """


def without_end(text: str) -> str:
    """SQL for a line without the carriage return that Windows ends it with."""
    return f"case when ends_with({text}, chr(13)) then rtrim({text}, chr(13)) else {text} end"


def is_blank(text: str) -> str:
    """SQL for whether a line holds nothing; `trim` reads all of a line, so it comes last."""
    begins = f"ascii({text}) > 32"
    return f"case when {begins} then false else trim({text}, ' ' || chr(9) || chr(13)) = '' end"


def table(block: Block) -> pa.Table:
    """The block as one row with the columns of `TEXTS`."""
    return pa.Table.from_pylist([vars(block)], schema=TEXTS)


def read_blocks(stream: Any) -> Iterator[Block]:
    """The stream's lines in blocks of about 1 MB, or longer where a line is.

    Raises:
        OSError: for a broken archive.
    """
    for line, content, is_cut in _blocks(stream):
        has_nul = b"\0" in content
        try:
            yield Block(line, content.decode(), None, is_cut, has_nul)
        except UnicodeDecodeError:
            text = content.decode(errors="surrogateescape")
            mark = next(mark for mark in MARKS if mark not in text)
            shown = {0xDC00 + byte: f"{mark}\\x{byte:02x}" for byte in range(0x80, 0x100)}
            yield Block(line, text.translate(shown), mark, is_cut, has_nul)


def _blocks(stream: Any) -> Iterator[tuple[int, bytes, bool]]:
    """Number of the first line, complete lines, and whether that is the head of one too long."""
    line = 1
    pieces: list[bytes] = []  # Of a line whose end is still to come.
    size = 0
    block = stream.read(BLOCK_BYTES).removeprefix(BOM)
    # Exports from old Macs end lines with a carriage return alone.
    is_mac = b"\r" in block and b"\n" not in block
    while block:
        if is_mac:
            block = block.replace(b"\r", b"\n")
        complete, newline, rest = block.rpartition(b"\n")
        if newline and size > MAX_LINE_BYTES:
            yield line, b"".join(pieces)[:KEPT_OF_LONG_LINE], True
            _, newline, complete = complete.partition(b"\n")
            line, pieces, size = line + 1, [], 0
        if newline:
            content = b"".join([*pieces, complete])
            yield line, content, False
            line, pieces, size = line + content.count(b"\n") + 1, [], 0
        size += len(rest)
        if size <= MAX_LINE_BYTES or sum(map(len, pieces)) < KEPT_OF_LONG_LINE:
            pieces.append(rest)
        block = stream.read(BLOCK_BYTES)
    if size:
        content = b"".join(pieces)
        is_cut = size > MAX_LINE_BYTES
        yield line, content[:KEPT_OF_LONG_LINE] if is_cut else content, is_cut
