"""Which stories are missing below open epics: one for each workstream, opened once.

A story is never told anything later, and nobody asks how it is doing: it is the team's to work
with. A fix class that turns up later adds a story to the open epic.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import asdict

from orchestration.epics.candidates import Candidate, Decision
from orchestration.epics.content.workstreams import draft_workstreams
from orchestration.epics.run import PublishRun
from orchestration.epics.state import EpicStates
from orchestration.ledger import EpicState, Intent
from orchestration.trackers.protocol import EpicDraft

_UNFINISHED = (EpicState.INTENDED, EpicState.FAILED)


def missing_stories(
    candidates: Sequence[Candidate], states: EpicStates, run: PublishRun
) -> list[tuple[Candidate, EpicDraft]]:
    """The stories that are to be opened, by rank of their service."""
    missing = []
    for candidate in candidates:
        record = states.records.get(candidate.service_hash)
        if record is None or record.state is not EpicState.OPENED:
            continue
        if not wants_stories(candidate) or record.key in states.problems:
            continue
        for draft in draft_workstreams(candidate, epic=record.ref, now=run.now):
            story = states.stories.get(draft.key)
            if story is None or story.state in _UNFINISHED:
                missing.append((candidate, draft))
    return missing


def wants_stories(candidate: Candidate) -> bool:
    """Whether the row has what a story needs; what is closed or blocked gets none."""
    is_in_band = candidate.decision in (Decision.PROMOTE, Decision.BUNDLE)
    return is_in_band and not candidate.missing


def story_intent(draft: EpicDraft) -> Intent:
    """A story as it is committed before anything is asked for."""
    parent_key = draft.parent.key if draft.parent else None
    return Intent(
        key=draft.key,
        service_hash=hashlib.sha256(draft.key.encode()).hexdigest(),
        service=draft.service,
        cycle=1,
        previous_key=None,
        told=None,
        why=f"workstream of {parent_key}",
        parent_key=parent_key,
        draft=asdict(draft),
    )
