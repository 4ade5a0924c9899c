"""Which sources are stale: the one place that decides it, for the doctor and for alerts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from orchestration.landing import last_sync
from orchestration.settings import Settings
from orchestration.vendors.base import SourceConfig, moment
from orchestration.vendors.sync import configured_sources, state_folder


@dataclass(frozen=True)
class Freshness:
    """A source that is switched on. complete_at: when its newest complete sync began, UTC."""

    source: str
    owner: str
    due_every_hours: float
    complete_at: datetime | None
    problem: str

    def is_stale(self, now: datetime, first_seen: datetime | None = None) -> bool:
        """Whether no sync was complete for too long.

        One that never was complete has its hours from when it was first seen: its first sync may
        read years.
        """
        since = self.complete_at or first_seen
        return since is not None and (now - since).total_seconds() > self.due_every_hours * 3600

    def __str__(self) -> str:
        if self.complete_at:
            since = f"no complete sync since {self.complete_at:%Y-%m-%d %H:%M} UTC"
        else:
            since = "no sync was complete yet"
        text = f"{since}; one is due every {self.due_every_hours:g} h."
        return f"{text}\nThe last one stopped: {self.problem}" if self.problem else text


def freshness(settings: Settings) -> dict[str, Freshness]:
    """How fresh each source is that is switched on, by name."""
    enabled: Mapping[str, SourceConfig] = dict(
        configured_sources(settings).enabled(settings.sources)
    )
    found = {}
    for name, config in enabled.items():
        last = last_sync(state_folder(settings), name)
        complete_at = moment(last["complete_at"]) if last.get("complete_at") else None
        found[name] = Freshness(
            name, config.owner, config.fresh_within_hours, complete_at, last.get("message", "")
        )
    return found
