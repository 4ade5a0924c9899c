"""The bullet template of a postmortem: `# Postmortem: <incident-id>`, then `- Label: text`.

The bullets up to the next heading are the record, the rest of the file is prose. Their text is
brought into the shape of the front matter, so that one model checks both templates.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any

from orchestration.documents import phrases
from orchestration.documents.problems import DocumentError, Problem
from orchestration.documents.words import Unclear, is_blank, is_nothing, labels, one_term, split
from orchestration.documents.yaml_lines import Document

# Of one bullet; it is longer in `Bullet.text`, so that a reader can refuse it.
MAX_CHARACTERS = 4_000
MAX_BULLETS = 200
# Blanks before a bullet that belongs to the one above it.
NESTED_FROM = 2
# The label of the heading, which is read like a bullet.
HEADING = "Postmortem"

_TITLE = re.compile(r"#\s*post-?\s?mortem\s*(?::|-|–|—)?\s*(.*)", re.I)  # noqa: RUF001
_NEXT_HEADING = re.compile(r"#{1,6}\s")
_BULLET = re.compile(r"(\s*)[-*+•]\s+(.*)")
_LABEL = re.compile(r"\**([A-Za-z][A-Za-z /_-]{0,39}?)\s*\**\s*:(?!//)\**\s*(.*)", re.S)
_COMMENT = re.compile(r"<!--.*?-->", re.S)
_DASH = re.compile(r"\s+[-–—]\s+")  # noqa: RUF001
_LINK = re.compile(r"\[[^\[\]]*\]\(([^()\s]+)\)")


@dataclass
class Bullet:
    """A labelled bullet; `parts` are its text and that of the bullets below it, each with line."""

    label: str
    line: int
    parts: list[tuple[int, str]]

    @property
    def text(self) -> str:
        return "; ".join(text for _, text in self.parts if text)

    @property
    def clauses(self) -> list[tuple[int, str]]:
        """What semicolons and nested bullets part, each with its line."""
        return [(line, clause) for line, part in self.parts for clause in split(part, ";")]


def find_bullets(text: str) -> list[Bullet]:
    """The heading as a bullet labelled Postmortem, then every labelled bullet below it.

    Raises:
        DocumentError: no `# Postmortem:` heading, or more than `MAX_BULLETS` bullets.
    """
    lines = iter(enumerate(_without_comments_and_code(text), start=1))
    found: list[Bullet] = []
    for number, line in lines:
        if title := _TITLE.fullmatch(line.strip()):
            found.append(Bullet(HEADING, number, [(number, title[1])]))
            break
    else:
        first = next((line for line in text.split("\n") if line.strip()), "")
        what = "is neither of the two postmortem templates"
        fix = "begin it with `# Postmortem: <incident-id>`, or with front matter between ---"
        raise DocumentError(Problem(1, "document", first, what, fix))
    current: Bullet | None = None
    for number, line in lines:
        if _NEXT_HEADING.match(line):
            break
        item = _BULLET.fullmatch(line)
        if item and len(item[1]) < NESTED_FROM:
            label = _LABEL.fullmatch(item[2].strip())
            current = (
                Bullet(label[1].strip(), number, [(number, label[2].strip())]) if label else None
            )
            found += [current] if current else []
            if len(found) > MAX_BULLETS:
                what = f"more than {MAX_BULLETS} labelled bullets"
                fix = "put a heading, such as `## Timeline`, below the fields"
                raise DocumentError(Problem(number, "document", line, what, fix))
        elif item and current:
            current.parts.append((number, item[2].strip()))
        elif current and line[:1].isspace() and line.strip():
            start, words = current.parts[-1]
            if len(words) <= MAX_CHARACTERS:
                current.parts[-1] = (start, f"{words} {line.strip()}".strip())
    return found


def _without_comments_and_code(text: str) -> list[str]:
    """The lines of the text; those of comments and fenced code are empty."""
    lines, is_code = [], False
    for line in _COMMENT.sub(lambda comment: "\n" * comment[0].count("\n"), text).split("\n"):
        is_fence = line.lstrip().startswith(("```", "~~~"))
        lines.append("" if is_code or is_fence else line)
        is_code = is_code != is_fence
    return lines


@dataclass
class _Fields:
    """What has been read so far: front matter, and where each part of it was written."""

    data: dict[str, Any] = field(default_factory=dict)
    lines: dict[tuple[str | int, ...], int] = field(default_factory=lambda: {(): 1})
    labels: dict[tuple[str | int, ...], str] = field(default_factory=dict)

    def put(self, bullet: Bullet, value: Any, *place: str | int, line: int | None = None) -> None:
        """Set a value, and note its bullet; a number counts the entries of a list."""
        *above, key = place
        target: Any = self.data
        for part in above:
            target = target.setdefault(part, {}) if isinstance(target, dict) else target[part]
        target[key] = value
        self.lines[place] = line or bullet.line
        self.labels[place] = bullet.label

    def add(self, bullet: Bullet, key: str, entry: Any, line: int | None = None) -> None:
        """Append to a list."""
        entries = self.data.setdefault(key, [])
        entries.append(None)
        self.put(bullet, entry, key, len(entries) - 1, line=line)


def read_bullets(text: str) -> tuple[Document, list[Problem]]:
    """The postmortem's fields in the shape of the front matter, and what could not be read.

    Raises:
        DocumentError: the text has no `# Postmortem:` heading, or bullets without end.
    """
    fields, problems = _Fields(), []
    seen: dict[str, Bullet] = {}
    for bullet in find_bullets(text):
        try:
            _register(bullet, seen)
        except Unclear as error:
            problems.append(Problem(bullet.line, bullet.label, bullet.text, error.what, error.fix))
    # In the order of the table, so that a burn rate finds its objective wherever it is written.
    for key, read in _READ.items():
        bullet = seen.get(key)
        if bullet is None or is_blank(bullet.text):
            continue
        try:
            if len(bullet.text) > MAX_CHARACTERS:
                what = f"is {len(bullet.text):,} characters, the limit is {MAX_CHARACTERS:,}"
                raise Unclear(what, "move the prose below the bullets")
            read(fields, bullet)
        except Unclear as error:
            problems.append(Problem(bullet.line, bullet.label, bullet.text, error.what, error.fix))
    return Document(fields.data, fields.lines, fields.labels), problems


def _register(bullet: Bullet, seen: dict[str, Bullet]) -> None:
    """Note the bullet under the field that its label names; prose has no such label."""
    label = " ".join(bullet.label.lower().replace("_", " ").split())
    if label not in labels():
        if close := get_close_matches(label, labels(), n=1, cutoff=0.8):
            raise Unclear("is not a known label", f"write `{close[0]}:`")
        return
    key = labels()[label]
    if key in seen:
        raise Unclear(f"is given twice, first on line {seen[key].line}", "keep one of them")
    seen[key] = bullet


def _value(key: str, read: Callable[[str], Any] = str) -> Callable[[_Fields, Bullet], None]:
    return lambda fields, bullet: fields.put(bullet, read(bullet.text), key)


def _listed(text: str) -> list[str]:
    return [] if is_nothing(text) else split(text, ",;")


def _heading(fields: _Fields, bullet: Bullet) -> None:
    references, *title = _DASH.split(bullet.text, maxsplit=1)
    if not is_blank(references):
        fields.put(bullet, split(references, ",;"), "incident")
    if title:
        fields.put(bullet, title[0], "title")


def _impact(fields: _Fields, bullet: Bullet) -> None:
    fields.put(bullet, phrases.users_percent(bullet.text), "impact", "users_percent")
    fields.put(bullet, phrases.revenue_usd(bullet.text), "impact", "revenue_usd")
    fields.put(bullet, phrases.regulations(bullet.text), "impact", "regulatory")


def _regulatory(fields: _Fields, bullet: Bullet) -> None:
    found = phrases.regulations(bullet.text)
    if not found and not is_nothing(bullet.text):
        raise Unclear("names no regulation", "write PCI, SOX, PHI or none")
    stated = fields.data.get("impact", {}).get("regulatory", [])
    fields.put(bullet, stated + found, "impact", "regulatory")


def _factors(fields: _Fields, bullet: Bullet) -> None:
    for line, clause in [] if is_nothing(bullet.text) else bullet.clauses:
        factors = phrases.contributing_factors(clause)
        for factor in factors:
            fields.add(bullet, "contributing_factors", factor, line)
        # One clause that says both is about the same code; the bullet AI code overrules it.
        if {"ai_generated_code", "missing_tests"} <= {f["factor"] for f in factors}:
            fields.data["ai_generated_code"] = {"present": True, "has_tests": False}


def _fix_classes(fields: _Fields, bullet: Bullet) -> None:
    if not is_nothing(bullet.text):
        fields.put(bullet, phrases.fix_classes(bullet.text), "fix_classes")


def _slos(fields: _Fields, bullet: Bullet) -> None:
    for slo in [] if is_nothing(bullet.text) else phrases.slos(bullet.text):
        fields.add(bullet, "slos", slo)


def _burn_rate(fields: _Fields, bullet: Bullet) -> None:
    """A rate goes to the objective of its type; one without a type to the only objective."""
    for kind, rate in phrases.burn_rates(bullet.text):
        _put_on_slo(fields, bullet, "burn_rate", rate, kind)


def _chart_url(fields: _Fields, bullet: Bullet) -> None:
    """An address goes to the objective of the type before it; one without a type to all."""
    for part in re.split(r"[,;]\s+", _LINK.sub(r"\1", bullet.text)):
        *said, address = part.split()
        address = address.strip("<>")
        slos = fields.data.get("slos", [])
        if said or not slos:
            kind = one_term(" ".join(said).rstrip(":"), "slo_type") if said else None
            _put_on_slo(fields, bullet, "chart_url", address, kind)
        for place, slo in enumerate(slos):
            if not said and slo.get("chart_url") is None:
                fields.put(bullet, address, "slos", place, "chart_url")


def _put_on_slo(fields: _Fields, bullet: Bullet, key: str, value: Any, kind: str | None) -> None:
    slos = fields.data.get("slos", [])
    for place, slo in enumerate(slos):
        is_meant = len(slos) == 1 if kind is None else slo.get("type") == kind
        if is_meant and slo.get(key) is None:
            fields.put(bullet, value, "slos", place, key)
            return
    fields.add(bullet, "slos", {"type": kind, key: value})


def _action_items(fields: _Fields, bullet: Bullet) -> None:
    for line, clause in [] if is_nothing(bullet.text) else bullet.clauses:
        fields.add(bullet, "action_items", phrases.action_item(clause), line)


# Field -> how the text of its bullet is read; what builds on another field stands below it.
_READ: dict[str, Callable[[_Fields, Bullet], None]] = {
    "incident": _heading,
    "title": _value("title"),
    "services": _value("services", _listed),
    "causal_service": _value("causal_service"),
    "failure_mode": _value("failure_mode", lambda text: one_term(text, "failure_mode")),
    "slos": _slos,
    "burn_rate": _burn_rate,
    "chart_url": _chart_url,
    "impact": _impact,
    "impact_started_at": lambda f, bullet: f.put(bullet, bullet.text, "impact", "started_at"),
    "regulatory": _regulatory,
    "contributing_factors": _factors,
    "ai_generated_code": _value("ai_generated_code", phrases.ai_code),
    "commits": _value("commits", _listed),
    "fix_classes": _fix_classes,
    "estimate_days": _value("estimate_days", phrases.engineer_days),
    "required_window": _value("required_window", lambda text: one_term(text, "required_window")),
    "owner": _value("owner"),
    "decision": _value("decision", phrases.decision),
    "risk_ids": _value("risk_ids", _listed),
    "review_date": _value("review_date"),
    "completed_at": _value("completed_at"),
    "action_items": _action_items,
}
