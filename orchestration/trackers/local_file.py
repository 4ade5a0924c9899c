"""The Markdown file of an epic: written once, read back, and edited without touching the rest."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time
from typing import Any

import yaml

from orchestration.trackers.protocol import EpicChange, EpicDraft
from orchestration.trackers.text import escape_markdown

DONE_STATUSES = frozenset({"done", "closed", "resolved", "cancelled", "canceled", "deleted"})
_FRONT_MATTER = re.compile(r"\A\ufeff?---[ \t]*\r?\n(.*?)^---[ \t]*\r?$", re.DOTALL | re.MULTILINE)
_EVIDENCE_HEADING = "## Evidence log"
_ABOUT = (
    "Opened by paydown. To close it, set `status: done` and `closed_at` at the top; everything "
    "here is yours to edit. Paydown adds to the evidence log, and writes `score` and `slo_burn`."
)
# The other fields are left out where they don't apply.
_ALWAYS = ("score", "slo_burn", "estimate_days", "budget_usd", "closed_at")


def render_epic(draft: EpicDraft) -> str:
    """The whole file: YAML front matter that tools and people edit, then what the epic is for."""
    blocks = [
        f"# {escape_markdown(draft.title)}",
        _ABOUT,
        draft.body,
        _EVIDENCE_HEADING,
        f"- {draft.scoring_date}: opened with score {draft.score}.",
    ]
    return f"---\n{_front_matter(draft)}---\n\n" + "\n\n".join(filter(None, blocks)) + "\n"


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


def status_name(text: str) -> str:
    """The epic's status, in lower case."""
    return str(read_front_matter(text).get("status", "open")).strip().lower()


def closed_at(text: str) -> datetime | None:
    """When the epic was closed, in UTC; a bare date means the end of that day; None if not stated.

    The end, because an incident of the same day must not open the next epic.
    """
    value = read_front_matter(text).get("closed_at")
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


def with_change(text: str, change: EpicChange) -> str:
    """`text` with the change's score and burn, and its evidence unless that is in the log."""
    read_front_matter(text)
    for name, value in (("score", change.score), ("slo_burn", change.slo_burn)):
        edited = _with_field(text, name, value)
        # A value of several lines would still have its end.
        if edited and read_front_matter(edited).get(name) == value:
            text = edited
    return text if _mark(change) in text else _with_evidence(text, change)


def closed(text: str, change: EpicChange) -> str:
    """`text` with the change, and done at its time; as it is if it holds the change.

    Then it was closed by the same write, and if it is open now, a person reopened it.
    """
    if _mark(change) in text:
        return text
    text = with_change(text, change)
    if status_name(text) in DONE_STATUSES:
        return text
    for name, value in (("status", "done"), ("closed_at", change.at.astimezone(UTC))):
        text = _with_field(text, name, value) or text
    if status_name(text) not in DONE_STATUSES:
        raise ValueError("its `status` is not on a line of its own, close it by hand")
    return text


def _front_matter(draft: EpicDraft) -> str:
    fields = {
        "key": draft.key,
        "title": draft.title,
        "parent": draft.parent.key if draft.parent else None,
        "service": draft.service,
        "service_id": draft.service_id,
        "members": list(draft.members),
        "status": "open",
        "owner": draft.owner,
        "due_date": draft.due_date,
        "score": draft.score,
        "slo_burn": draft.slo_burn,
        "estimate_days": draft.estimate_days,
        "budget_usd": draft.budget_usd,
        "current_maturity": draft.current_maturity or None,
        "target_maturity": draft.target_maturity or None,
        "risks": list(draft.risk_ids),
        "change_window": draft.change_window or None,
        "project": draft.project_key or None,
        "previous": draft.previous_key,
        "labels": list(draft.labels),
        "opened_at": draft.opened_at.astimezone(UTC),
        "closed_at": None,
    }
    kept = {n: v for n, v in fields.items() if n in _ALWAYS or v not in (None, [])}
    return yaml.safe_dump(kept, sort_keys=False, allow_unicode=True, width=1_000_000)


def _with_field(text: str, name: str, value: object) -> str | None:
    """`text` with the field `name` set, on its own line; a remark after the old value stays.

    None when the field is missing or written in an unusual way: a person rearranged it.
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


def _mark(change: EpicChange) -> str:
    """How a change shows in the file, so that it can be found again."""
    return f"`{change.change_id}`"


def _with_evidence(text: str, change: EpicChange) -> str:
    """`text` with `change` at the end of its evidence log, and not one other character touched."""
    end_of_line = "\r\n" if "\r\n" in text else "\n"
    lines = text.splitlines(keepends=True)
    headings = [n for n, line in enumerate(lines) if line.rstrip() == _EVIDENCE_HEADING]
    block = [f"### {change.at:%Y-%m-%d} {_mark(change)}", "", *change.body.split("\n")]
    at = len(lines)
    if headings:
        later = (n for n in range(headings[-1] + 1, len(lines)) if lines[n].startswith("## "))
        at = next(later, len(lines))
    else:
        block = [_EVIDENCE_HEADING, "", *block]
    before = "".join(lines[:at])
    gap = end_of_line if before.endswith(("\n", "\r")) else end_of_line * 2
    if before.endswith(end_of_line * 2):
        gap = ""
    added = gap + end_of_line.join(block) + end_of_line
    after = "".join(lines[at:])
    return before + added + (end_of_line + after if after else "")
