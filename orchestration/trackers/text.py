"""Text from outside, made harmless before it is put into somebody's document."""

from __future__ import annotations

import re
import unicodedata
from urllib.parse import urlsplit

_DROPPED = {"Cc", "Cs", "Zl", "Zp"}
# Marks that reverse the direction of text, and characters that no text may contain.
_HIDDEN = frozenset(
    "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufffe\uffff"
)
# An underscore inside a word, and an ampersand that begins no entity, are left readable. At the end
# of the text they may form markup with what follows; so may `!` before a link.
_MARKDOWN_SPECIAL = re.compile(r"([\\`*\[\]<#|~]|&(?=[#\w]|\Z)|!\Z|(?<![^\W_])_|_(?![^\W_]))")
_MARKDOWN_LEADING = re.compile(r"^(?:([-+=>])|(\d+)([.)])(?!\S))")
_URL_UNSAFE = re.compile(r"[\s<>\\()\[\]|`\"]")


def one_line(value: object, limit: int = 500) -> str:
    """`value` as one line of at most `limit` characters.

    Line breaks and control characters become spaces, marks that reverse the direction of text are
    removed, so people see what is there.
    """
    # Four times the limit leaves room for what gets dropped, and bounds the work.
    text = " ".join(visible(str(value)[: 4 * limit], "").split())
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"


def escape_markdown(value: object, limit: int = 500) -> str:
    """`value` as one line of Markdown that shows it literally, in a table cell too."""
    line = _MARKDOWN_SPECIAL.sub(r"\\\1", one_line(value, limit))
    return _MARKDOWN_LEADING.sub(lambda m: f"\\{m[1]}" if m[1] else f"{m[2]}\\{m[3]}", line)


def web_address(url: str) -> str | None:
    """`url` with unsafe characters percent-encoded; None unless it is an http(s) address."""
    text = one_line(url, 2000)
    try:
        parts = urlsplit(text)
    except ValueError:
        return None
    if parts.scheme.lower() not in {"http", "https"} or not parts.netloc or "@" in parts.netloc:
        return None
    return _URL_UNSAFE.sub(lambda m: "".join(f"%{byte:02X}" for byte in m[0].encode()), text)


def visible(text: str, kept: str) -> str:
    """`text` with spaces for control characters except those `kept`, without direction marks."""
    if text.isprintable():
        return text
    return "".join(
        char if char in kept or unicodedata.category(char) not in _DROPPED else " "
        for char in text
        if char not in _HIDDEN
    )
