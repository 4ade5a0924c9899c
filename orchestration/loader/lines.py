"""A text file as blocks of lines of about 1 MB.

Every line counts, blank ones too, so numbers are those that an editor shows.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from mmap import ACCESS_READ, mmap
from pathlib import Path
from typing import Any

import pyarrow as pa

from orchestration.loader.files import BLOCK_BYTES, BOM

MAX_LINE_BYTES = 64 * 1024 * 1024
KEPT_OF_LONG_LINE = 1_000_000
TOO_LONG = (
    f"is longer than {MAX_LINE_BYTES >> 20} MB, its beginning is kept; "
    "write one record a line and load the file again"
)
NOT_UTF8 = "is not UTF-8 (such bytes are shown as \\xNN); save the file as UTF-8 and load it again"
HOLDS_NUL = "holds a NUL character (shown as \\x00); remove it and load the file again"

TEXTS = pa.schema([("line", pa.int64()), ("text", pa.string()), ("reason", pa.string())])
# Escapes of JSON: of a backslash, of half a surrogate pair, which means nothing without the other
# half, and of a whole pair. Tools that cut a title in the middle of an emoji write halves.
ESCAPES = re.compile(
    rb"\\\\|\\u[dD](?:[89abAB][0-9a-fA-F]{2}(?:\\u[dD][c-fC-F][0-9a-fA-F]{2})?"
    rb"|[c-fC-F][0-9a-fA-F]{2})"
)
# Lines that follow each other, the number of the first, and why a line is not as the file has it;
# such a line is alone.
Lines = tuple[int, str, str | None]


def texts(rows: Sequence[Lines]) -> pa.Table:
    """The rows as a table with the columns of `TEXTS`."""
    columns = list(zip(*rows, strict=True)) or [[], [], []]
    return pa.table(dict(zip(TEXTS.names, columns, strict=True)), schema=TEXTS)


def without_end(text: str) -> str:
    """SQL for a line without the carriage return that Windows ends it with."""
    return f"case when ends_with({text}, chr(13)) then rtrim({text}, chr(13)) else {text} end"


def is_blank(text: str) -> str:
    """SQL for whether a line holds nothing; `trim` reads all of a line, so it comes last."""
    begins = f"ascii({text}) > 32"
    return f"case when {begins} then false else trim({text}, ' ' || chr(9) || chr(13)) = '' end"


@contextmanager
def without_half_pairs(path: Path) -> Generator[Path]:
    """A JSON file in which U+FFFD stands for each half of a surrogate pair: the file itself, or,
    where it has any, a copy. DuckDB would reject all of an array for one of them."""
    with path.open("rb") as file, tempfile.TemporaryDirectory(prefix="paydown-") as folder:
        if path.stat().st_size == 0:
            yield path
            return
        with mmap(file.fileno(), 0, access=ACCESS_READ) as text:
            may_have = text.find(b"\\ud") >= 0 or text.find(b"\\uD") >= 0
            if may_have and any(map(_is_half, ESCAPES.finditer(text))):
                path = Path(folder) / "file"
                path.write_bytes(ESCAPES.sub(lambda m: b"\\ufffd" if _is_half(m) else m[0], text))
        yield path


def _is_half(escape: re.Match[bytes]) -> bool:
    return len(escape[0]) == len(b"\\ud800")


def read_lines(stream: Any) -> Iterator[list[Lines]]:
    """The stream's lines, in blocks; a block that is as it should be is one row.

    Raises:
        OSError: for a broken archive.
    """
    for line, content, is_cut in _blocks(stream):
        try:
            text = content.decode()
        except UnicodeDecodeError:
            text = None
        if text is None or is_cut or "\0" in text:
            lines = content.split(b"\n")
            yield [_judged(number, one, is_cut) for number, one in enumerate(lines, line)]
        else:
            yield [(line, text, None)]


def _judged(number: int, content: bytes, is_cut: bool) -> Lines:
    text = content.decode(errors="backslashreplace")
    reason = TOO_LONG if is_cut else HOLDS_NUL if b"\0" in content else None
    if not is_cut and text.encode() != content:
        reason = NOT_UTF8
    return number, text.replace("\0", "\\x00"), reason


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
