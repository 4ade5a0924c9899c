"""Holds new epics back while their team has as many open as it can work on.

A limit of work in progress is counted over everything that is open for the team, of whatever
service; an epic of a shared fix is one. Among the rows of one run the best ranked go first.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from orchestration.epics.plan import Action, Open, Say, Section
from orchestration.ledger import EpicRecord, EpicState
from orchestration.trackers.text import one_line

_SHOWN = 5


def limit_work(actions: Sequence[Action], records: Mapping[str, EpicRecord]) -> list[Action]:
    """`actions`, in the order of rank, where epics beyond a team's limit wait.

    An epic that was begun goes on, and counts; of what a dead run only meant to open, nothing is
    in the tracker.
    """
    teams = {a.candidate.service_hash: a.candidate.team for a in actions}
    open_now: dict[str, list[str]] = defaultdict(list)
    for record in records.values():
        if is_begun(record):
            # The catalog of today says whose it is; the ledger only where the service has gone.
            team = teams.get(record.service_hash, record.team)
            open_now[team or ""].append(f"{record.key} ({one_line(record.service, 60)})")
    limited: list[Action] = []
    for action in actions:
        record = records.get(action.candidate.service_hash)
        if isinstance(action, Open) and not (record and is_begun(record)):
            limited.append(_open_or_wait(action, open_now))
        else:
            limited.append(action)
    return limited


def is_begun(record: EpicRecord) -> bool:
    """Whether it is open, or may be."""
    return record.is_attempted or record.state is EpicState.OPENED


def _open_or_wait(action: Open, open_now: dict[str, list[str]]) -> Action:
    candidate = action.candidate
    team, limit = candidate.team, candidate.wip_limit
    if not team or limit is None or len(open_now[team]) < limit:
        open_now[team].append(f"{action.key} ({one_line(candidate.service_name, 60)})")
        return action
    whose = one_line(candidate.owner or team, 100)
    names = ", ".join(open_now[team][:_SHOWN])
    more = len(open_now[team]) - _SHOWN
    names += f" and {more} more" if more > 0 else ""
    why = (
        f"score {candidate.score}, but {whose} takes {limit} at a time and has "
        f"{len(open_now[team])}: {names}; the best ranked that waits opens when one is closed"
        if names
        else f"score {candidate.score}, but {whose} takes no epics: raise its "
        "wip_limit in capacity.yaml"
    )
    return Say(candidate, Section.WAITING, None, why)
