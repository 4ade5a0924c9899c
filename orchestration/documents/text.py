"""The text of a file that people wrote, and how it is cut into documents."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from orchestration.documents.problems import DocumentError, Problem

MAX_BYTES = 5_000_000
MAX_DOCUMENTS = 50_000
# Enough of a file that is too big for a person to recognise it; the file itself stays where it is.
EXCERPT_BYTES = 1_000
NOT_TEXT = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
_MARKER = re.compile(r"(?:---|\.\.\.)(?=\s|$)")


@dataclass(frozen=True)
class Chunk:
    """The text of one YAML document and the line it begins on, counted from 1."""

    first_line: int
    text: str


def read_text(path: Path) -> str:
    """The file's text with `\\n` line ends.

    Raises:
        DocumentError: too big, not UTF-8, or holding control characters.
        OSError: the file can't be read.
    """
    size = path.stat().st_size
    if size > MAX_BYTES:
        what = f"is {size:,} bytes, the limit is {MAX_BYTES:,}"
        raise DocumentError(Problem(1, "file", path.name, what, "split it into several files"))
    raw = path.read_bytes()
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        what = f"byte 0x{raw[error.start]:02x} is not UTF-8"
        fix = "save the file as UTF-8 text"
        raise DocumentError(Problem(line, "file", path.name, what, fix)) from None
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if bad := NOT_TEXT.search(text):
        line = text.count("\n", 0, bad.start()) + 1
        what = f"holds the control character U+{ord(bad.group()):04X}"
        raise DocumentError(Problem(line, "file", path.name, what, "save the file as plain text"))
    return text


def excerpt(path: Path) -> str:
    """The beginning of a file that `read_text` refused, whatever its bytes are."""
    with path.open("rb") as stream:
        start = stream.read(EXCERPT_BYTES)
    return start.decode("utf-8", errors="replace").replace("\0", "\N{REPLACEMENT CHARACTER}")


def split_documents(text: str) -> list[Chunk]:
    """Cut a file at its `---` and `...` lines, so that each document fails alone.

    YAML allows these markers at the start of a line nowhere else, not even in quotes. Chunks of
    blanks, comments and `%` directives only are left out.

    Raises:
        DocumentError: more than `MAX_DOCUMENTS`.
    """
    chunks: list[Chunk] = []
    first_line, lines = 1, []
    for number, line in enumerate([*text.split("\n"), "---"], start=1):
        if marker := _MARKER.match(line):
            chunks += _chunk(first_line, lines)
            # What follows the marker on its line belongs to the new document.
            first_line, lines = number, [" " * marker.end() + line[marker.end() :]]
        else:
            lines.append(line)
    if len(chunks) > MAX_DOCUMENTS:
        what = f"holds {len(chunks):,} documents, the limit is {MAX_DOCUMENTS:,}"
        raise DocumentError(Problem(1, "file", "", what, "split it into several files"))
    return chunks


def _chunk(first_line: int, lines: list[str]) -> list[Chunk]:
    content = ["" if line.startswith("%") else line for line in lines]
    for offset, line in enumerate(content):
        if line.strip() and not line.lstrip().startswith("#"):
            return [Chunk(first_line + offset, "\n".join(content[offset:]).rstrip() + "\n")]
    return []


def split_front_matter(text: str) -> tuple[Chunk, Chunk]:
    """The YAML between two `---` lines at the top of a Markdown file, and the text below it.

    Raises:
        DocumentError: it doesn't begin with `---`, or the front matter is never closed.
    """
    lines = text.split("\n")
    start = next((number for number, line in enumerate(lines) if line.strip()), 0)
    if lines[start].rstrip() != "---":
        fix = "begin the file with YAML between two lines ---"
        raise DocumentError(Problem(1, "document", lines[start], "has no front matter", fix))
    for end in range(start + 1, len(lines)):
        if lines[end].rstrip() in ("---", "..."):
            header = Chunk(start + 2, "\n".join(lines[start + 1 : end]) + "\n")
            return header, Chunk(end + 2, "\n".join(lines[end + 1 :]))
    what, fix = "the front matter is never closed", "put a line --- below it"
    raise DocumentError(Problem(start + 1, "document", "---", what, fix))
