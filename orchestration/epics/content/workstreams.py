"""The stories below an epic: one for each class of fix that its postmortems ask for."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from orchestration.epics.candidates import Candidate
from orchestration.epics.content.body import facts
from orchestration.epics.content.document import LABEL, TITLE_LIMIT, draft_epic, slug
from orchestration.epics.content.playbook_blocks import playbook_blocks
from orchestration.epics.content.playbooks import Playbook, Playbooks, read_playbooks
from orchestration.trackers.document import Block, Document, Heading, Paragraph, Span, spans
from orchestration.trackers.markdown_body import render
from orchestration.trackers.protocol import EpicDraft, EpicRef
from orchestration.trackers.text import one_line


def draft_workstreams(
    candidate: Candidate,
    *,
    epic: EpicRef,
    now: datetime,
    playbooks: Playbooks | None = None,
) -> tuple[EpicDraft, ...]:
    """A story a fix class below `epic`, which is open or about to be.

    The whole epic is estimated, not its parts, so a story has no figures but the score. playbooks:
    by default those of the configured folder. ValueError if the candidate misses something.
    """
    known = read_playbooks() if playbooks is None else playbooks
    base = draft_epic(candidate, key=epic.key, previous_key=None, now=now, playbooks=known)
    stories = []
    for fix_class in candidate.fix_classes:
        chosen = known.of(fix_class, candidate.change_window)
        topic = chosen[0].header.title if chosen else one_line(fix_class.replace("_", " "))
        key = f"{epic.key}-{slug(fix_class)}"
        stories.append(
            replace(
                base,
                key=key,
                title=one_line(f"{base.service}: {topic}", TITLE_LIMIT),
                body=render(tuple(_body(candidate, epic, fix_class, chosen))),
                slo_burn=None,
                estimate_days=None,
                budget_usd=None,
                labels=(LABEL, key),
                parent=epic,
            )
        )
    return tuple(stories)


def _body(
    candidate: Candidate, epic: EpicRef, fix_class: str, chosen: tuple[Playbook, ...]
) -> Iterable[Block]:
    name = Span(one_line(fix_class.replace("_", " ")), is_strong=True)
    yield Paragraph((name, Span(": a part of "), Span(epic.key, epic.url, is_code=True)))
    yield facts(candidate, is_story=True)
    values = {"service": slug(candidate.service_id), "owner": one_line(candidate.owner, 100)}
    for playbook in chosen:
        yield Heading(playbook.header.title)
        yield from _below_title(playbook_blocks(playbook, values))
    if not chosen:
        yield Paragraph(
            spans(
                "There is no playbook for this class of fix yet. Write down here how you did it, "
                "and the next service can use it: modernization/playbooks."
            )
        )


def _below_title(blocks: Document) -> Document:
    """Headings of a playbook stand below its title, as lines of their own."""
    return tuple(
        Paragraph((Span(block.text, is_strong=True),)) if isinstance(block, Heading) else block
        for block in blocks
    )
