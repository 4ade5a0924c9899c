"""The YAML between `---` lines at the top of an epic's file, edited without touching the rest.

Its last line holds a digest of everything else in the file, as paydown left it. Any edit by a
person makes the digest wrong, and it stays wrong: paydown renews only a digest that is right.
"""

from __future__ import annotations

import hashlib
import re
from datetime import UTC, date, datetime, time
from typing import Any

import yaml

from orchestration.trackers.protocol import Figures

FIGURE_NAMES = ("score", "slo_burn", "estimate_days", "budget_usd")
_FRONT_MATTER = re.compile(r"\A\ufeff?---[ \t]*\r?\n(.*?)^---[ \t]*\r?$", re.DOTALL | re.MULTILINE)
_SEAL = re.compile(r"^written_by_paydown:[^\r\n]*\r?\n", re.MULTILINE)


def read_front_matter(text: str) -> dict[str, Any]:
    """The YAML mapping at the top of a file; ValueError says what is wrong with it."""
    match = _FRONT_MATTER.match(text)
    if match is None:
        raise ValueError("it does not begin with YAML between two `---` lines")
    try:
        fields = yaml.safe_load(match[1])
    except (yaml.YAMLError, ValueError) as error:
        problem = " ".join(str(error).split())
        raise ValueError(f"the YAML between the `---` lines is broken: {problem}") from None
    if not isinstance(fields, dict):
        raise ValueError("the YAML between the `---` lines is not a list of `name: value`")
    return fields


def read_closed_at(value: object) -> datetime | None:
    """When a person says that the epic was closed, in UTC; a bare date means the end of that day.

    The end, because an incident of the same day must not open the next epic. None when not said.
    """
    if value is None or value == "":
        return None
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value) if len(value) > 10 else date.fromisoformat(value)
        except ValueError:
            value = object()
    if isinstance(value, datetime):
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
    if isinstance(value, date):
        return datetime.combine(value, time(23, 59, 59), UTC)
    raise ValueError("`closed_at` is no date, write it as 2026-06-26 or 2026-06-26T16:00:00Z")


def set_field(text: str, name: str, value: object) -> str | None:
    """`text` with the field `name` set, on its own line; a remark after the old value stays.

    None when the field isn't there or is written in an unusual way: a person rearranged it.
    """
    match = _FRONT_MATTER.match(text)
    plain = re.compile(
        rf"^{name}:[ \t]*(?:[^\s#'\"\[{{&*!|>][^\r\n#]*?)?(?P<remark>[ \t]*(?:#[^\r\n]*)?)(?=\r?$)",
        re.MULTILINE,
    )
    line = plain.search(text, *match.span(1)) if match else None
    if line is None:
        return None
    dumped = yaml.safe_dump({name: value}, width=1_000_000).rstrip("\n")
    return f"{text[: line.start()]}{dumped}{line['remark']}{text[line.end() :]}"


def set_figures(text: str, figures: Figures, written: Figures) -> tuple[str, frozenset[str]]:
    """`text` with `figures` where it still holds `written`, and the names of those it doesn't.

    Those a person edited, or removed; what they made the same as in `figures` needs no telling.
    """
    fields = read_front_matter(text)
    edited = set()
    for name in FIGURE_NAMES:
        figure = getattr(figures, name)
        if name in fields and _is_same(fields[name], figure):
            continue
        is_ours = name in fields and _is_same(fields[name], getattr(written, name))
        changed = set_field(text, name, figure) if is_ours else None
        if changed is None:
            edited.add(name)
        else:
            text = changed
    return text, frozenset(edited)


def is_sealed(text: str) -> bool:
    """Whether the file is, to the letter, as paydown left it."""
    start, end = _seal_span(text)
    return start < end and text[start:end] == _seal_line(text[:start] + text[end:])


def sealed(text: str) -> str:
    """`text`, which has front matter, with the digest that makes it `is_sealed`."""
    start, end = _seal_span(text)
    rest = text[:start] + text[end:]
    return rest[:start] + _seal_line(rest) + rest[start:]


def _seal_span(text: str) -> tuple[int, int]:
    """Where the digest is; where it belongs, as an empty span, if there is none."""
    match = _FRONT_MATTER.match(text)
    if match is None:
        return 0, 0
    seal = _SEAL.search(text, *match.span(1))
    return seal.span() if seal else (match.end(1), match.end(1))


def _seal_line(rest: str) -> str:
    return f"written_by_paydown: {hashlib.sha256(rest.encode()).hexdigest()[:16]}\n"


def _is_same(value: object, figure: float | None) -> bool:
    # Not for `true`, which is the number 1 to Python.
    return type(value) in {int, float, type(None)} and value == figure
