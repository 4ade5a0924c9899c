"""The Markdown file of an epic: written once, read back, and edited without changing the rest."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time
from typing import Any

import yaml

from orchestration.documents.text import split_front_matter
from orchestration.documents.yaml_lines import Document, parse_mapping
from orchestration.trackers.protocol import EpicChange, EpicDraft
from orchestration.trackers.text import escape_markdown

DONE_STATUSES = frozenset({"done", "closed", "resolved", "cancelled", "canceled", "deleted"})
_LOG = "## Evidence log"
_ABOUT = (
    "Opened by paydown. To close it, set `status: done` and `closed_at` at the top; everything "
    "here is yours to edit. Paydown adds to the evidence log, and writes `score` and `slo_burn`."
)
# The other fields are left out if they don't apply.
_ALWAYS = ("score", "slo_burn", "estimate_days", "budget_usd", "closed_at")


class _Dumper(yaml.SafeDumper):
    """Also quotes text that would be read as a number (`1.5e3`, `-.5`)."""


_Dumper.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"[-+]?\d*\.\d*(?:[eE][-+]?\d+)?$"), list("-+.0123456789")
)


def render_epic(draft: EpicDraft) -> str:
    """The complete file: YAML front matter that tools and people edit, then the epic's text."""
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
    opened = f"- {draft.scoring_date}: opened with score {draft.score}."
    blocks = [f"# {escape_markdown(draft.title)}", _ABOUT, draft.body, _LOG, opened]
    return f"---\n{_dumped(kept)}---\n\n" + "\n\n".join(filter(None, blocks)) + "\n"


def read_front_matter(text: str) -> dict[str, Any]:
    """The YAML mapping at the top of a file, as staging reads it. Raises DocumentError."""
    return _front_matter(text).value


def status_name(text: str) -> str:
    """The epic's status, in lower case."""
    return str(read_front_matter(text).get("status", "open")).strip().lower()


def closed_at(text: str) -> datetime | None:
    """When the epic was closed, in UTC; a bare date means the end of that day; None if not stated.

    The end, because an incident of the same day must not open the next epic.
    """
    written = str(read_front_matter(text).get("closed_at") or "")
    if not written:
        return None
    try:
        if len(written) <= len("2026-06-26"):
            return datetime.combine(date.fromisoformat(written), time(23, 59, 59), UTC)
        at = datetime.fromisoformat(written)
    except ValueError:
        fix = "write it as 2026-06-26 or 2026-06-26T16:00:00Z"
        raise ValueError(f"`closed_at` is not a date, {fix}") from None
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)


def with_change(text: str, change: EpicChange) -> str:
    """`text` with the change's score and burn, and its evidence unless the log has it."""
    text = _with_field(text, "score", change.score)
    text = _with_field(text, "slo_burn", change.slo_burn)
    return text if _mark(change) in text else _with_evidence(text, change)


def closed(text: str, change: EpicChange) -> str:
    """`text` with the change, and done at its time; unchanged if it has the change already.

    The same write would have closed it, so if it is open now, a person reopened it.
    """
    if _mark(change) in text:
        return text
    text = with_change(text, change)
    if status_name(text) in DONE_STATUSES:
        return text
    text = _with_field(_with_field(text, "status", "done"), "closed_at", change.at.astimezone(UTC))
    if status_name(text) not in DONE_STATUSES:
        raise ValueError("its `status` is not on a line of its own, close it by hand")
    return text


def _front_matter(text: str) -> Document:
    plain = text.removeprefix("\ufeff").replace("\r\n", "\n")
    return parse_mapping(split_front_matter(plain)[0])


def _dumped(fields: dict[str, Any]) -> str:
    return yaml.dump(fields, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=1_000_000)


def _with_field(text: str, name: str, value: str | float | datetime | None) -> str:
    """`text` with the field `name` set, on its own line; a comment after the old value is kept.

    Unchanged if the field is missing or written in an unusual way: a person rearranged it.
    """
    before = _front_matter(text)
    if name not in before.value:
        return text
    lines = text.split("\n")
    at = before.lines[name,] - 1
    plain = rf"{name}:[ \t]*(?:[^\s#'\"\[{{&*!|>][^#]*?)?(?P<rest>[ \t]*(?:#.*?)?\r?)"
    line = re.fullmatch(plain, lines[at])
    if line is None:
        return text
    lines[at] = _dumped({name: value}).rstrip("\n") + line["rest"]
    edited = "\n".join(lines)
    # The end of a multi-line value would remain.
    read = str(value) if isinstance(value, datetime) else value
    return edited if read_front_matter(edited) == {**before.value, name: read} else text


def _mark(change: EpicChange) -> str:
    """The mark of a change in the file, by which it is found again."""
    return f"`{change.change_id}`"


def _with_evidence(text: str, change: EpicChange) -> str:
    """`text` with `change` at the end of its evidence log, otherwise unchanged."""
    end_of_line = "\r\n" if "\r\n" in text else "\n"
    block = [f"### {change.at:%Y-%m-%d} {_mark(change)}", "", *change.body.split("\n")]
    at = len(text)
    if logs := [*re.finditer(rf"^{_LOG}[ \t]*\r?$", text, re.MULTILINE)]:
        following = re.compile(r"^## ", re.MULTILINE).search(text, logs[-1].end())
        at = following.start() if following else at
    else:
        block = [_LOG, "", *block]
    before, after = text[:at].rstrip("\r\n"), text[at:]
    added = end_of_line * 2 + end_of_line.join(block) + end_of_line
    return before + added + (end_of_line + after if after else "")
