"""Which sources are stale: the one place that decides, for the doctor and for alerts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from orchestration.landing import last_sync
from orchestration.settings import Settings
from orchestration.vendors.base import moment
from orchestration.vendors.sync import configured_sources, state_folder


@dataclass(frozen=True)
class Freshness:
    """A source that is switched on. complete_at: when its newest complete sync began, UTC.

    problem: what stopped the newest sync, empty if it was complete.
    """

    source: str
    owner: str
    due_every_hours: float
    complete_at: datetime | None
    problem: str

    def is_stale(self, now: datetime, first_seen: datetime | None = None) -> bool:
        """Whether no sync was complete for too long.

        If none ever was, time counts from when the source was first seen: a first sync may read
        years.
        """
        since = self.complete_at or first_seen
        return since is not None and (now - since).total_seconds() > self.due_every_hours * 3600

    def described(self, now: datetime) -> str:
        """How fresh it is, and, on a second line, what stopped the newest sync."""
        since = "no sync was complete yet"
        if self.complete_at:
            hours = max((now - self.complete_at).total_seconds() / 3600, 0)
            ago = f"{hours:.0f} h" if hours < 48 else f"{hours / 24:.0f} days"
            ago = f"{hours * 60:.0f} min" if hours < 2 else ago
            since = f"complete up to {self.complete_at:%Y-%m-%d %H:%M} UTC, {ago} ago"
        text = f"{since}; one is due every {self.due_every_hours:g} h, owner {self.owner}"
        return f"{text}\nthe last sync stopped: {self.problem}" if self.problem else text


def freshness(settings: Settings) -> dict[str, Freshness]:
    """How fresh each switched-on source is, by name."""
    found = {}
    for name, config in configured_sources(settings).enabled(settings.sources):
        last = last_sync(state_folder(settings), name)
        complete_at = moment(last["complete_at"]) if last.get("complete_at") else None
        found[name] = Freshness(
            name, config.owner, config.fresh_within_hours, complete_at, last.get("message", "")
        )
    return found
