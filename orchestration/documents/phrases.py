"""Bullet text into values: terms of the vocabulary, shares, money, days.

Free text is never guessed at: what could be read in two ways is `Unclear`, what isn't said is None.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, get_args

from orchestration.documents import vocabulary as words
from orchestration.documents.models import slug

_NUMBER = r"\d[\d,]*(?:\.\d+)?"
_THOUSANDS = re.compile(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?")
_TEST = r"(?:unit |automated |any )?tests?\b|test coverage|tested"


class Unclear(Exception):  # noqa: N818 - it is the text that is at fault, not the program
    """The text says nothing that the field can hold."""

    def __init__(self, what: str, fix: str) -> None:
        self.what, self.fix = what, fix
        super().__init__(f"{what}; fix: {fix}")


def _compile(table: Mapping[str, str]) -> dict[str, re.Pattern[str]]:
    return {term: re.compile(rf"(?<!\w)(?:{pattern})(?!\w)") for term, pattern in table.items()}


def _absence(noun: str) -> str:
    gap = r"(?:[^\w,;()]+\w+)"
    return (
        rf"{words.ABSENT_BEFORE}{gap}{{0,3}}?[^\w,;()]+(?:{noun})"
        rf"|(?:{noun}){gap}{{0,2}}?[^\w,;()]+{words.ABSENT_AFTER}"
    )


_ABSENT = re.compile(rf"(?<!\w){words.ABSENT_BEFORE}(?!\w)")
_FACTORS = [
    *_compile(words.PRESENT).items(),
    *_compile({term: _absence(noun) for term, noun in words.MISSING.items()}).items(),
]
_FAILURE_MODES = _compile(words.FAILURE_MODES)
_SLO_TYPES = _compile(words.SLO_TYPES)
_FIX_CLASSES = _compile(words.FIX_CLASSES)
_WINDOWS = _compile(words.WINDOWS)
_REGULATIONS = _compile(words.REGULATIONS)

_RANGE = re.compile(rf"{_NUMBER}\s*[%km]?\s*(?:-|–|—|to)\s*\$?\s*{_NUMBER}\s*(?:%|[km]\b)", re.I)  # noqa: RUF001
_PERCENT = re.compile(r"(?<![\w.,])([-−]?)(\d[\d.,]*)\s*(?:%|percent\b|pct\b)", re.I)  # noqa: RUF001
_OF_USERS = re.compile(rf"\s*(?:of\s+)?(?:[\w-]+\s+){{0,2}}?{words.USERS}\b", re.I)
_USERS = re.compile(rf"\b{words.USERS}\b", re.I)
_OF_UNSAID = re.compile(r"\s*(?:$|[(.])")
_WORD = re.compile(r"[^\W\d_]")
_CLAUSES = re.compile(r";|,(?!\d)")
_MULTIPLE = "|".join(sorted((m for m in words.MULTIPLES if m), key=len, reverse=True))
_MONEY = re.compile(
    rf"(?:US\$|\$|\bUSD)\s*(\d[\d.,]*)\s*({_MULTIPLE})?(?!\w)"
    rf"|(?<![\w.,])(\d[\d.,]*)\s*({_MULTIPLE})?\s*(?:USD|dollars)\b",
    re.I,
)
_RATE = re.compile(r"\s*(?:/|per\b|an?\s+(?:hour|minute|day)\b)", re.I)
_BURN = re.compile(rf"(?:(.+?)[\s:]+)?({_NUMBER})\s*[x×]?", re.I | re.S)  # noqa: RUF001
_BURN_WITHIN = re.compile(rf"\bburn(?:ing)?(?: rate)?(?: of)?:?\s*({_NUMBER})\s*x?(?![\w.%])", re.I)
_TARGET_WITHIN = re.compile(
    r"(?<![\w.,])(\d{2}(?:\.\d{1,6})?)\s*%\s*(?:slo|target|objective|breached|missed)\b"
    r"|\b(?:slo|target|objective)(?: of|:)?\s+(\d{2}(?:\.\d{1,6})?)\s*%",
    re.I,
)
_ESTIMATE = re.compile(
    rf"[~≈]?\s*({_NUMBER})\s*(?:(?:engineer|engineering|eng|dev|developer|person)[- ]*)?"
    r"(hours?|days?|weeks?|h|d|w)?",
    re.I,
)


def is_blank(text: str) -> bool:
    """Nobody filled it in: empty, a dash, TBD, or a `<placeholder>` of the template."""
    plain = text.strip()
    placeholder = plain.startswith("<") and plain.endswith(">") and "://" not in plain
    return plain.lower() in words.BLANK or placeholder


def is_nothing(text: str) -> bool:
    """Somebody says that there is none."""
    return text.strip().rstrip(".").lower() in words.NOTHING


def split(text: str, separators: str) -> list[str]:
    """The parts between separators that are not in brackets, without blanks around them."""
    parts, depth, start = [], 0, 0
    for position, character in enumerate(text):
        if character in "([":
            depth += 1
        elif character in ")]":
            depth = max(0, depth - 1)
        elif character in separators and depth == 0:
            parts.append(text[start:position])
            start = position + 1
    parts.append(text[start:])
    return [part.strip() for part in parts if part.strip()]


def terms(text: str, patterns: Iterable[tuple[str, re.Pattern[str]]]) -> list[str]:
    """The terms that the text mentions, each once, in the order of their first mention."""
    plain = text.lower().replace("_", " ")
    found: dict[str, int] = {}
    for term, pattern in patterns:
        if match := pattern.search(plain):
            found[term] = min(match.start(), found.get(term, match.start()))
    return sorted(found, key=lambda term: found[term])


def one_term(text: str, kind: Any, patterns: Mapping[str, re.Pattern[str]]) -> str:
    """The word of the enum that the text is, or the first that it mentions."""
    choices = get_args(kind)
    if slug(text) in choices:
        return slug(text)
    if found := terms(text, patterns.items()):
        return found[0]
    raise Unclear("names none of the known words", f"use one of {', '.join(choices)}")


def failure_mode(text: str) -> str:
    return one_term(text, words.FailureMode, _FAILURE_MODES)


def required_window(text: str) -> str:
    return one_term(text, words.RequiredWindow, _WINDOWS)


def fix_classes(text: str) -> list[str]:
    """Every class that a part of the text names; a part that names none is passed over."""
    found: list[str] = []
    for part in split(re.sub(r"\s+and\s+", " + ", text), "+;,&"):
        exact = slug(part) in get_args(words.FixClass)
        found += [slug(part)] if exact else terms(part, _FIX_CLASSES.items())
    if not found:
        choices = ", ".join(get_args(words.FixClass))
        raise Unclear("names no class of fix", f"use one or more of {choices}")
    return found


def contributing_factors(text: str) -> Iterator[dict[str, str | None]]:
    """The factors of one clause; its words go as a note with the first.

    `missing_tests`, `missing_tests (retry client)` and `retry client has no tests` are all read.
    What maps to nothing is `other`.
    """
    choices = get_args(words.ContributingFactor)
    parts = split(text, ",")
    if parts and all(slug(part) in choices for part in parts):
        yield from ({"factor": slug(part), "note": None} for part in parts)
        return
    named, _, rest = text.partition("(") if text.endswith(")") else text.partition(":")
    if rest and slug(named) in choices:
        yield {"factor": slug(named), "note": rest.removesuffix(")").strip() or None}
        return
    notes = iter([text])
    for factor in terms(text, _FACTORS) or ["other"]:
        yield {"factor": factor, "note": next(notes, None)}


def slos(text: str) -> list[dict[str, Any]]:
    """Objectives, separated by comma or semicolon, each with the type that its words name.

    A percentage is the target only where the words say so (`availability 99.9% breached`), and
    never of an error rate: it may as well be what was measured.
    """
    found = []
    for part in split(text, ",;"):
        kind = next(iter(terms(part, _SLO_TYPES.items())), None)
        burn = _BURN_WITHIN.search(part)
        target = _TARGET_WITHIN.search(part) if kind != "error_rate" else None
        found.append(
            {
                "name": part,
                "type": kind,
                "target": number(target.group(1) or target.group(2)) if target else None,
                "burn_rate": number(burn.group(1)) if burn else None,
            }
        )
    return found


def slo_type(text: str) -> str:
    return one_term(text, words.SloType, _SLO_TYPES)


def burn_rates(text: str) -> Iterator[tuple[str | None, float]]:
    """(type or None, rate) for `14.4x` and `latency 14.4, availability 6`."""
    for part in split(text, ",;"):
        match = _BURN.fullmatch(part)
        if not match:
            raise Unclear("is not a burn rate", "write such as 14.4x, or latency 14.4")
        yield (slo_type(match.group(1)) if match.group(1) else None), number(match.group(2))


def users_percent(text: str) -> float | None:
    """The percentage of users or traffic that the text states, 0 to 100."""
    if text.strip().rstrip(".").lower() in words.NO_IMPACT:
        return 0
    if _RANGE.search(text):
        raise Unclear("holds a range", "write one number, the best estimate")
    unclear: list[str] = []
    for clause in _CLAUSES.split(text):
        for match in _PERCENT.finditer(clause):
            before, after = clause[: match.start()], clause[match.end() :]
            is_of_users = _OF_USERS.match(after) or _USERS.search(before)
            if not is_of_users and (_WORD.search(before) or not _OF_UNSAID.match(after)):
                unclear.append(match.group())
                continue
            percent = number(match.group(2))
            if match.group(1) or percent > 100:
                fix = "write the share of users between 0 and 100"
                raise Unclear(f"{match.group()} is not a share", fix)
            return percent
    if unclear:
        raise Unclear(f"{unclear[0]} of what is not said", f"write such as {unclear[0]} of users")
    return None


def revenue_usd(text: str) -> float | None:
    """The amount of revenue that the text states, in US dollars."""
    if text.strip().rstrip(".").lower() in words.NO_IMPACT - {"no user impact"}:
        return 0
    fix = "write the lost revenue in US dollars, such as $420k"
    amounts: list[tuple[bool, float]] = []
    for clause in _CLAUSES.split(text):
        for match in _MONEY.finditer(clause):
            if _RATE.match(clause[match.end() :]):
                raise Unclear(f"{match.group().strip()} is a rate, not an amount", fix)
            digits, multiple = match.group(1) or match.group(3), match.group(2) or match.group(4)
            amount = number(digits) * words.MULTIPLES[(multiple or "").lower()]
            amounts.append((bool(re.search(words.REVENUE, clause, re.I)), round(amount, 2)))
    if not amounts and re.search(words.CURRENCIES, text, re.I):
        raise Unclear("holds an amount that is not read", fix)
    # The first amount called revenue, else the first.
    return max(amounts, key=lambda amount: amount[0])[1] if amounts else None


def regulations(text: str) -> list[str]:
    """The regulations that the text names and doesn't deny."""
    stated = [clause for clause in split(text, ",;") if not _ABSENT.search(clause.lower())]
    return terms(", ".join(stated), _REGULATIONS.items())


def engineer_days(text: str) -> float:
    """`5`, `5 engineer-days`, `2 weeks` (of 5 days) or `4h` (of an 8-hour day)."""
    match = _ESTIMATE.fullmatch(text.strip())
    if not match:
        raise Unclear("is not a number of engineer-days", "write such as 5 engineer-days")
    unit = (match.group(2) or "day").lower()
    return round(number(match.group(1)) * words.DAYS_IN[unit[:1]], 4)


def ai_code(text: str) -> dict[str, bool | None]:
    """`yes, no tests`, `yes, with tests`, `yes` or `no`."""
    plain = text.strip().lower()
    has_tests = None
    if re.search(rf"untested|{words.ABSENT_BEFORE}\W+(?:{_TEST})", plain):
        has_tests = False
    elif re.search(_TEST, plain):
        has_tests = True
    if re.match(r"(?:yes|y|true|present)\b", plain) or has_tests is not None:
        return {"present": True, "has_tests": has_tests}
    if re.match(r"(?:no|n|none|false)\b", plain):
        return {"present": False, "has_tests": None}
    raise Unclear("says neither yes nor no", "write such as `yes, no tests` or `no`")


def number(text: str) -> float:
    """420,000 and 1.5; a comma that doesn't part thousands is unclear."""
    digits = text.rstrip(".,")
    if not _THOUSANDS.fullmatch(digits) or len(digits) > 18:
        raise Unclear(f"{text} can be read in two ways", "write it as 1234.5 or 1,234.5")
    return float(digits.replace(",", ""))
