"""The review's decision and its action items, read from the text of their bullets."""

from __future__ import annotations

import re
from typing import Any

from orchestration.documents import vocabulary as words
from orchestration.documents.names import TICKET
from orchestration.documents.phrases import Unclear, split

_ACTIONS = re.compile(
    "|".join(rf"(?<!\w)(?P<{name}>{pattern})(?!\w)" for name, pattern in words.DECISIONS.items())
)
_DENIED = re.compile(r"(?:\bnot|n't|\bnever|\bno)\s+(?:\w+\s+)?$")
_EPIC = re.compile(rf"\bepic:?\s+({TICKET.pattern})", re.I)
_LEVEL = "|".join(words.MATURITY_LEVELS.values())
_TARGET = re.compile(rf"\b(?:target|to|reach)\b:?\s+(?:\w+\s+)?({_LEVEL})\b")
_ANY_LEVEL = re.compile(rf"\b({_LEVEL})\b")
_ITEM = re.compile(r"(.*\S)\s*\(([^()]*)\)", re.S)
_DUE = re.compile(r"due:?\s+(?:by\s+|on\s+)?(.+)", re.I | re.S)
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")


def decision(text: str) -> dict[str, str | None]:
    """`Promote epic MOD-123; target Silver maturity`: action, epic and target maturity.

    Raises:
        Unclear: no action, or two target levels.
    """
    plain = text.lower()
    actions = [
        match.lastgroup
        for match in _ACTIONS.finditer(plain)
        if not _DENIED.search(plain[max(0, match.start() - 40) : match.start()])
    ]
    if not actions:
        raise Unclear("decides nothing", "write promote, bundle or close")
    levels = set(_TARGET.findall(plain) or _ANY_LEVEL.findall(plain))
    if len(levels) > 1:
        raise Unclear("names two maturity levels", "write such as `target Silver maturity`")
    epic = _EPIC.search(text)
    ticket = TICKET.search(text)
    return {
        "action": actions[0],
        "epic": epic.group(1) if epic else ticket.group() if ticket else None,
        "target_maturity": next(iter(levels), None),
    }


def action_item(text: str) -> dict[str, Any]:
    """`title (owner, due 2026-03-01, MOD-1)`, the brackets and each of their parts optional.

    An owner alone in the brackets needs an @, else the brackets belong to the title.
    """
    item: dict[str, Any] = {"title": text, "owner": None, "due_date": None, "ref": None}
    match = _ITEM.fullmatch(text)
    if not match:
        return item
    details: dict[str, str] = {}
    for part in split(match.group(2), ","):
        due = _DUE.fullmatch(part)
        if due or _DATE.fullmatch(part):
            _add(details, "due_date", due.group(1) if due else part)
        elif TICKET.fullmatch(part):
            _add(details, "ref", part)
        else:
            _add(details, "owner", part)
    if set(details) == {"owner"} and not details["owner"].startswith("@"):
        return item
    return item | {"title": match.group(1)} | details


def _add(details: dict[str, str], key: str, value: str) -> None:
    if key in details:
        raise Unclear(
            f"says two things for {key}: {details[key]} and {value}",
            "write such as `title (owner, due 2026-03-01, MOD-1)`",
        )
    details[key] = value
