"""A text file becomes rows of `line, text, reason`, block by block.

Python handles blocks of 1 MB, DuckDB splits them. Every line counts, blank ones too, so numbers
are those that an editor shows. `reason` is set where the text is not what the file holds.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from orchestration.loader.files import BLOCK_BYTES, BOM, open_plain

MAX_LINE_BYTES = 64 * 1024 * 1024
KEPT_OF_LONG_LINE = 1_000_000

BLOCKS = pa.schema(
    [
        ("first_line", pa.int64()),
        ("text", pa.string()),
        ("mark", pa.string()),  # What stands before each byte that isn't UTF-8, if there are any.
        ("is_cut", pa.bool_()),
    ]
)
# Characters that no text should hold; the first that a block doesn't hold is its mark.
MARKS = [chr(code) for code in range(0xFDD0, 0xFDF0)]

LINES = f"""
    with split as (
        select first_line, string_split(text, chr(10)) as texts, mark, is_cut from blocks
    ),
    numbered as (
        select
            first_line + generate_subscripts(texts, 1) - 1 as line,
            unnest(texts) as marked,
            mark,
            is_cut
        from split
    ),
    judged as (
        select
            line,
            coalesce(replace(marked, mark, ''), marked) as text,
            case
                when is_cut
                    then 'is longer than {MAX_LINE_BYTES >> 20} MB, its beginning is kept; '
                        || 'write one record a line and load the file again'
                when contains(marked, mark)
                    then 'is not UTF-8 (such bytes are shown as \\xNN); save the file as '
                        || 'UTF-8 and load it again'
                when contains(marked, chr(0))
                    then 'holds a NUL character (shown as \\x00); remove it and load the '
                        || 'file again'
            end as reason
        from numbered
    )
    select
        line,
        case when reason is null then text else replace(text, chr(0), '\\x00') end as text,
        reason
    from judged
"""


def without_end(text: str) -> str:
    """SQL for a line without the carriage return that Windows ends it with."""
    return f"case when ends_with({text}, chr(13)) then rtrim({text}, chr(13)) else {text} end"


def is_blank(text: str) -> str:
    """SQL for whether a line holds nothing; `trim` reads all of a line, so it comes last."""
    begins = f"ascii({text}) > 32"
    return f"case when {begins} then false else trim({text}, ' ' || chr(9) || chr(13)) = '' end"


def read_lines(con: duckdb.DuckDBPyConnection, path: Path, sql: str) -> None:
    """Run the statement, in which `from lines` reads the file's lines.

    Raises:
        UnreadableFileError: for a broken archive.
    """
    with open_plain(path) as stream:
        faults: list[OSError] = []
        blocks = pa.RecordBatchReader.from_batches(BLOCKS, _batches(stream, faults))
        con.register("blocks", blocks)
        try:
            con.execute(sql.replace("from lines", f"from ({LINES}) as lines"))
        except duckdb.Error:
            # DuckDB tells of a fault in the stream in words of its own.
            if faults:
                raise faults[0] from None
            raise
        finally:
            con.unregister("blocks")


def _batches(stream: Any, faults: list[OSError]) -> Iterator[pa.RecordBatch]:
    try:
        for first_line, content, is_cut in _blocks(stream):
            text, mark = _decoded(content)
            columns = [[first_line], [text], [mark], [is_cut]]
            yield pa.RecordBatch.from_pydict(
                dict(zip(BLOCKS.names, columns, strict=True)), schema=BLOCKS
            )
    except OSError as error:
        faults.append(error)
        raise


def _decoded(content: bytes) -> tuple[str, str | None]:
    try:
        return content.decode(), None
    except UnicodeDecodeError:
        text = content.decode(errors="surrogateescape")
        mark = next(mark for mark in MARKS if mark not in text)
        shown = {0xDC00 + byte: f"{mark}\\x{byte:02x}" for byte in range(0x80, 0x100)}
        return text.translate(shown), mark


def _blocks(stream: Any) -> Iterator[tuple[int, bytes, bool]]:
    """Number of the first line, whole lines, and whether that is the head of one too long."""
    line = 1
    pieces: list[bytes] = []  # Of a line whose end is still to come.
    size = 0
    block = stream.read(BLOCK_BYTES).removeprefix(BOM)
    # Exports from old Macs end lines with a carriage return alone.
    is_mac = b"\r" in block and b"\n" not in block
    while block:
        if is_mac:
            block = block.replace(b"\r", b"\n")
        whole, newline, rest = block.rpartition(b"\n")
        if newline and size > MAX_LINE_BYTES:
            yield line, b"".join(pieces)[:KEPT_OF_LONG_LINE], True
            _, newline, whole = whole.partition(b"\n")
            line, pieces, size = line + 1, [], 0
        if newline:
            content = b"".join([*pieces, whole])
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
