"""Decides, without acting, what becomes of each row of `rpt_promotion_candidates`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from orchestration.epics.candidates import Candidate, Decision
from orchestration.epics.content.document import epic_key
from orchestration.epics.figures import changed_figures
from orchestration.ledger import EpicRecord, EpicState
from orchestration.trackers.text import one_line


class Section(StrEnum):
    """The parts of the report; every row ends in exactly one.

    shared: its fix is one of several services', whose one epic is named. closed: its epic was
    closed now. closed_as_hygiene: below the bands, and there was nothing to close, or people have
    worked on it.
    """

    OPENED = "opened"
    ALREADY_OPEN = "already_open"
    UPDATED = "updated"
    BUNDLED = "bundled"
    SHARED = "shared"
    WAITING = "waiting"
    BLOCKED = "blocked"
    CLOSED = "closed"
    CLOSED_AS_HYGIENE = "closed_as_hygiene"
    FAILED = "failed"


@dataclass(frozen=True)
class Open:
    """Open an epic, or finish opening it."""

    candidate: Candidate
    key: str
    cycle: int
    previous_key: str | None
    why: str


@dataclass(frozen=True)
class AddEvidence:
    """Tell new evidence in the open epic `record`.

    shared_key: the epic of the shared fix that it is to be told of, once that is open.
    is_news: whether there is anything to tell but that.
    """

    candidate: Candidate
    record: EpicRecord
    why: str
    shared_key: str | None = None
    is_news: bool = True

    @property
    def section(self) -> Section:
        is_promoted = self.candidate.decision is Decision.PROMOTE
        return Section.UPDATED if is_promoted else Section.BUNDLED


@dataclass(frozen=True)
class Close:
    """Close the open epic `record` as hygiene, if nobody touched it."""

    candidate: Candidate
    record: EpicRecord
    why: str


@dataclass(frozen=True)
class Say:
    """Do nothing, and say why."""

    candidate: Candidate
    section: Section
    key: str | None
    why: str


Action: TypeAlias = Open | AddEvidence | Close | Say

TOUCHED = "its epic stays open, because people have worked on it"

_WHO_FILLS = {
    "owner": "the service's team sets spec.owner in its catalog-info.yaml",
    "due_date": "{owner} sets the review date and fix window in the postmortem",
    "budget": "{owner} puts an estimate in engineer-days in the postmortem",
    "exit_criteria": "platform maintainers add the next level's criteria to maturity.yaml",
}


def plan(
    candidates: Sequence[Candidate],
    records: Mapping[str, EpicRecord],
    problems: Mapping[str, str],
) -> list[Action]:
    """The action for each row, in the rows' order; what it means see `decide`.

    records: each service's newest epic by service hash.
    """
    actions: dict[str, Action] = {}
    shared: dict[str, str | None] = {}
    for candidate in candidates:
        if candidate.decision is not Decision.SHARED:
            action = decide(candidate, records.get(candidate.service_hash), problems)
            actions[candidate.service_id] = action
            if candidate.members and candidate.shared_fix_id:
                shared[candidate.shared_fix_id] = _key_of(action)
    for candidate in candidates:
        if candidate.decision is Decision.SHARED:
            key = shared.get(candidate.shared_fix_id)
            record = records.get(candidate.service_hash)
            actions[candidate.service_id] = _share(candidate, record, problems, key)
    return [actions[candidate.service_id] for candidate in candidates]


def decide(candidate: Candidate, record: EpicRecord | None, problems: Mapping[str, str]) -> Action:
    """The action for one row that stands for itself.

    record: the service's newest epic, as the tracker shows it. problems: epics by key whose
    state the tracker couldn't tell, and why: they are left alone.
    """
    is_open = record is not None and record.state == EpicState.OPENED
    open_key = record.key if record is not None and is_open else None
    if candidate.decision is Decision.SHARED:
        why = f"the shared fix {one_line(candidate.shared_fix_id)} stands for it"
        return Say(candidate, Section.WAITING, open_key, why)
    if candidate.decision is Decision.CLOSE:
        return _close(candidate, record if is_open else None, problems)
    if candidate.decision is Decision.BLOCKED or (
        candidate.decision is Decision.PROMOTE and candidate.missing
    ):
        return Say(candidate, Section.BLOCKED, open_key, _why_blocked(candidate, open_key))
    if record is not None and record.key in problems:
        return Say(candidate, Section.FAILED, record.key, problems[record.key])
    if record is not None and is_open:
        return _add_evidence(candidate, record)
    if candidate.decision is Decision.BUNDLE:
        why = f"score {candidate.score} is in the bundle band and no epic of the service is open"
        return Say(candidate, Section.WAITING, None, why)
    return _open(candidate, record)


def _share(
    candidate: Candidate,
    record: EpicRecord | None,
    problems: Mapping[str, str],
    shared_key: str | None,
) -> Action:
    """A member of a shared fix: no epic of its own, but one that it has stays and is told."""
    if record is not None and record.key in problems:
        return Say(candidate, Section.FAILED, record.key, problems[record.key])
    where = shared_key or "an epic that is not open yet"
    why = f"its fix is shared with other services, in {where}"
    if record is None or record.state is not EpicState.OPENED:
        return Say(candidate, Section.SHARED, shared_key, why)
    action = _add_evidence(candidate, record)
    if shared_key is None or record.shared_key == shared_key:
        return action
    if isinstance(action, AddEvidence):
        return AddEvidence(candidate, record, f"{action.why}; {why}", shared_key)
    return AddEvidence(candidate, record, why, shared_key, is_news=False)


def _key_of(action: Action) -> str | None:
    """The key of the epic that is open, or about to be."""
    if isinstance(action, Open):
        return action.key
    if isinstance(action, AddEvidence | Close):
        return action.record.key
    return action.key if action.section in (Section.ALREADY_OPEN, Section.BLOCKED) else None


def _close(candidate: Candidate, record: EpicRecord | None, problems: Mapping[str, str]) -> Action:
    why = f"score {candidate.score} is below the bundle band"
    key = record.key if record else None
    if record is None:
        return Say(candidate, Section.CLOSED_AS_HYGIENE, key, why)
    if record.key in problems:
        return Say(candidate, Section.FAILED, record.key, problems[record.key])
    if record.touched_at or record.edited:
        return Say(candidate, Section.CLOSED_AS_HYGIENE, key, f"{why}; {TOUCHED}")
    return Close(candidate, record, why)


def _open(candidate: Candidate, record: EpicRecord | None) -> Action:
    why = f"score {candidate.score}, band {candidate.band}"
    if record is None:
        return Open(candidate, epic_key(candidate.service_id, 1), 1, None, why)
    if record.state is not EpicState.CLOSED:
        return Open(candidate, record.key, record.cycle, record.previous_key, why)
    newest = candidate.newest_incident_at
    if record.closed_at is None or newest is None or newest <= record.closed_at:
        on = f" on {record.closed_at:%Y-%m-%d}" if record.closed_at else ""
        why = f"its epic was closed{on} and no incident came after; the next one opens a new epic"
        return Say(candidate, Section.WAITING, record.key, why)
    cycle = record.cycle + 1
    why += f"; incident of {newest:%Y-%m-%d} after {record.key} was closed"
    return Open(candidate, epic_key(candidate.service_id, cycle), cycle, record.key, why)


def _add_evidence(candidate: Candidate, record: EpicRecord) -> Action:
    told = record.evidence
    figures = changed_figures(record, candidate.figures)
    is_same = told is not None and told.digest == candidate.evidence.digest and not figures
    if is_same and record.pending_change_id:
        return AddEvidence(candidate, record, "an earlier update may not have been finished")
    if is_same:
        return Say(candidate, Section.ALREADY_OPEN, record.key, "nothing new since it was told")
    if told is None:
        return AddEvidence(candidate, record, "what the epic tells so far is not known")
    changes = []
    if told.score != candidate.score:
        changes.append(f"score {told.score} -> {candidate.score}")
    if told.band != candidate.band:
        changes.append(f"band {told.band} -> {candidate.band}")
    if new := set(candidate.incident_ids) - set(told.incident_ids):
        changes.append(f"{len(new)} more incident{'s' if len(new) > 1 else ''}")
    if left := set(told.incident_ids) - set(candidate.incident_ids):
        changes.append(f"{len(left)} incident{'s' if len(left) > 1 else ''} left the window")
    changes += [change for name, change in figures.items() if name != "score"]
    return AddEvidence(candidate, record, ", ".join(changes))


def _why_blocked(candidate: Candidate, open_key: str | None) -> str:
    owner = one_line(candidate.owner, 100) or "the service's owner"
    actions = [
        _WHO_FILLS.get(name, "{owner} fills it in").format(owner=owner)
        for name in candidate.missing
    ]
    missing = ", ".join(name.replace("_", " ") for name in candidate.missing)
    why = f"score {candidate.score}, but no {missing or 'complete row'}"
    if actions:
        why += f": {'; '.join(actions)}"
    return f"{why}; its open epic is left as it is" if open_key else why
