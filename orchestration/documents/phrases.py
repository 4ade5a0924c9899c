"""Bullet text into values: terms, shares, money, days, decisions, action items.

Free text is never guessed at: ambiguous text is `invalid`, what isn't stated is None.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, get_args

from orchestration.documents.models import slug
from orchestration.documents.references import TICKET
from orchestration.documents.strict import MaturityLevel, invalid
from orchestration.documents.words import ABSENT, mentioned, one_term, patterns, split, terms

NO_IMPACT = frozenset({"none", "no impact", "no user impact", "no customer impact"})
# What an impact's percentage must count to be a share of users or traffic.
USERS = (
    r"(?:users?|customers?|sessions?|traffic|requests?|calls?|transactions?|payments?|orders?"
    r"|checkouts?|accounts?|merchants?|clients?|tenants?|logins?|visitors?|cardholders?|transfers?"
    r"|payouts?)"
)
# What marks lost revenue as against other amounts, and any amount at all.
REVENUE = re.compile(r"revenue|sales|gmv|turnover|lost|loss", re.I)
CURRENCIES = re.compile(
    r"[$€£¥₹]|\b(?:usd|dollars?|eur|gbp|chf|jpy|inr|cad|aud|euros?|pounds?)\b", re.I
)
# The factor of an amount's suffix, by its first letter, and the spellings.
MULTIPLES = {"": 1, "k": 1e3, "t": 1e3, "m": 1e6, "b": 1e9}
_MULTIPLE = "thousand|million|billion|mn|bn|k|m|b"
# Engineer-days per unit, by its first letter.
DAYS_IN = {"h": 1 / 8, "d": 1, "w": 5}

_NUMBER = r"\d[\d,]*(?:\.\d+)?"
_THOUSANDS = re.compile(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?")
_RANGE = re.compile(rf"{_NUMBER}\s*[%km]?\s*(?:-|–|—|to)\s*\$?\s*{_NUMBER}\s*(?:%|[km]\b)", re.I)  # noqa: RUF001
_PERCENT = re.compile(r"(?<![\w.,])([-−]?)(\d[\d.,]*)\s*(?:%|percent\b|pct\b)", re.I)  # noqa: RUF001
_OF_USERS = re.compile(rf"\s*(?:of\s+)?(?:[\w-]+\s+){{0,2}}?{USERS}\b", re.I)
_USERS = re.compile(rf"\b{USERS}\b", re.I)
_OF_OTHERS = re.compile(r"\s*(?:error|fail|increase|more|higher|slow|long|latenc|timeout)", re.I)
_OF_UNSAID = re.compile(r"\s*(?:$|[(.])")
_WORD = re.compile(r"[^\W\d_]")
_CLAUSES = re.compile(r";|,(?!\d)")
_MONEY = re.compile(
    rf"(?:US\$|\$|\bUSD)\s*(\d[\d.,]*)\s*({_MULTIPLE})?(?!\w)"
    rf"|(?<![\w.,])(\d[\d.,]*)\s*({_MULTIPLE})?\s*(?:USD|dollars)\b",
    re.I,
)
_RATE = re.compile(r"\s*(?:/|per\b|an?\s+(?:hour|minute|day)\b)", re.I)
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
_LINK = re.compile(r"\[[^\[\]]*\]\(([^()\s]+)\)")
_DENIED = re.compile(r"(?:\bnot|n't|\bnever|\bno)\s+(?:\w+\s+)?$")
_EPIC = re.compile(rf"\bepic:?\s+({TICKET.pattern})", re.I)
_LEVEL = "|".join(get_args(MaturityLevel))
_GOAL = re.compile(rf"\b(?:target|to|reach)\b:?\s+(?:\w+\s+)?({_LEVEL})\b|\b({_LEVEL})\b")
_ITEM = re.compile(r"(.*\S)\s*\(([^()]*)\)", re.S)
_DUE = re.compile(r"(?:due:?\s+(?:by\s+|on\s+)?(.+)|(\d{4}-\d{2}-\d{2}))", re.I | re.S)


def fix_classes(text: str) -> list[str]:
    """Every class that the text names; other parts are skipped."""
    return mentioned(text, "fix_class") or split(text, "+;,&")


def contributing_factors(text: str) -> list[dict[str, str | None]]:
    """The factors of each clause; its text becomes a note of the first one.

    `missing_tests`, `missing_tests (retry client)` and `retry client has no tests` are all read.
    What maps to nothing is `other`.
    """
    return [factor for clause in split(text, ";") for factor in _factors(clause)]


def _factors(clause: str) -> list[dict[str, str | None]]:
    choices, parts = terms("contributing_factor"), split(clause, ",")
    if parts and all(slug(part) in choices for part in parts):
        return [{"factor": slug(part), "note": None} for part in parts]
    named, _, rest = clause.partition("(" if clause.endswith(")") else ":")
    if rest and slug(named) in choices:
        return [{"factor": slug(named), "note": rest.removesuffix(")").strip() or None}]
    first, *others = mentioned(clause, "contributing_factor") or ["other"]
    return [{"factor": first, "note": clause}, *({"factor": f, "note": None} for f in others)]


def ai_code_of_factors(text: str) -> dict[str, bool | None] | None:
    """A clause that names AI-generated code and missing tests is about the same code."""
    clauses = ({factor["factor"] for factor in _factors(clause)} for clause in split(text, ";"))
    is_untested = any({"ai_generated_code", "missing_tests"} <= clause for clause in clauses)
    return {"present": True, "has_tests": False} if is_untested else None


def slos(text: str) -> list[dict[str, Any]]:
    """Objectives separated by comma or semicolon."""
    return [_objective(part) for part in split(text, ",;")]


def add_to_slos(slos: list[dict[str, Any]], key: str, values: list[tuple[str | None, Any]]) -> None:
    """Add burn rates or charts to the objectives of their types, or as objectives of their own.

    Without a type, it belongs to the only objective, or, if a chart, to all.
    """
    for kind, value in values:
        is_for_all = kind is None and key == "chart_url"
        is_clear = kind or is_for_all or len(slos) == 1
        open_ones = [slo for slo in slos if is_clear and slo.get(key) is None]
        meant = [slo for slo in open_ones if kind in (None, slo["type"])]
        if not meant:
            slos.append({"type": kind, key: value})
        for slo in meant if is_for_all else meant[:1]:
            slo[key] = value


def _objective(text: str) -> dict[str, Any]:
    """One objective, with the type that it names.

    A percentage is the target only if the words say so (`availability 99.9% breached`), and never
    for an error rate, where it could as well be what was measured.
    """
    kind = next(iter(mentioned(text, "slo_type")), None)
    burn = _BURN_WITHIN.search(text)
    target = _TARGET_WITHIN.search(text) if kind != "error_rate" else None
    return {
        "name": text,
        "type": kind,
        "target": number(target[1] or target[2]) if target else None,
        "burn_rate": number(burn[1]) if burn else None,
    }


def charts(text: str) -> list[tuple[str | None, str]]:
    """(type or None, address) of `https://...` and `latency https://..., availability https://...`."""
    return [(kind, value.strip("<>")) for kind, value in _typed(_LINK.sub(r"\1", text))]


def burn_rates(text: str) -> list[tuple[str | None, float]]:
    """(type or None, rate) of `14.4x` and `latency 14.4, availability 6`."""
    plain = re.sub(r"\s*[x×]\b", "", text)  # noqa: RUF001
    return [(kind, number(value)) for kind, value in _typed(plain)]


def _typed(text: str) -> Iterator[tuple[str | None, str]]:
    for part in re.split(r"[,;]\s+", text.strip()) if text.strip() else ():
        *words, value = part.split()
        kind = one_term(" ".join(words).rstrip(":"), "slo_type") if words else None
        if kind and kind not in terms("slo_type"):
            fix = f"write such as 14.4x, or latency 14.4; types are {', '.join(terms('slo_type'))}"
            raise invalid("names no type of objective", fix)
        yield kind, value


def users_percent(text: str) -> float | None:
    """The percentage of users or traffic that the text states, 0 to 100."""
    if text.strip().rstrip(".").lower() in NO_IMPACT:
        return 0
    if _RANGE.search(text):
        raise invalid("holds a range", "write one number, the best estimate")
    unclear = ""
    for clause in _CLAUSES.split(text):
        for match in _PERCENT.finditer(clause):
            before, after = clause[: match.start()], clause[match.end() :]
            is_of_users = _OF_USERS.match(after)
            is_of_users = is_of_users or (_USERS.search(before) and not _OF_OTHERS.match(after))
            if is_of_users or (_OF_UNSAID.match(after) and not _WORD.search(before)):
                percent = number(match[2])
                if match[1] or percent > 100:
                    fix = "write the share of users between 0 and 100"
                    raise invalid(f"{match[0]} is not a share", fix)
                return percent
            unclear = unclear or match[0]
    if unclear:
        raise invalid(f"{unclear} doesn't say of what", f"write such as {unclear} of users")
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
                raise invalid(f"{match[0].strip()} is a rate, not an amount", fix)
            digits, multiple = match[1] or match[3], (match[2] or match[4] or "").lower()
            amount = round(number(digits) * MULTIPLES[multiple[:1]], 2)
            amounts.append((bool(REVENUE.search(clause)), amount))
    if not amounts and CURRENCIES.search(text):
        raise invalid("has an amount that can't be read", fix)
    # The first amount that is called revenue, else the first one.
    return max(amounts, key=lambda amount: amount[0])[1] if amounts else None


def impact(text: str) -> dict[str, Any]:
    """Share of users, lost revenue and the regulations that the text names and doesn't deny."""
    return {
        "users_percent": users_percent(text),
        "revenue_usd": revenue_usd(text),
        "regulatory": stated_regulations(text),
    }


def regulations(text: str) -> list[str]:
    """The regulations in a bullet of their own."""
    return stated_regulations(text) or split(text, ",;")


def stated_regulations(text: str) -> list[str]:
    """Those that the text names and doesn't deny."""
    stated = [clause for clause in split(text, ",;") if not re.search(ABSENT, clause.lower())]
    return mentioned(", ".join(stated), "regulation")


def engineer_days(text: str) -> float:
    """`5`, `5 engineer-days`, `2 weeks` (of 5 days) or `4h` (of an 8-hour day)."""
    match = _ESTIMATE.fullmatch(text.strip())
    if not match:
        raise invalid("is not a number of engineer-days", "write such as 5 engineer-days")
    return round(number(match[1]) * DAYS_IN[(match[2] or "d")[0].lower()], 4)


def ai_code(text: str) -> dict[str, bool | None]:
    """`yes, no tests`, `yes, with tests`, `yes` or `no`."""
    is_untested = "missing_tests" in mentioned(text, "contributing_factor")
    has_tests = False if is_untested else True if re.search(r"\btest", text, re.I) else None
    # "no tests" denies the tests, not the code.
    word = re.match(r"\s*(?:(yes|y|true|present)|(?!no tests?\b)(?:no|n|none|false))\b", text, re.I)
    if not word and has_tests is None:
        raise invalid("is neither yes nor no", "write such as `yes, no tests` or `no`")
    if word and not word[1]:
        return {"present": False, "has_tests": None}
    return {"present": True, "has_tests": has_tests}


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
        raise invalid("decides nothing", "write promote, bundle or close")
    goals, mentions = zip(*_GOAL.findall(plain), strict=True) if _GOAL.search(plain) else ("", "")
    levels = set(filter(None, goals)) or set(filter(None, mentions))
    if len(levels) > 1:
        raise invalid("names two maturity levels", "write such as `target Silver maturity`")
    epic = _EPIC.search(text) or TICKET.search(text)
    target = next(iter(levels), None)
    return {
        "action": min(actions)[1],
        "epic": epic[epic.lastindex or 0] if epic else None,
        "target_maturity": target,
    }


def action_items(text: str) -> list[dict[str, Any]]:
    """Action items separated by semicolons."""
    return [_action_item(part) for part in split(text, ";")]


def _action_item(text: str) -> dict[str, Any]:
    """`title (owner, due 2026-03-01, MOD-1)`, the brackets and each of their parts optional.

    An owner alone in the brackets needs an @, otherwise the brackets are part of the title.
    """
    match = _ITEM.fullmatch(text)
    details: dict[str, str] = {}
    for part in split(match[2], ",") if match else []:
        due = _DUE.fullmatch(part)
        key = "due_date" if due else "ref" if TICKET.fullmatch(part) else "owner"
        value = (due[1] or due[2]) if due else part
        if key in details:
            what = f"has two values for {key}: {details[key]} and {value}"
            raise invalid(what, "write such as `title (owner, due 2026-03-01, MOD-1)`")
        details[key] = value
    if not match or (set(details) == {"owner"} and not details["owner"].startswith("@")):
        return {"title": text}
    return {"title": match[1]} | details


def number(text: str) -> float:
    """420,000 and 1.5; a comma that doesn't separate thousands is ambiguous."""
    digits = text.rstrip(".,")
    if not _THOUSANDS.fullmatch(digits) or len(digits) > 18:
        raise invalid(f"{text} can be read in two ways", "write it as 1234.5 or 1,234.5")
    return float(digits.replace(",", ""))
