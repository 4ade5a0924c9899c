"""The words a postmortem is written in: terms, how people say them, labels of bullets.

They are data: `seeds/postmortem_words.csv` and `seeds/postmortem_labels.csv`. Words are searched in
lower-case text, at word boundaries.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator

from orchestration.documents.models import slug

SEEDS = Path(__file__).resolve().parents[2] / "seeds"

# What people write when they leave something open, which is not the same as "none".
BLANK = frozenset({"", "-", "?", "n/a", "na", "tbd", "todo", "pending", "not known"})
NOTHING = frozenset({"none", "no", "nothing", "not applicable"})
# Something is missing if one of these is at most three words before it or right after it.
ABSENT = (
    r"(?<!\w)(?:missing|no|not|without|w/o|lack(?:s|ed|ing)?|absent|never|unset|nobody|no one"
    r"|too few|insufficient(?:ly)?|inadequate(?:ly)?|poor(?:ly)?|incomplete|\w+n['’]t)(?!\w)"  # noqa: RUF001
)
_ABSENT_AFTER = (
    r"(?:missing|absent|unset|disabled|insufficient|inadequate|(?:not|\w+n['’]t) (?:set|configured"  # noqa: RUF001
    r"|tested|covered|enabled|in place|exist\w*|fire\w*|trigger\w*|available|enough|sufficient))"
)
_GAP = r"(?:[^\w,;()]+\w+)"


def _seed(name: str) -> Iterator[dict[str, str]]:
    with (SEEDS / f"{name}.csv").open(encoding="utf-8") as file:
        yield from csv.DictReader(file)


@cache
def labels() -> dict[str, str]:
    """Label of a bullet in lower case -> the place in a postmortem that it fills."""
    return {row["label"]: row["field"] for row in _seed("postmortem_labels")}


@cache
def patterns(field: str) -> list[tuple[str, re.Pattern[str]]]:
    """The terms of a field, each with a pattern for its words; a term may occur twice."""
    found: dict[tuple[str, bool], list[str]] = {}
    for row in _seed("postmortem_words"):
        if row["field"] == field:
            key = row["term"], row["is_absence"] == "true"
            found.setdefault(key, []).append(row["words"] or "(?!)")
    compiled = []
    for (term, is_absence), all_words in found.items():
        words = "(?:" + "|".join(all_words) + ")"
        if is_absence:
            before = rf"{ABSENT}{_GAP}{{0,3}}?[^\w,;()]+{words}"
            words = rf"(?:{before}|{words}{_GAP}{{0,2}}?[^\w,;()]+{_ABSENT_AFTER})"
        compiled.append((term, re.compile(rf"(?<!\w){words}(?!\w)")))
    return compiled


def terms(field: str) -> tuple[str, ...]:
    """Every term that the field can have."""
    return tuple(dict.fromkeys(term for term, _ in patterns(field)))


def term_type(field: str) -> Any:
    """A type for pydantic: one of the field's terms, or text that `one_term` finds one in."""
    term: Any = Literal.__getitem__(terms(field))
    return Annotated[term, BeforeValidator(lambda value: one_term(value, field))]


def mentioned(text: str, field: str) -> list[str]:
    """The terms that the text mentions, each once, by first mention."""
    plain = text.lower().replace("_", " ")
    found: dict[str, int] = {}
    for term, pattern in patterns(field):
        if match := pattern.search(plain):
            found[term] = min(match.start(), found.get(term, match.start()))
    return sorted(found, key=lambda term: found[term])


def one_term(value: Any, field: str) -> Any:
    """The term that equals the text, or the first that it mentions, or the value itself."""
    if not isinstance(value, str):
        return value
    exact = (term for term in terms(field) if slug(term) == slug(value))
    return next(exact, None) or next(iter(mentioned(value, field)), value)


def is_blank(text: str) -> bool:
    """Whether it was not filled in: empty, a dash, TBD, or a `<placeholder>` of the template."""
    plain = text.strip()
    placeholder = plain.startswith("<") and plain.endswith(">") and "://" not in plain
    return plain.lower() in BLANK or placeholder


def split(text: str, separators: str) -> list[str]:
    """The parts between separators that are not in brackets, without blanks around them.

    There are none if the text says that there is nothing.
    """
    if text.strip().rstrip(".").lower() in NOTHING:
        return []
    parts, depth = [""], 0
    for character in text:
        depth = max(0, depth + (character in "([") - (character in ")]"))
        if character in separators and depth == 0:
            parts.append("")
        else:
            parts[-1] += character
    return [part.strip() for part in parts if part.strip()]
