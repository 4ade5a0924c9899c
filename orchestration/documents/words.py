"""The words a postmortem is written in: terms, how people say them, labels of bullets.

They are data: `seeds/postmortem_words.csv` and `seeds/postmortem_labels.csv`. Words are looked for
in lower-case text, at word boundaries. YAML front matter has to use the terms themselves.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator

from orchestration.documents.models import slug

SEEDS = Path(__file__).resolve().parents[2] / "seeds"

# What people write where they fill in nothing, which is not the same as "none".
BLANK = frozenset({"", "-", "?", "n/a", "na", "tbd", "todo", "pending", "not known"})
NOTHING = frozenset({"none", "no", "nothing", "not applicable"})
# Something is missing when one of these stands at most three words before it or right after it.
ABSENT_BEFORE = r"(?:missing|no|not|without|w/o|lack(?:s|ed|ing)?|absent|never|unset)"
ABSENT_AFTER = r"(?:missing|absent|unset|disabled|not (?:set|configured|tested|covered|enabled))"


class Unclear(Exception):  # noqa: N818 - it is the text that is wrong, not the program
    """The text says nothing that the field can hold."""

    def __init__(self, what: str, fix: str) -> None:
        self.what, self.fix = what, fix
        super().__init__(f"{what}; fix: {fix}")


@cache
def labels() -> dict[str, str]:
    """Label of a bullet in lower case -> the key of the front matter that it fills."""
    with (SEEDS / "postmortem_labels.csv").open(encoding="utf-8") as file:
        return {row["label"]: row["field"] for row in csv.DictReader(file)}


@cache
def patterns(field: str) -> list[tuple[str, re.Pattern[str]]]:
    """The terms of a field, each with a pattern for its words; a term may be there twice."""
    found: dict[tuple[str, bool], list[str]] = {}
    with (SEEDS / "postmortem_words.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            if row["field"] == field:
                key = row["term"], row["is_absence"] == "true"
                found.setdefault(key, []).append(row["words"] or "(?!)")
    gap = r"(?:[^\w,;()]+\w+)"
    return [
        (
            term,
            re.compile(
                rf"(?<!\w)(?:{ABSENT_BEFORE}{gap}{{0,3}}?[^\w,;()]+(?:{'|'.join(words)})"
                rf"|(?:{'|'.join(words)}){gap}{{0,2}}?[^\w,;()]+{ABSENT_AFTER})(?!\w)"
                if is_absence
                else rf"(?<!\w)(?:{'|'.join(words)})(?!\w)"
            ),
        )
        for (term, is_absence), words in found.items()
    ]


def terms(field: str) -> tuple[str, ...]:
    """Every term that the field can have."""
    return tuple(dict.fromkeys(term for term, _ in patterns(field)))


def term_type(field: str, spelled: Callable[[Any], Any] = slug) -> Any:
    """A type for pydantic: one of the field's terms, which `spelled` makes of what is written."""
    term: Any = Literal.__getitem__(terms(field))
    return Annotated[term, BeforeValidator(spelled)]


def mentioned(text: str, *fields: str) -> list[str]:
    """The terms that the text mentions, each once, in the order of their first mention."""
    plain = text.lower().replace("_", " ")
    found: dict[str, int] = {}
    for field in fields:
        for term, pattern in patterns(field):
            if match := pattern.search(plain):
                found[term] = min(match.start(), found.get(term, match.start()))
    return sorted(found, key=lambda term: found[term])


def one_term(text: str, field: str) -> str:
    """The term that the text is, or the first that it mentions.

    Raises:
        Unclear: it mentions none.
    """
    if slug(text) in terms(field):
        return slug(text)
    if found := mentioned(text, field):
        return found[0]
    raise Unclear("names none of the known words", f"use one of {', '.join(terms(field))}")


def is_blank(text: str) -> bool:
    """Nobody filled it in: empty, a dash, TBD, or a `<placeholder>` of the template."""
    plain = text.strip()
    placeholder = plain.startswith("<") and plain.endswith(">") and "://" not in plain
    return plain.lower() in BLANK or placeholder


def is_nothing(text: str) -> bool:
    """Somebody says that there is none."""
    return text.strip().rstrip(".").lower() in NOTHING


def split(text: str, separators: str) -> list[str]:
    """The parts between separators that are not in brackets, without blanks around them."""
    parts, depth = [""], 0
    for character in text:
        depth = max(0, depth + (character in "([") - (character in ")]"))
        if character in separators and depth == 0:
            parts.append("")
        else:
            parts[-1] += character
    return [part.strip() for part in parts if part.strip()]
