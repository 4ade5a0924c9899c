"""Templates of Markdown in which whatever comes from outside is text: `finalize` escapes it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from orchestration.trackers.text import escape_markdown, one_line, web_address

_DAY_HOURS = 48  # From here on durations are given in days.


class Markdown(str):
    """Text that is already Markdown."""

    __slots__ = ()


def environment(folder: Path) -> Environment:
    """The templates of a folder; their filters are `code`, `duration`, `link`, `money`, `words`."""
    found = Environment(
        loader=FileSystemLoader(folder),
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
        finalize=shown,
        autoescape=False,  # noqa: S701  # It is Markdown, which `finalize` escapes.
    )
    found.filters.update(
        code=code,
        duration=duration,
        link=link,
        markdown=Markdown,
        money=lambda usd: f"{'-' if usd < 0 else ''}${abs(usd):,.0f}",
        words=lambda text: text.replace("_", " "),
    )
    return found


def shown(value: Any) -> Any:
    """`value` escaped, unless it is a number or already Markdown."""
    return value if isinstance(value, Markdown | int | float) else escape_markdown(value)


def code(value: object) -> Markdown:
    """`value` as inline code, safe in a table."""
    return Markdown(f"`{one_line(value, 200).replace('`', chr(39)).replace('|', '¦')}`")


def link(text: str, url: str | None) -> Markdown:
    """`text` linked to `url`; followed by it if it isn't a web address."""
    if address := web_address(url or ""):
        return Markdown(f"[{shown(text)}](<{address}>)")
    return Markdown(f"{shown(text)}: {escape_markdown(url, 2000)}" if url else shown(text))


def duration(seconds: float) -> str:
    """Seconds for people: 45 min, 2 h 20 min, 3 d 4 h."""
    minutes = max(round(seconds / 60), 1)
    (hours, minutes), days = divmod(minutes, 60), 0
    if hours >= _DAY_HOURS:
        (days, hours), minutes = divmod(hours, 24), 0
    parts = ((days, "d"), (hours, "h"), (minutes, "min"))
    return " ".join(f"{count} {unit}" for count, unit in parts if count)
