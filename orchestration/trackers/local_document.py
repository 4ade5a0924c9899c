"""The Markdown file of an epic: written once, read back, and given more evidence."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time
from typing import Any

import yaml

from orchestration.trackers.protocol import EpicChange, EpicDraft
from orchestration.trackers.text import markdown, markdown_link

DONE_STATUSES = frozenset({"done", "closed", "resolved", "cancelled", "canceled", "deleted"})
_EVIDENCE_HEADING = "## Evidence log"
_FRONT_MATTER = re.compile(r"\A\ufeff?---[ \t]*\r?\n(.*?)^---[ \t]*\r?$", re.DOTALL | re.MULTILINE)
_FACTOR_LINE = re.compile(r"(\w+): (-?[\d.]+) of (-?[\d.]+) points?(?:,\s*|$)(.*)")


def render_epic(draft: EpicDraft) -> str:
    """The whole file: YAML front matter that tools and people edit, then what the epic is for."""
    blocks = [
        f"# {markdown(draft.title)}",
        "Opened by paydown. To close this epic, set `status: done` and `closed_at` at the top; "
        "everything here is yours to edit, paydown only adds to the evidence log.",
    ]
    if draft.previous_key:
        blocks.append(f"An earlier epic was closed and did not hold: `{draft.previous_key}`.")
    blocks += ["## Why", _score_line(draft.score, draft.band, draft.rubric_hash)]
    blocks[-1] += f" {draft.coverage:.0%} of the weight rests on data."
    blocks.append(_why_table(draft.why))
    blocks += ["## Incidents", _bullets(draft.incident_ids, "None in the window.")]
    if draft.postmortem_ids:
        blocks += ["## Postmortems", _bullets(draft.postmortem_ids, "")]
    if draft.risk_ids:
        blocks += ["## Risk register", _bullets(draft.risk_ids, "")]
    if draft.fix_classes:
        blocks += ["## Fix classes", _bullets(draft.fix_classes, "")]
    blocks += [
        f"## Exit criteria: {markdown(draft.target_maturity or 'target maturity')}",
        "\n".join(f"- [ ] {markdown(criterion)}" for criterion in draft.exit_criteria),
    ]
    if draft.links:
        links = (f"- {markdown_link(link.title, link.url)}" for link in draft.links)
        blocks += ["## Links", "\n".join(links)]
    blocks += [_EVIDENCE_HEADING, f"- {draft.scoring_date}: opened with score {draft.score}."]
    return f"---\n{_front_matter(draft)}---\n\n" + "\n\n".join(blocks) + "\n"


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


def read_closed_at(value: object) -> datetime | None:
    """When a person says that the epic was closed, in UTC; a bare date means the end of that day.

    The end, because an incident of the same day must not open the next epic. None when not said.
    """
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


def change_mark(change_id: str) -> str:
    """How a change shows in the file, so that it can be found again."""
    return f"`{change_id}`"


def add_evidence(text: str, change: EpicChange) -> str:
    """`text` with `change` at the end of its evidence log, and not one other character touched."""
    end_of_line = "\r\n" if "\r\n" in text else "\n"
    lines = text.splitlines(keepends=True)
    headings = [n for n, line in enumerate(lines) if line.rstrip() == _EVIDENCE_HEADING]
    block = _render_change(change)
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


def _render_change(change: EpicChange) -> list[str]:
    was = "" if change.previous_score is None else f", was {change.previous_score}"
    lines = [
        f"### {change.at:%Y-%m-%d}: score {change.score}{was} {change_mark(change.change_id)}",
        "",
        _score_line(change.score, change.band, change.rubric_hash),
        "",
    ]
    if change.new_incident_ids:
        lines.append(f"- New incidents: {_comma_list(change.new_incident_ids)}")
    if change.left_incident_ids:
        lines.append(f"- No longer in the window: {_comma_list(change.left_incident_ids)}")
    return lines + [f"- {markdown(line)}" for line in change.why]


def _front_matter(draft: EpicDraft) -> str:
    fields = {
        "key": draft.key,
        "title": draft.title,
        "service": draft.service,
        "service_id": draft.service_id,
        "status": "open",
        "owner": draft.owner,
        "due_date": draft.due_date,
        "estimate_days": draft.estimate_days,
        "budget_usd": draft.budget_usd,
        "current_maturity": draft.current_maturity or None,
        "target_maturity": draft.target_maturity or None,
        "score_at_opening": draft.score,
        "project": draft.project_key or None,
        "previous": draft.previous_key,
        "labels": list(draft.labels),
        "opened_at": draft.opened_at.astimezone(UTC),
        "closed_at": None,
    }
    return yaml.safe_dump(fields, sort_keys=False, allow_unicode=True, width=1_000_000)


def _score_line(score: int, band: str, rubric_hash: str) -> str:
    return f"Score {score}, band {markdown(band)}, rubric {markdown(rubric_hash)}."


def _why_table(why: tuple[str, ...]) -> str:
    rows = ["| Factor | Points | Of | Evidence |", "| --- | ---: | ---: | --- |"]
    for line in why:
        match = _FACTOR_LINE.fullmatch(line)
        factor, points, most, evidence = match.groups() if match else ("", "", "", line)
        rows.append(f"| {markdown(factor)} | {points} | {most} | {markdown(evidence)} |")
    return "\n".join(rows)


def _bullets(items: tuple[str, ...], if_none: str) -> str:
    return "\n".join(f"- {markdown(item)}" for item in items) or if_none


def _comma_list(items: tuple[str, ...]) -> str:
    return ", ".join(markdown(item) for item in items)
