"""The Markdown file of an epic: written once, read back, and given more evidence."""

from __future__ import annotations

from datetime import UTC

import yaml

from orchestration.trackers import markdown_body
from orchestration.trackers.document import Document
from orchestration.trackers.front_matter import sealed
from orchestration.trackers.protocol import EpicChange, EpicDraft
from orchestration.trackers.text import markdown

_EVIDENCE_HEADING = "## Evidence log"
_ABOUT = (
    "Opened by paydown. To close it, set `status: done` and `closed_at` at the top; everything "
    "here is yours to edit, paydown only adds to the evidence log and keeps figures true that "
    "nobody edited."
)


def render_epic(draft: EpicDraft) -> str:
    """The whole file: YAML front matter that tools and people edit, then what the epic is for."""
    blocks = [
        f"# {markdown(draft.title)}",
        _ABOUT,
        markdown_body.render(draft.body),
        _EVIDENCE_HEADING,
        f"- {draft.scoring_date}: opened with score {draft.figures.score}.",
    ]
    return sealed(f"---\n{_front_matter(draft)}---\n\n" + "\n\n".join(blocks) + "\n")


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
    heading = f"### {change.at:%Y-%m-%d} {change_mark(change.change_id)}"
    return [heading, "", *_lines(change.body)]


def _lines(body: Document) -> list[str]:
    return markdown_body.render(body, level=4).split("\n")


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
        "score": draft.figures.score,
        "slo_burn": draft.figures.slo_burn,
        "estimate_days": draft.figures.estimate_days,
        "budget_usd": draft.figures.budget_usd,
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
    # What doesn't apply is left out, but for what people may fill in.
    kept = {n: v for n, v in fields.items() if n in _ALWAYS or v not in (None, [])}
    return yaml.safe_dump(kept, sort_keys=False, allow_unicode=True, width=1_000_000)


_ALWAYS = ("score", "slo_burn", "estimate_days", "budget_usd", "closed_at")
