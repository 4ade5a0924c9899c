"""The text of a file: decompressed, as UTF-8, in blocks of complete lines of about 1 MB.

Every line counts, blank ones too, so numbers match those in an editor.
"""

from __future__ import annotations

import codecs
import errno
import io
import re
import shutil
import tempfile
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from mmap import ACCESS_READ, mmap
from pathlib import Path
from typing import Any

import pyarrow as pa

BLOCK_BYTES = 1 << 20
HEAD_BYTES = 65_536
BOM = codecs.BOM_UTF8
UTF16_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
COMPRESSION = {".gz": "gzip", ".zst": "zstd"}
MAX_LINE_BYTES = 64 * 1024 * 1024
KEPT_OF_LONG_LINE = 1_000_000
TOO_LONG = (
    f"is longer than {MAX_LINE_BYTES >> 20} MB, its beginning is kept; "
    "write one record a line and load the file again"
)
NOT_UTF8 = "is not UTF-8 (such bytes are shown as \\xNN); save the file as UTF-8 and load it again"
# Two to four bytes that are one character in UTF-8, and hardly ever occur together elsewhere.
UTF8_SEQUENCE = re.compile(rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xf4][\x80-\xbf]{2}")
IS_CP1252 = "is not UTF-8, it was read as Windows-1252; save it as UTF-8 if letters are wrong"
IS_MIXED = "is in part UTF-8 and in part Windows-1252; save the file as UTF-8 and load it again"
HOLDS_NUL = "holds a NUL character (shown as \\x00); remove it and load the file again"
# Escapes of JSON: of a backslash, of half a surrogate pair, which means nothing without the other
# half, and of a complete pair. Tools that cut a title in the middle of an emoji write halves.
ESCAPES = re.compile(
    rb"\\\\|\\u[dD](?:[89abAB][0-9a-fA-F]{2}(?:\\u[dD][c-fC-F][0-9a-fA-F]{2})?"
    rb"|[c-fC-F][0-9a-fA-F]{2})"
)
HALF_BYTES = len(b"\\ud800")
# Lines, the number of the first, and why a line differs from the file; such a line is alone.
Lines = tuple[int, list[str], str | None]


class UnreadableFileError(Exception):
    """A file that can't be read at all; the message says why and what to do."""


@contextmanager
def open_plain(path: Path) -> Generator[Any]:
    """The file's bytes, decompressed, as UTF-8 without a byte order mark. Unlike DuckDB's, Arrow's
    stream checks that an archive is complete, so that a cut one is an error.

    Raises:
        UnreadableFileError: for a broken archive or file.
    """
    packed = COMPRESSION.get(path.suffix.lower())
    try:
        with path.open("rb") as file, pa.input_stream(file, compression=packed) as stream:
            buffered = io.BufferedReader(stream, BLOCK_BYTES)
            head = buffered.peek(len(BOM))[: len(BOM)]
            if head == BOM:
                buffered.read(len(BOM))
            if head[:2] in UTF16_MARKS:
                yield io.BytesIO(buffered.read().decode("utf-16").encode())
            else:
                yield buffered
    except UnicodeError as error:
        raise UnreadableFileError(f"is not UTF-16 as its mark says ({error})") from error
    except OSError as error:
        if error.errno == errno.ENOSPC:  # The copy's disk is full, the file is fine.
            raise
        what = f"the {packed} file can't be decompressed" if packed else "can't be read"
        raise UnreadableFileError(f"{what} ({error}); export it again") from error


def is_unicode(path: Path) -> bool:
    """Whether a file is UTF-8, or has UTF-16's byte order mark."""
    content = path.read_bytes()
    try:
        return content[:2] in UTF16_MARKS or content.decode() is not None
    except UnicodeDecodeError:
        return False


@contextmanager
def plain_file(path: Path, *, is_json: bool) -> Generator[Path]:
    """A plain file with the same content, under a name without wildcards for DuckDB.

    In JSON, U+FFFD replaces each half of a surrogate pair: DuckDB would reject the record, or the
    complete array.
    """
    with tempfile.TemporaryDirectory(prefix="paydown-") as folder:
        plain = Path(folder, "file")
        with path.open("rb") as file:
            head = file.read(len(BOM))
        if path.suffix.lower() in COMPRESSION or head == BOM or head[:2] in UTF16_MARKS:
            with open_plain(path) as stream, plain.open("wb") as copy:
                shutil.copyfileobj(stream, copy, BLOCK_BYTES)
        else:
            plain.symlink_to(path.resolve())
        if is_json and plain.stat().st_size:
            with plain.open("rb") as file, mmap(file.fileno(), 0, access=ACCESS_READ) as text:
                may_have = text.find(b"\\ud") >= 0 or text.find(b"\\uD") >= 0
                if may_have and any(len(one[0]) == HALF_BYTES for one in ESCAPES.finditer(text)):
                    plain = Path(folder, "whole")
                    plain.write_bytes(ESCAPES.sub(_without_half, text))
        yield plain


def _without_half(escape: re.Match[bytes]) -> bytes:
    return b"\\ufffd" if len(escape[0]) == HALF_BYTES else escape[0]


def read_lines(
    stream: Any, *, is_json: bool = False, notes: list[str] | None = None
) -> Iterator[Lines]:
    """The stream's lines without their ends, in blocks of about 1 MB.

    In JSON, U+FFFD replaces each half of a surrogate pair. A file without any UTF-8 character is
    read as Windows-1252, as Excel writes it, if there are `notes`, and noted.

    Raises:
        OSError: for a broken archive.
        UnreadableFileError: for a file that is in both encodings.
    """
    number, encoding, noted = 1, "", [] if notes is None else notes
    while block := stream.read(BLOCK_BYTES) + stream.readline(MAX_LINE_BYTES):
        is_cut = len(block) > MAX_LINE_BYTES and not block.endswith(b"\n")
        while is_cut and (rest := stream.readline(BLOCK_BYTES)) and not rest.endswith(b"\n"):
            pass
        # Exports from old Macs end lines with a carriage return alone.
        if number == 1 and b"\n" not in block:
            block = block.replace(b"\r", b"\n")
        if is_json and (b"\\ud" in block or b"\\uD" in block):
            block = ESCAPES.sub(_without_half, block)
        block = block.removesuffix(b"\n")
        last = number + block.count(b"\n")
        if not block.isascii() and (encoding or notes is not None):
            has_utf8 = UTF8_SEQUENCE.search(block)
            if has_utf8 and encoding == "cp1252":
                raise UnreadableFileError(IS_MIXED)
            encoding = encoding or ("utf-8" if has_utf8 else "cp1252")
        try:
            text: str = block.decode(encoding or "utf-8")
        except UnicodeDecodeError:
            text = "\0"
        if encoding == "cp1252" and not noted:
            noted.append(IS_CP1252)
        if not is_cut and "\0" not in text:
            yield number, text.split("\n"), None
        else:
            for place, line in enumerate(block.split(b"\n"), number):
                yield place, *_odd(line, encoding or "utf-8", is_cut=is_cut and place == last)
        number = last + 1


def _odd(line: bytes, encoding: str, *, is_cut: bool) -> tuple[list[str], str | None]:
    """A line as it can be shown, and why it differs from the file."""
    if is_cut:
        line = line[:KEPT_OF_LONG_LINE]
    text = line.decode(encoding, "backslashreplace")
    if is_cut:
        reason = TOO_LONG
    elif text.encode(encoding) != line:
        reason = NOT_UTF8
    else:
        reason = HOLDS_NUL if "\0" in text else None
    return [text.replace("\0", "\\x00")], reason
