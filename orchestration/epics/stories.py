"""The stories below an epic: one for each class of fix that its postmortems ask for.

A story is opened once and never updated later: it is the team's to work with. A fix class that
turns up later adds a story to the open epic.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import replace
from datetime import datetime

from orchestration.documents.playbook import Playbook
from orchestration.epics.candidates import Candidate
from orchestration.epics.content import LABEL, TITLE_LIMIT, code, draft_epic, facts, slug
from orchestration.epics.playbooks import Playbooks, filled
from orchestration.trackers.protocol import EpicDraft, EpicRef
from orchestration.trackers.text import escape_markdown, one_line, web_address


def draft_stories(
    candidate: Candidate,
    playbooks: Playbooks,
    *,
    epic: EpicRef,
    now: datetime,
    known: Collection[str] = (),
) -> tuple[EpicDraft, ...]:
    """A story a fix class below `epic`, which is open, but for those whose keys are `known`.

    The whole epic is estimated, not its parts, so a story has no numbers but the score.
    ValueError if the candidate has no due date.
    """
    keys = {f"{epic.key}-{slug(name)}": name for name in candidate.fix_classes}
    missing = {key: name for key, name in keys.items() if key not in known}
    if not missing:
        return ()
    base = draft_epic(candidate, playbooks, key=epic.key, previous_key=None, now=now)
    stories = []
    for key, fix_class in missing.items():
        chosen = playbooks.of(fix_class, candidate.change_window)
        topic = chosen[0].header.title if chosen else one_line(fix_class.replace("_", " "))
        stories.append(
            replace(
                base,
                key=key,
                title=one_line(f"{base.service}: {topic}", TITLE_LIMIT),
                body="\n\n".join(_blocks(candidate, epic, fix_class, chosen)),
                slo_burn=None,
                estimate_days=None,
                budget_usd=None,
                labels=(LABEL, key),
                parent=epic,
            )
        )
    return tuple(stories)


def _blocks(
    candidate: Candidate, epic: EpicRef, fix_class: str, chosen: tuple[Playbook, ...]
) -> Iterator[str]:
    name = escape_markdown(fix_class.replace("_", " "))
    address = web_address(epic.url)
    where = f"[{code(epic.key)}](<{address}>)" if address else code(epic.key)
    beside = f": {escape_markdown(epic.url, 2000)}" if epic.url and not address else ""
    yield f"**{name}**: a part of {where}{beside}"
    yield facts(candidate, is_story=True)
    values = {"service": slug(candidate.service_id), "owner": one_line(candidate.owner, 100)}
    for playbook in chosen:
        yield f"## {escape_markdown(playbook.header.title)}"
        yield filled(playbook, values)
    if not chosen:
        yield (
            "There is no playbook for this class of fix yet. Write down here how you did it, "
            "and the next service can use it: modernization/playbooks."
        )
