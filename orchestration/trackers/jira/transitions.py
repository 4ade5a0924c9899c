"""Which way of a workflow closes an epic."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from orchestration.trackers.jira.fields import JiraField, listed, read_field
from orchestration.trackers.protocol import RejectedError


@dataclass(frozen=True)
class Transition:
    """fields: what its screen requires."""

    id: str
    fields: Mapping[str, Any] = field(default_factory=dict)


def choose(transitions: Sequence[Mapping[str, Any]], wanted: str, url: str) -> Transition:
    """The transition that is called `wanted` (or leads to that status), or the first to Done.

    A resolution that its screen requires is filled; ways that require anything else are not ours.

    Raises:
        RejectedError: there is no such way.
    """
    blocked: list[JiraField] = []
    for one in transitions:
        to = one.get("to") or {}
        names = {str(one.get("name")).casefold(), str(to.get("name")).casefold()}
        is_done = (to.get("statusCategory") or {}).get("key") == "done"
        if not is_done or (wanted and wanted.casefold() not in names):
            continue
        fields: dict[str, Any] = {}
        missing = []
        for field_id, entry in (one.get("fields") or {}).items():
            found = read_field(field_id, entry)
            if not found.is_required or found.has_default:
                continue
            if field_id == "resolution" and found.allowed_names:
                done = (name for name in found.allowed_names if name.casefold() == "done")
                fields[field_id] = {"name": next(done, found.allowed_names[0])}
            else:
                missing.append(found)
        if not missing:
            return Transition(str(one["id"]), fields)
        blocked += missing
    offered = ", ".join(str(one.get("name")) for one in transitions) or "none"
    if blocked:
        raise RejectedError(
            f"jira: {url} can't be closed: the way to Done requires {listed(blocked)}; "
            "close it by hand, or make that optional"
        )
    raise RejectedError(
        f"jira: {url} can't be closed from where it stands (ways from there: {offered}); "
        "set `done_transition`, or close it by hand"
    )
