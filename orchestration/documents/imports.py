"""Postmortems of other templates, read by their headings into paydown's front matter.

What is clear is filled in, what isn't is reported and left to people; the text is left unchanged.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

import yaml
from pydantic import ValidationError
from pydantic_core import PydanticCustomError

from orchestration.documents import phrases
from orchestration.documents.outline import Section, sections
from orchestration.documents.postmortem import Postmortem, ignored_keys
from orchestration.documents.problems import DocumentError
from orchestration.documents.references import TICKET
from orchestration.documents.strict import Strict
from orchestration.documents.text import split_front_matter
from orchestration.documents.words import is_blank, mentioned, split
from orchestration.documents.yaml_lines import parse_mapping

# What a postmortem should state, according to the article.
WANTED = (
    "services", "impact", "contributing_factors", "fix_classes", "owner", "decision", "review_date",
)  # fmt: skip
MAX_FACTORS = 20
_IDS = {
    "servicenow": re.compile(r"\b(INC\d{7,})\b"),
    "pagerduty": re.compile(r"pagerduty\.com/incidents/([A-Z0-9]{7,})"),
    "opsgenie": re.compile(r"opsgenie\.com/incident/detail/([\w-]+)"),
}
_BARE_ID = re.compile(r"(?<![\w/.:-])#?(\d{3,}|Q[A-Z0-9]{13})\b(?!-)")
_PREFIX = re.compile(r"(?:post-?\s?mortem|incident report|rca)\s*[:–-]\s*", re.I)  # noqa: RUF001
_SENTENCE = re.compile(r"(?<=[.!?])\s+(?=[A-Z])")
_MONTH = r"[A-Z][a-z]{2,8}"
_DAY = re.compile(rf"\d{{4}}-\d\d-\d\d|\d{{1,2}} {_MONTH} \d{{4}}|{_MONTH} \d{{1,2}} \d{{4}}")
_DAY_FORMATS = ("%Y-%m-%d", "%d %B %Y", "%d %b %Y", "%B %d %Y", "%b %d %Y")
_TIME = re.compile(r"(?<![\d:])([01]?\d|2[0-3]):([0-5]\d)(?!\d)")
_BEGAN = re.compile(r"\b(?:outage|impact|incident|errors?)\b.{0,20}\b(?:beg[ai]n|start)", re.I)
_UTC = re.compile(r"\b(?:utc|gmt)\b|\d\s?Z\b", re.I)

Field = Literal[
    "title", "incident", "date", "services", "owner", "impact_started_at", "impact",
    "contributing_factors", "timeline", "action_items", "status", "prose",
]  # fmt: skip
Column = Literal["title", "owner", "due_date", "ref"]
Parts = dict[str, list[Section]]


class Headings(Strict):
    """Headings and labels of other templates, and the columns of their action items."""

    fields: dict[Field, list[str]]
    columns: dict[Column, list[str]]


@dataclass
class Imported:
    """Front matter and text of a postmortem; `notes` list what was found but is not clear."""

    fields: dict[str, Any]
    body: str
    day: str | None = None
    notes: list[str] = field(default_factory=list)
    unknown_headings: list[str] = field(default_factory=list)

    @property
    def missing(self) -> list[str]:
        """What is left to fill in; without incident and service it can't be read."""
        linked = bool(self.fields.get("incident") or self.fields.get("services"))
        first = [] if linked else ["incident or services (quarantined without)"]
        return first + [key for key in WANTED if not self.fields.get(key)]

    def text(self, comments: list[str]) -> str:
        """The file: comments and fields as front matter, then the text."""
        header = yaml.safe_dump(self.fields, sort_keys=False, allow_unicode=True, width=100)
        return "".join(["---\n", *(f"# {one}\n" for one in comments), header, "---\n", self.body])


def read_foreign(name: str, text: str, headings: Headings) -> Imported:
    """What the text says, as front matter; its own front matter, if unreadable, becomes text."""
    own, body, notes = {}, text, []
    if text.lstrip().split("\n", 1)[0].rstrip() == "---":
        try:
            header, rest = split_front_matter(text)
            own, body = parse_mapping(header).value, rest.text
        except DocumentError as error:
            notes.append(f"its front matter is not read: {error}")
    found, parts = Imported({}, body, notes=notes), sections(body)
    of = _by_field(parts, own, headings, found)
    heading = next((part.title for part in parts if part.title and not part.is_label), name)
    title = _first(of["title"]) or _PREFIX.sub("", heading)
    found.day = _day(_first(of["date"])) or _day(f"{name} {title}")
    statements = [one for part in of["contributing_factors"] for one in _statements(part)]
    fields = {
        "incident": _incidents(of["incident"], f"{name} {title} {body}"),
        "title": title,
        "services": [one for part in of["services"] for line in part.lines for one in _names(line)],
        "failure_mode": next(iter(mentioned(" ".join([title, *statements]), "failure_mode")), None),
        "impact": _impact(found, of),
        "contributing_factors": _factors(of["contributing_factors"]),
        "owner": _first(of["owner"]),
        "status": _first(of["status"]),
        "action_items": [one for part in of["action_items"] for one in _items(part, headings)],
    }
    found.fields = {key: value for key, value in fields.items() if value not in (None, "", [], {})}
    found.fields |= {key: own[key] for key in own if key in Postmortem.model_fields}
    _drop_refused(found)
    found.fields |= {key: own[key] for key in ignored_keys(own)}
    return found


def _by_field(
    parts: list[Section], own: dict[str, Any], headings: Headings, found: Imported
) -> Parts:
    """The sections of each field; a label or front matter key must match its words exactly."""
    words = {_normal(one): key for key, many in headings.fields.items() for one in many}
    of: Parts = {key: [] for key in words.values()}
    for key, value in own.items():
        values = value if isinstance(value, list) else [] if value is None else [value]
        if _normal(key) in words:
            part = Section(key, [str(one) for one in values], is_label=True)
            of[words[_normal(key)]].append(part)
    for number, part in enumerate(parts):
        title = _normal(part.title)
        starts = [one for one in words if f"{title} ".startswith(f"{one} ")]
        starts = starts or [one for one in words if " " in one and f" {one} " in f" {title} "]
        if title in words or (starts and not part.is_label):
            of[words[max(starts, key=len)]].append(part)
        elif title and number > 1 and not part.is_label:
            found.unknown_headings.append(title)
    return of


def _normal(text: str) -> str:
    return " ".join(re.sub(r"[^a-z]+", " ", text.lower()).split())


def _first(parts: list[Section]) -> str:
    return next((line for part in parts for line in part.lines if not is_blank(line)), "")


def _incidents(labelled: list[Section], text: str) -> list[str]:
    refs = [f"{tool}:{one}" for tool, pattern in _IDS.items() for one in pattern.findall(text)]
    labels = " ".join(line for part in labelled if part.is_label for line in part.lines)
    return list(dict.fromkeys(refs or _BARE_ID.findall(labels)))


def _names(line: str) -> list[str]:
    """Names in a list; a sentence isn't one."""
    names = [re.sub(r"\s*<[^<>]*>", "", one).strip(" .") for one in split(line, ",;")]
    return [name for name in names if not is_blank(name) and len(name.split()) <= 4]


def _day(text: str) -> str | None:
    plain = re.sub(r"(?<=\d)(?:st|nd|rd|th)\b|(?<=\w)[.,](?= )", "", text)
    for match in _DAY.finditer(plain):
        for form in _DAY_FORMATS:
            try:
                return datetime.strptime(match[0], form).strftime("%Y-%m-%d")
            except ValueError:
                continue
    return None


def _impact(found: Imported, of: Parts) -> dict[str, Any]:
    text = "; ".join(line for part in of["impact"] for line in part.lines)
    readers: dict[str, Callable[[str], Any]] = {
        "users_percent": phrases.users_percent,
        "revenue_usd": phrases.revenue_usd,
        "regulatory": phrases.stated_regulations,
    }
    impact: dict[str, Any] = {"started_at": _began(found, of)}
    for key, read in readers.items():
        try:
            impact[key] = read(text)
        except PydanticCustomError as error:
            found.notes.append(f"impact.{key}: {error.message()}")
    return {key: value for key, value in impact.items() if value not in (None, [])}


def _began(found: Imported, of: Parts) -> str | None:
    """When the impact began, if the text gives that time in UTC."""
    lines = [line for part in of["timeline"] for line in [part.title, *part.lines]]
    stamps = [line for line in lines if _TIME.search(line)]
    stated = _first(of["impact_started_at"]) or next(filter(_BEGAN.search, stamps), "")
    time, day = _TIME.search(stated), _day(stated) or found.day
    if time and day and _UTC.search(" ".join([stated, *lines])):
        return f"{day}T{time[1]:0>2}:{time[2]}:00Z"
    if stated or stamps:
        line = (stated or stamps[0])[:60]
        found.notes.append(f"impact.started_at: the time in UTC is not clear from {line!r}")
    return None


def _statements(part: Section) -> list[str]:
    sentences = [one for text in part.texts for one in _SENTENCE.split(text)]
    rows = [" ".join(row.values()) for row in part.rows]
    lines = [line.replace(";", ",")[:1000] for line in [*part.items, *rows, *sentences]]
    return [line for line in lines if not is_blank(line)]


def _factors(parts: list[Section]) -> list[dict[str, Any]]:
    """What lists and tables name, and known factors in prose; else its first sentence."""
    found = [(one, one in part.items) for part in parts for one in _statements(part)]
    read = [(f, is_item) for one, is_item in found for f in phrases.contributing_factors(one)]
    clear = [factor for factor, is_item in read if is_item or factor["factor"] != "other"]
    return (clear or [factor for factor, _ in read[:1]])[:MAX_FACTORS]


def _items(part: Section, headings: Headings) -> Iterator[dict[str, Any]]:
    """Action items from a table's columns, and from a list."""
    columns = {_normal(one): key for key, many in headings.columns.items() for one in many}
    rows = [{columns.get(_normal(k), ""): v for k, v in row.items()} for row in part.rows]
    lines = [re.sub(r"^\[[ xX]?\]\s*", "", line).replace(";", ",") for line in part.items]
    for row in [*rows, *({"title": line} for line in lines)]:
        title = row.get("title", "")
        if is_blank(title):
            continue
        owner = row.get("owner") or next(iter(re.findall(r"(?<!\w)@[\w.-]+", title)), "")
        due, ref = _day(row.get("due_date") or title), TICKET.search(f"{row.get('ref')} {title}")
        item: dict[str, Any] = {"owner": owner, "due_date": due, "ref": ref and ref[0]}
        try:
            item |= phrases.action_items(title)[0] if title in lines else {"title": title}
        except PydanticCustomError:
            item["title"] = title
        yield {key: value for key, value in item.items() if not is_blank(value or "")}


def _drop_refused(found: Imported) -> None:
    """Leave out, and note, what paydown would reject, so that the rest can be read."""
    refused: list[Any] = [None]
    while refused:
        refused = []
        try:
            Postmortem.model_validate(found.fields)
        except ValidationError as error:
            refused = [item for item in error.errors() if item["loc"]]
        for item in refused[-1:]:
            place, target = item["loc"], found.fields
            for part in place[:-1]:
                target = target[part]
            del target[place[-1]]
            found.notes.append(f"{'.'.join(map(str, place))}: {item['msg']}")
