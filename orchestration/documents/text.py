"""The text of a file that people wrote, and how it is split into documents."""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass
from pathlib import Path

from orchestration.documents.problems import DocumentError, Problem

MAX_BYTES = 5_000_000
# Enough of a too large file for a person to recognise it; the file itself stays where it is.
EXCERPT_BYTES = 1_000
NOT_TEXT = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
# Two to four bytes that are one character in UTF-8, and hardly ever occur together elsewhere.
_UTF8_SEQUENCE = re.compile(rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xf4][\x80-\xbf]{2}")
# At the start of a line YAML allows these nowhere else, not even in quotes.
_MARKER = re.compile(r"^(?:---|\.\.\.)(?=\s|\Z)", re.M)
_DIRECTIVE = re.compile(r"^%.*", re.M)
_CONTENT = re.compile(r"^[^\S\n]*[^\s#]", re.M)
_FRONT_MATTER = re.compile(r"\s*^---[^\S\n]*\n(.*?)^(?:---|\.\.\.)[^\S\n]*(?:\n|\Z)", re.M | re.S)


@dataclass(frozen=True)
class Chunk:
    """The text of one document and the line it begins on, from 1."""

    first_line: int
    text: str


def read_text(path: Path) -> str:
    """The file's text with `\\n` line ends; raises DocumentError if it isn't text, and OSError.

    A file without any UTF-8 character is read as Windows-1252, the encoding of old editors.
    """
    if (size := path.stat().st_size) > MAX_BYTES:
        what = f"is {size:,} bytes, the limit is {MAX_BYTES:,}"
        raise DocumentError(Problem(1, "file", path.name, what, "split it into several files"))
    raw = path.read_bytes()
    encoding = "utf-8-sig"
    if raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        encoding = "utf-16"
    elif not _UTF8_SEQUENCE.search(raw) and not raw.isascii():
        encoding = "cp1252"
    try:
        text = raw.decode(encoding).replace("\r\n", "\n").replace("\r", "\n")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        not_text = {"utf-16": "not UTF-16", "cp1252": "neither UTF-8 nor Windows-1252"}
        what = f"byte 0x{raw[error.start]:02x} is {not_text.get(encoding, 'not UTF-8')}"
        fix = "save the file as UTF-8 text"
        raise DocumentError(Problem(line, "file", path.name, what, fix)) from None
    if bad := NOT_TEXT.search(text):
        line = text.count("\n", 0, bad.start()) + 1
        what = f"has the control character U+{ord(bad.group()):04X}"
        raise DocumentError(Problem(line, "file", path.name, what, "save the file as plain text"))
    return text


def excerpt(path: Path) -> str:
    """The beginning of a file that `read_text` rejected, with any bytes."""
    with path.open("rb") as stream:
        start = stream.read(EXCERPT_BYTES)
    return start.decode("utf-8", errors="replace").replace("\0", "\N{REPLACEMENT CHARACTER}")


def split_documents(text: str) -> list[Chunk]:
    """Split a file at its `---` and `...` lines, so that each document fails alone.

    Blanks, comments and `%` directives alone are not a document.
    """
    chunks: list[Chunk] = []
    line = 1
    for part in _MARKER.split(text):
        content = _DIRECTIVE.sub("", part)
        if start := _CONTENT.search(content):
            above = content.count("\n", 0, start.start())
            chunks.append(Chunk(line + above, content[start.start() :].rstrip() + "\n"))
        line += part.count("\n")
    return chunks


def split_front_matter(text: str) -> tuple[Chunk, Chunk]:
    """The YAML between two `---` lines at the top of a Markdown file, and the text below it.

    Raises DocumentError if there is none, or it is never closed.
    """
    if found := _FRONT_MATTER.match(text):
        first, next_line = (text.count("\n", 0, at) + 1 for at in (found.start(1), found.end()))
        return Chunk(first, found[1]), Chunk(next_line, text[found.end() :])
    start = text.lstrip()
    first, line = start.split("\n", 1)[0], text.count("\n", 0, len(text) - len(start)) + 1
    if first.rstrip() != "---":
        fix = "begin the file with YAML between two lines ---"
        raise DocumentError(Problem(1, "document", first, "has no front matter", fix))
    what, fix = "the front matter is never closed", "put a line --- below it"
    raise DocumentError(Problem(line, "document", "---", what, fix))
