"""The texts of epics, stories and changes: the templates of `texts/`, filled in.

All output of a template is escaped, unless a filter made it Markdown.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterator
from dataclasses import fields
from datetime import datetime
from pathlib import Path
from typing import Any

from orchestration.epics.candidates import Candidate, Source, service_label, slug
from orchestration.epics.playbooks import Playbooks, filled
from orchestration.ledger import EpicRecord, Evidence
from orchestration.trackers.protocol import EpicDraft, EpicRef
from orchestration.trackers.templates import Markdown, code, environment, link
from orchestration.trackers.text import escape_markdown, one_line

LABEL = "incident-modernization"
TITLE_LIMIT = 250  # Jira and Azure DevOps accept 255 characters.
_SHOWN = 10  # More incidents would be a wall; the tools have them all.
_COPIED = {field.name for field in fields(EpicDraft)} & Candidate.model_fields.keys()
_WINDOWS = {
    "maintenance": "in an agreed maintenance window",
    "canary": "by a canary",
    "feature_flags": "behind a feature flag",
    "none": "at any time",
}
# The mart's lines about a factor, and about its changes.
_FACTOR = re.compile(r"(\w+): (-?[\d.]+) of (-?[\d.]+) points?(?:,\s*|$)(.*)")
_NO_DATA = re.compile(r"(\w+): no data for its (-?[\d.]+) points?")
_CHANGE = re.compile(r"([+-]\d+) (\w+): .*")


def draft_epic(
    candidate: Candidate, playbooks: Playbooks, record: EpicRecord, now: datetime
) -> EpicDraft:
    """The epic to open as `record` for a candidate; ValueError if it has no due date."""
    goal = f" to {one_line(candidate.target_maturity, 20)}" if candidate.target_maturity else ""
    work = [
        (name, "; ".join(p.header.title for p in playbooks.of(name, candidate.change_window)))
        for name in candidate.fix_classes
    ]
    deltas = [match for line in candidate.factor_changes if (match := _CHANGE.match(line))]
    body = _render(
        "epic",
        candidate,
        previous_key=record.previous_key,
        work=work,
        factors=[_factor(line) for line in map(one_line, candidate.reasons)],
        deltas=defaultdict(str, {match[2]: match[1] for match in deltas}),
        is_story=False,
    )
    return _draft(
        candidate,
        record,
        now,
        title=one_line(f"Modernize {record.service}{goal}", TITLE_LIMIT),
        body=body,
        previous_key=record.previous_key,
    )


def draft_stories(
    candidate: Candidate,
    playbooks: Playbooks,
    epic: EpicRecord,
    now: datetime,
    known: Collection[str] = (),
) -> Iterator[EpicDraft]:
    """One story per fix class below the open `epic`, except those whose keys are `known`.

    A story is opened once and never updated: from then on it is the team's. Estimates are of the
    epic, not its parts, so a story has no numbers except the score. ValueError if the candidate has
    no due date.
    """
    parent = EpicRef(epic.key, epic.ref_id or "", epic.url or "")
    values = {"service": slug(candidate.service_id), "owner": one_line(candidate.owner, 100)}
    for fix_class in candidate.fix_classes:
        key = f"{epic.key}-{slug(fix_class)}"
        if key in known:
            continue
        chosen = playbooks.of(fix_class, candidate.change_window)
        topic = chosen[0].header.title if chosen else fix_class.replace("_", " ")
        head = _render(
            "story", candidate, fix_class=fix_class, epic=parent, has_playbook=bool(chosen)
        )
        sections = [f"## {escape_markdown(p.header.title)}\n\n{filled(p, values)}" for p in chosen]
        yield _draft(
            candidate,
            epic,
            now,
            key=key,
            title=one_line(f"{candidate.name}: {topic}", TITLE_LIMIT),
            body="\n\n".join([head, *sections]),
            labels=(LABEL, key),
            parent=parent,
            **dict.fromkeys(("slo_burn", "estimate_days", "budget_usd")),
        )


def change_body(
    candidate: Candidate, before: Evidence | None, shared: EpicRecord | None = None
) -> str:
    """The comment for an epic whose evidence so far is `before` (None: not known).

    shared: the epic of a shared fix, to point to.
    """
    new_ids, old_ids = set(candidate.incident_ids), set(before.incident_ids if before else ())
    by_id = {source.id: source for source in candidate.incident_links}
    new = [by_id.get(key, Source(key)) for key in sorted(new_ids - old_ids)]
    gone = [Source(key) for key in sorted(old_ids - new_ids)]
    return _render("change", candidate, before=before, new=new, gone=gone, shared=shared)


def closing_body(reason: str) -> str:
    """The comment for an epic or a story that is closed as hygiene."""
    return escape_markdown(
        f"Closed as hygiene: {reason}, and nobody has worked on this. An incident that brings "
        "the service above the band again opens a new epic."
    )


def _draft(c: Candidate, epic: EpicRecord, now: datetime, **own: Any) -> EpicDraft:
    """What an epic and its stories have in common, and their `own` fields."""
    if c.due_date is None:
        raise ValueError(f"{c.service_id!r} has no due date")
    values: dict[str, Any] = {
        "key": epic.key,
        "service_id": one_line(c.service_id),
        "service": c.name,
        "change_window": c.change_window if c.change_window != "none" else "",
        "labels": (LABEL, epic.key, *map(service_label, c.members or (c.service_id,))),
        "opened_at": now,
    }
    return EpicDraft(**c.model_dump(include=_COPIED) | values | own)


def _factor(line: str) -> tuple[str, str, str, str]:
    """Name, points, most points and evidence of a factor, from the mart's line about it."""
    if match := _FACTOR.fullmatch(line):
        return match[1], match[2], match[3], match[4]
    if match := _NO_DATA.fullmatch(line):
        return match[1], "", match[2], "no data"
    return "", "", "", line


def _linked(source: Source) -> Markdown:
    """An incident or a postmortem: its title, linked where it has an address, and its id."""
    if title := one_line(source.title, 200):
        return Markdown(f"{link(title, source.url)} {code(source.id)}")
    return link(one_line(source.id, 200), source.url)


def _render(name: str, candidate: Candidate, **values: Any) -> str:
    template = _TEXTS.get_template(f"{name}.md.jinja")
    text = template.render(c=candidate, windows=_WINDOWS, shown=_SHOWN, **values)
    return re.sub(r"\n{3,}", "\n\n", text).strip()


_TEXTS = environment(Path(__file__).parent / "texts")
_TEXTS.filters.update(
    linked=_linked,
    source=lambda item: _linked(
        Source(item.source_id or "", item.evidence_title or "", item.url or "")
    ),
)
