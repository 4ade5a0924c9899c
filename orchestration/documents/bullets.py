"""The bullet template of a postmortem: `# Postmortem: <incident-id>`, then `- Label: text`.

The bullets up to the next heading are the record, the rest of the file is prose. Their text is
brought into the shape of the front matter, so that one model checks both templates.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import partial
from typing import Any

from orchestration.documents import phrases
from orchestration.documents.decisions import action_item, decision
from orchestration.documents.markdown import MAX_CHARACTERS, Bullet, bullets
from orchestration.documents.phrases import Unclear, is_blank, is_nothing, split
from orchestration.documents.problems import Problem
from orchestration.documents.vocabulary import LABELS
from orchestration.documents.yaml_lines import Document

_DASH = re.compile(r"\s+[-–—]\s+")  # noqa: RUF001
_LINK = re.compile(r"\[[^\[\]]*\]\(([^()\s]+)\)")


@dataclass
class _Fields:
    """What has been read so far: front matter, and where each part of it was written."""

    data: dict[str, Any] = field(default_factory=dict)
    lines: dict[tuple[str | int, ...], int] = field(default_factory=dict)
    labels: dict[tuple[str | int, ...], str] = field(default_factory=dict)

    def put(self, bullet: Bullet, value: Any, *place: str) -> None:
        """Set a value below one or two keys, and remember its bullet."""
        *above, key = place
        target = self.data
        for outer in above:
            target = target.setdefault(outer, {})
        target[key] = value
        self.mark(bullet, *place)

    def mark(self, bullet: Bullet, *place: str | int, line: int | None = None) -> None:
        self.lines[place] = line or bullet.line
        self.labels[place] = bullet.label

    def add(self, bullet: Bullet, key: str, entry: Any, line: int) -> None:
        entries = self.data.setdefault(key, [])
        self.mark(bullet, key, len(entries), line=line)
        entries.append(entry)


def read_bullets(text: str) -> tuple[Document, list[Problem]]:
    """The postmortem's fields in the shape of the front matter, and what could not be read.

    Raises:
        DocumentError: the text has no `# Postmortem:` heading, or bullets without end.
    """
    fields, problems = _Fields(), []
    seen: dict[str, Bullet] = {}

    def attempt(bullet: Bullet, step: Callable[[], None]) -> None:
        try:
            step()
        except Unclear as error:
            problems.append(Problem(bullet.line, bullet.label, bullet.text, error.what, error.fix))

    for bullet in bullets(text):
        attempt(bullet, partial(_register, bullet, seen))
    # In the order of the table, so that a burn rate finds its objective wherever it is written.
    for key, read in _READ.items():
        if (bullet := seen.get(key)) and not is_blank(bullet.text):
            attempt(bullet, partial(_read_checked, read, fields, bullet))
    fields.lines.setdefault((), 1)
    return Document(fields.data, fields.lines, fields.labels), problems


def _register(bullet: Bullet, seen: dict[str, Bullet]) -> None:
    """Note the bullet under the field that its label names; prose has no such label."""
    label = " ".join(bullet.label.lower().replace("_", " ").split())
    if label not in LABELS:
        if close := get_close_matches(label, LABELS, n=1, cutoff=0.8):
            raise Unclear("is not a known label", f"write `{close[0]}:`")
        return
    key = LABELS[label]
    if key in seen:
        raise Unclear(f"is given twice, first on line {seen[key].line}", "keep one of them")
    seen[key] = bullet


def _read_checked(read: Callable[[_Fields, Bullet], None], fields: _Fields, bullet: Bullet) -> None:
    if len(bullet.text) > MAX_CHARACTERS:
        what = f"is {len(bullet.text):,} characters, the limit is {MAX_CHARACTERS:,}"
        raise Unclear(what, "move the prose below the bullets")
    read(fields, bullet)


def _heading(fields: _Fields, bullet: Bullet) -> None:
    references, *title = _DASH.split(bullet.text, maxsplit=1)
    if not is_blank(references):
        fields.put(bullet, split(references, ",;"), "incident")
    if title:
        fields.put(bullet, title[0], "title")


def _as_written(key: str) -> Callable[[_Fields, Bullet], None]:
    return lambda fields, bullet: fields.put(bullet, bullet.text, key)


def _listed(key: str) -> Callable[[_Fields, Bullet], None]:
    def read(fields: _Fields, bullet: Bullet) -> None:
        names = [] if is_nothing(bullet.text) else split(bullet.text, ",;")
        fields.put(bullet, names, key)

    return read


def _read_with(key: str, function: Callable[[str], Any]) -> Callable[[_Fields, Bullet], None]:
    return lambda fields, bullet: fields.put(bullet, function(bullet.text), key)


def _impact(fields: _Fields, bullet: Bullet) -> None:
    fields.put(bullet, phrases.users_percent(bullet.text), "impact", "users_percent")
    fields.put(bullet, phrases.revenue_usd(bullet.text), "impact", "revenue_usd")
    _add_regulations(fields, bullet, phrases.regulations(bullet.text))


def _regulatory(fields: _Fields, bullet: Bullet) -> None:
    found = phrases.regulations(bullet.text)
    if not found and not is_nothing(bullet.text):
        raise Unclear("names no regulation", "write PCI, SOX, PHI or none")
    _add_regulations(fields, bullet, found)


def _add_regulations(fields: _Fields, bullet: Bullet, found: list[str]) -> None:
    stated = fields.data.get("impact", {}).get("regulatory", [])
    fields.put(bullet, stated + found, "impact", "regulatory")


def _factors(fields: _Fields, bullet: Bullet) -> None:
    if is_nothing(bullet.text):
        return
    for line, part in bullet.parts:
        for clause in split(part, ";"):
            factors = list(phrases.contributing_factors(clause))
            for factor in factors:
                fields.add(bullet, "contributing_factors", factor, line)
            # One clause that says both is about the same code; the bullet AI code overrules it.
            if {"ai_generated_code", "missing_tests"} <= {f["factor"] for f in factors}:
                code = {"present": True, "has_tests": False}
                fields.data.setdefault("ai_generated_code", code)


def _fix_classes(fields: _Fields, bullet: Bullet) -> None:
    if not is_nothing(bullet.text):
        fields.put(bullet, phrases.fix_classes(bullet.text), "fix_classes")


def _impact_started_at(fields: _Fields, bullet: Bullet) -> None:
    fields.put(bullet, bullet.text, "impact", "started_at")


def _slos(fields: _Fields, bullet: Bullet) -> None:
    if not is_nothing(bullet.text):
        for slo in phrases.slos(bullet.text):
            fields.add(bullet, "slos", slo, bullet.line)


def _burn_rate(fields: _Fields, bullet: Bullet) -> None:
    """A rate goes to the objective of its type; one without a type to the only objective."""
    for kind, rate in phrases.burn_rates(bullet.text):
        _put_on_slo(fields, bullet, "burn_rate", rate, kind)


def _chart_url(fields: _Fields, bullet: Bullet) -> None:
    """An address goes to the objective of the type before it; one without a type to all."""
    for part in re.split(r"[,;]\s+", _LINK.sub(r"\1", bullet.text)):
        *words, address = part.split()
        address = address.strip("<>")
        slos = fields.data.get("slos", [])
        if words or not slos:
            kind = phrases.slo_type(" ".join(words).rstrip(":")) if words else None
            _put_on_slo(fields, bullet, "chart_url", address, kind)
        for place, slo in enumerate(slos):
            if not words and slo.get("chart_url") is None:
                slo["chart_url"] = address
                fields.mark(bullet, "slos", place, "chart_url")


def _put_on_slo(fields: _Fields, bullet: Bullet, key: str, value: Any, kind: str | None) -> None:
    slos = fields.data.get("slos", [])
    fitting = [
        place
        for place, slo in enumerate(slos)
        if slo.get(key) is None and (len(slos) == 1 if kind is None else slo.get("type") == kind)
    ]
    if fitting:
        slos[fitting[0]][key] = value
        fields.mark(bullet, "slos", fitting[0], key)
    else:
        fields.add(bullet, "slos", {"type": kind, key: value}, bullet.line)


def _action_items(fields: _Fields, bullet: Bullet) -> None:
    if is_nothing(bullet.text):
        return
    for line, part in bullet.parts:
        for clause in split(part, ";"):
            fields.add(bullet, "action_items", action_item(clause), line)


# Field -> how the text of its bullet is read; what builds on another field stands below it.
_READ: dict[str, Callable[[_Fields, Bullet], None]] = {
    "incident": _heading,
    "title": _as_written("title"),
    "services": _listed("services"),
    "causal_service": _as_written("causal_service"),
    "failure_mode": _read_with("failure_mode", phrases.failure_mode),
    "slos": _slos,
    "burn_rate": _burn_rate,
    "chart_url": _chart_url,
    "impact": _impact,
    "impact_started_at": _impact_started_at,
    "regulatory": _regulatory,
    "contributing_factors": _factors,
    "ai_generated_code": _read_with("ai_generated_code", phrases.ai_code),
    "commits": _listed("commits"),
    "fix_classes": _fix_classes,
    "estimate_days": _read_with("estimate_days", phrases.engineer_days),
    "required_window": _read_with("required_window", phrases.required_window),
    "owner": _as_written("owner"),
    "decision": _read_with("decision", decision),
    "risk_ids": _listed("risk_ids"),
    "review_date": _as_written("review_date"),
    "completed_at": _as_written("completed_at"),
    "action_items": _action_items,
}
