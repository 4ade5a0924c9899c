"""Bullet text into values: terms, shares, money, days, decisions, action items.

Free text is never guessed at: what could be read in two ways is `Unclear`, what isn't said is None.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, get_args

from orchestration.documents.models import slug
from orchestration.documents.references import TICKET
from orchestration.documents.strict import MaturityLevel
from orchestration.documents.words import (
    ABSENT_BEFORE,
    Unclear,
    mentioned,
    one_term,
    patterns,
    split,
    terms,
)

NO_IMPACT = frozenset({"none", "no impact", "no user impact", "no customer impact"})
# What an impact's percentage counts, for it to be a share of users or traffic.
USERS = (
    r"(?:users?|customers?|sessions?|traffic|requests?|calls?|transactions?|payments?|orders?"
    r"|checkouts?|accounts?|merchants?|clients?|tenants?|logins?|visitors?|cardholders?|transfers?"
    r"|payouts?)"
)
# What tells lost revenue from another amount.
REVENUE = r"revenue|sales|gmv|turnover|lost|loss"
# What tells that there is an amount at all, in US dollars or not.
CURRENCIES = r"[$€£¥₹]|\b(?:usd|dollars?|eur|gbp|chf|jpy|inr|cad|aud|euros?|pounds?)\b"
# What an amount's suffix multiplies it by, by its first letter, and its spellings.
MULTIPLES = {"": 1, "k": 1e3, "t": 1e3, "m": 1e6, "b": 1e9}
_MULTIPLE = "thousand|million|billion|mn|bn|k|m|b"
# Engineer-days in one of the unit, by its first letter.
DAYS_IN = {"h": 1 / 8, "d": 1, "w": 5}

_NUMBER = r"\d[\d,]*(?:\.\d+)?"
_THOUSANDS = re.compile(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?")
_TEST = r"(?:unit |automated |any )?tests?\b|test coverage|tested"
_ABSENT = re.compile(rf"(?<!\w){ABSENT_BEFORE}(?!\w)")
_RANGE = re.compile(rf"{_NUMBER}\s*[%km]?\s*(?:-|–|—|to)\s*\$?\s*{_NUMBER}\s*(?:%|[km]\b)", re.I)  # noqa: RUF001
_PERCENT = re.compile(r"(?<![\w.,])([-−]?)(\d[\d.,]*)\s*(?:%|percent\b|pct\b)", re.I)  # noqa: RUF001
_OF_USERS = re.compile(rf"\s*(?:of\s+)?(?:[\w-]+\s+){{0,2}}?{USERS}\b", re.I)
_USERS = re.compile(rf"\b{USERS}\b", re.I)
_OF_UNSAID = re.compile(r"\s*(?:$|[(.])")
_WORD = re.compile(r"[^\W\d_]")
_CLAUSES = re.compile(r";|,(?!\d)")
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
_DENIED = re.compile(r"(?:\bnot|n't|\bnever|\bno)\s+(?:\w+\s+)?$")
_EPIC = re.compile(rf"\bepic:?\s+({TICKET.pattern})", re.I)
_LEVEL = "|".join(get_args(MaturityLevel))
_GOAL = re.compile(rf"\b(?:target|to|reach)\b:?\s+(?:\w+\s+)?({_LEVEL})\b")
_ANY_LEVEL = re.compile(rf"\b({_LEVEL})\b")
_ITEM = re.compile(r"(.*\S)\s*\(([^()]*)\)", re.S)
_DUE = re.compile(
    r"(?:due:?\s+(?:by\s+|on\s+)?(?P<due>.+)|(?P<date>\d{4}-\d{2}-\d{2}))", re.I | re.S
)


def fix_classes(text: str) -> list[str]:
    """Every class that a part of the text names; a part that names none is passed over."""
    found: list[str] = []
    for part in split(re.sub(r"\s+and\s+", " + ", text), "+;,&"):
        exact = slug(part) in terms("fix_class")
        found += [slug(part)] if exact else mentioned(part, "fix_class")
    if not found:
        choices = ", ".join(terms("fix_class"))
        raise Unclear("names no class of fix", f"use one or more of {choices}")
    return found


def contributing_factors(text: str) -> list[dict[str, str | None]]:
    """The factors of one clause; its words go as a note with the first.

    `missing_tests`, `missing_tests (retry client)` and `retry client has no tests` are all read.
    What maps to nothing is `other`.
    """
    choices = terms("contributing_factor")
    parts = split(text, ",")
    if parts and all(slug(part) in choices for part in parts):
        return [{"factor": slug(part), "note": None} for part in parts]
    named, _, rest = text.partition("(") if text.endswith(")") else text.partition(":")
    if rest and slug(named) in choices:
        return [{"factor": slug(named), "note": rest.removesuffix(")").strip() or None}]
    first, *others = mentioned(text, "contributing_factor") or ["other"]
    return [{"factor": first, "note": text}, *({"factor": f, "note": None} for f in others)]


def slos(text: str) -> list[dict[str, Any]]:
    """Objectives, separated by comma or semicolon, each with the type that its words name.

    A percentage is the target only where the words say so (`availability 99.9% breached`), and
    never of an error rate: it may as well be what was measured.
    """
    found = []
    for part in split(text, ",;"):
        kind = next(iter(mentioned(part, "slo_type")), None)
        burn = _BURN_WITHIN.search(part)
        target = _TARGET_WITHIN.search(part) if kind != "error_rate" else None
        found.append(
            {
                "name": part,
                "type": kind,
                "target": number(target[1] or target[2]) if target else None,
                "burn_rate": number(burn[1]) if burn else None,
            }
        )
    return found


def burn_rates(text: str) -> Iterator[tuple[str | None, float]]:
    """(type or None, rate) for `14.4x` and `latency 14.4, availability 6`."""
    for part in split(text, ",;"):
        match = _BURN.fullmatch(part)
        if not match:
            raise Unclear("is not a burn rate", "write such as 14.4x, or latency 14.4")
        yield one_term(match[1], "slo_type") if match[1] else None, number(match[2])


def users_percent(text: str) -> float | None:
    """The percentage of users or traffic that the text states, 0 to 100."""
    if text.strip().rstrip(".").lower() in NO_IMPACT:
        return 0
    if _RANGE.search(text):
        raise Unclear("holds a range", "write one number, the best estimate")
    unclear: list[str] = []
    for clause in _CLAUSES.split(text):
        for match in _PERCENT.finditer(clause):
            before, after = clause[: match.start()], clause[match.end() :]
            is_of_users = _OF_USERS.match(after) or _USERS.search(before)
            if not is_of_users and (_WORD.search(before) or not _OF_UNSAID.match(after)):
                unclear.append(match[0])
                continue
            percent = number(match[2])
            if match[1] or percent > 100:
                fix = "write the share of users between 0 and 100"
                raise Unclear(f"{match[0]} is not a share", fix)
            return percent
    if unclear:
        raise Unclear(f"{unclear[0]} of what is not said", f"write such as {unclear[0]} of users")
    return None


def revenue_usd(text: str) -> float | None:
    """The amount of revenue that the text states, in US dollars."""
    if text.strip().rstrip(".").lower() in NO_IMPACT - {"no user impact"}:
        return 0
    fix = "write the lost revenue in US dollars, such as $420k"
    amounts: list[tuple[bool, float]] = []
    for clause in _CLAUSES.split(text):
        for match in _MONEY.finditer(clause):
            if _RATE.match(clause[match.end() :]):
                raise Unclear(f"{match[0].strip()} is a rate, not an amount", fix)
            digits, multiple = match[1] or match[3], (match[2] or match[4] or "").lower()
            amount = number(digits) * MULTIPLES[multiple[:1]]
            amounts.append((bool(re.search(REVENUE, clause, re.I)), round(amount, 2)))
    if not amounts and re.search(CURRENCIES, text, re.I):
        raise Unclear("holds an amount that is not read", fix)
    # The first amount called revenue, else the first.
    return max(amounts, key=lambda amount: amount[0])[1] if amounts else None


def regulations(text: str) -> list[str]:
    """The regulations that the text names and doesn't deny."""
    stated = [clause for clause in split(text, ",;") if not _ABSENT.search(clause.lower())]
    return mentioned(", ".join(stated), "regulation")


def engineer_days(text: str) -> float:
    """`5`, `5 engineer-days`, `2 weeks` (of 5 days) or `4h` (of an 8-hour day)."""
    match = _ESTIMATE.fullmatch(text.strip())
    if not match:
        raise Unclear("is not a number of engineer-days", "write such as 5 engineer-days")
    return round(number(match[1]) * DAYS_IN[(match[2] or "d")[0].lower()], 4)


def ai_code(text: str) -> dict[str, bool | None]:
    """`yes, no tests`, `yes, with tests`, `yes` or `no`."""
    plain = text.strip().lower()
    has_tests = None
    if re.search(rf"untested|{ABSENT_BEFORE}\W+(?:{_TEST})", plain):
        has_tests = False
    elif re.search(_TEST, plain):
        has_tests = True
    if re.match(r"(?:yes|y|true|present)\b", plain) or has_tests is not None:
        return {"present": True, "has_tests": has_tests}
    if re.match(r"(?:no|n|none|false)\b", plain):
        return {"present": False, "has_tests": None}
    raise Unclear("says neither yes nor no", "write such as `yes, no tests` or `no`")


def decision(text: str) -> dict[str, str | None]:
    """`Promote epic MOD-123; target Silver maturity`: action, epic and target maturity."""
    plain = text.lower()
    actions = [
        (match.start(), action)
        for action, pattern in patterns("decision")
        for match in pattern.finditer(plain)
        if not _DENIED.search(plain[max(0, match.start() - 40) : match.start()])
    ]
    if not actions:
        raise Unclear("decides nothing", "write promote, bundle or close")
    levels = set(_GOAL.findall(plain) or _ANY_LEVEL.findall(plain))
    if len(levels) > 1:
        raise Unclear("names two maturity levels", "write such as `target Silver maturity`")
    epic, ticket = _EPIC.search(text), TICKET.search(text)
    return {
        "action": min(actions)[1],
        "epic": epic[1] if epic else ticket[0] if ticket else None,
        "target_maturity": next(iter(levels), None),
    }


def action_item(text: str) -> dict[str, Any]:
    """`title (owner, due 2026-03-01, MOD-1)`, the brackets and each of their parts optional.

    An owner alone in the brackets needs an @, else the brackets belong to the title.
    """
    match = _ITEM.fullmatch(text)
    details: dict[str, str] = {}
    for part in split(match[2], ",") if match else []:
        due = _DUE.fullmatch(part)
        key = "due_date" if due else "ref" if TICKET.fullmatch(part) else "owner"
        value = (due["due"] or due["date"]) if due else part
        if key in details:
            raise Unclear(
                f"says two things for {key}: {details[key]} and {value}",
                "write such as `title (owner, due 2026-03-01, MOD-1)`",
            )
        details[key] = value
    if not match or (set(details) == {"owner"} and not details["owner"].startswith("@")):
        return {"title": text}
    return {"title": match[1]} | details


def number(text: str) -> float:
    """420,000 and 1.5; a comma that doesn't part thousands is unclear."""
    digits = text.rstrip(".,")
    if not _THOUSANDS.fullmatch(digits) or len(digits) > 18:
        raise Unclear(f"{text} can be read in two ways", "write it as 1234.5 or 1,234.5")
    return float(digits.replace(",", ""))
