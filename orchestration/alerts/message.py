"""What an alert says. Each channel writes it in its own way, within its own limits."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

CUT = "…"


class DeliveryError(Exception):
    """An alert could not be delivered; the message holds no address and no secret."""


@dataclass(frozen=True)
class Item:
    """One thing that somebody has to know. `text` may come from outside: anything may be in it."""

    subject: str
    text: str
    owner: str = ""

    @property
    def heading(self) -> str:
        return f"{self.subject} (owner: {self.owner})" if self.owner else self.subject


@dataclass(frozen=True)
class Alert:
    """One message. `advice` says what to do, `link` is where to look (empty where unknown)."""

    title: str
    items: list[Item] = field(default_factory=list)
    advice: str = ""
    link: str = ""


def plain(text: str) -> str:
    """The text without control characters; line ends stay."""
    return "".join(c if c.isprintable() or c == "\n" else " " for c in text).strip()


def fitted(text: str, limit: int, escape: Callable[[str], str] = str) -> str:
    """The text without control characters, escaped, and cut so that it is at most `limit` long."""
    text = plain(text)
    shown = escape(text)
    while len(shown) > limit:
        # An escape is several characters, which must not be cut through.
        text = text[: len(text) - max(1, (len(shown) - limit) // 8)]
        shown = escape(text) + CUT
    return shown


def more(count: int) -> str:
    """What stands for items that a message has no room for."""
    return f"and {count:,} more; `paydown doctor` shows all"
