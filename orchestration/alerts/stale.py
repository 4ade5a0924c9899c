"""Which sources are stale: told once an episode to each channel, and once when it is over."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime

from orchestration.alerts.message import Alert, Item
from orchestration.landing import last_sync
from orchestration.settings import Settings
from orchestration.vendors.base import iso, moment
from orchestration.vendors.sync import configured_sources, state_folder

ADVICE = "What to do: `paydown doctor` says what is wrong; docs/runbooks/stale-source.md goes on."


@dataclass(frozen=True)
class Stale:
    """A source whose last complete sync (None: there was none yet) began too long ago."""

    source: str
    owner: str
    hours: float
    complete_at: datetime | None
    problem: str

    def item(self) -> Item:
        if self.complete_at:
            since = f"no complete sync since {self.complete_at:%Y-%m-%d %H:%M} UTC"
        else:
            since = "no sync was complete yet"
        text = f"{since}; one is due every {self.hours:g} h."
        if self.problem:
            text += f"\nThe last one stopped: {self.problem}"
        return Item(self.source, text, self.owner)


@dataclass
class Episode:
    """What is remembered of a source. `told` are the channels that know that it is stale."""

    seen_at: str
    told: list[str] = field(default_factory=list)


Episodes = dict[str, Episode]


def read_cursor(cursor: str | None) -> Episodes:
    """What the sensor remembers; nothing where the cursor can't be read."""
    try:
        return {name: Episode(**episode) for name, episode in json.loads(cursor or "{}").items()}
    except (ValueError, TypeError, AttributeError):
        return {}


def write_cursor(episodes: Episodes) -> str:
    return json.dumps({name: asdict(episode) for name, episode in episodes.items()})


def stale_sources(settings: Settings, now: datetime, episodes: Episodes) -> list[Stale]:
    """The stale ones of those switched on; notes in `episodes` which have been seen.

    One that was never complete has its hours from when it was first seen: its first sync may
    read years.
    """
    enabled = dict(configured_sources(settings).enabled(settings.sources))
    for name in set(episodes) - set(enabled):
        del episodes[name]
    found = []
    for name, config in enabled.items():
        episode = episodes.setdefault(name, Episode(seen_at=iso(now)))
        last = last_sync(state_folder(settings), name)
        complete_at = moment(last["complete_at"]) if last.get("complete_at") else None
        since = complete_at or moment(episode.seen_at)
        if (now - since).total_seconds() > config.fresh_within_hours * 3600:
            found.append(
                Stale(
                    name,
                    config.owner,
                    config.fresh_within_hours,
                    complete_at,
                    last.get("message", ""),
                )
            )
    return found


def news(
    stale: Sequence[Stale], episodes: Episodes, channels: Sequence[str]
) -> Iterator[tuple[str, Alert, list[str]]]:
    """What each channel does not know yet: (channel, alert, the sources it speaks of)."""
    by_name = {one.source: one for one in stale}
    for channel in channels:
        fresh = [n for n, e in episodes.items() if n not in by_name and channel in e.told]
        new = [one for name, one in by_name.items() if channel not in episodes[name].told]
        if new:
            yield channel, stale_alert(new), [one.source for one in new]
        if fresh:
            items = [Item(name, "A sync was complete again.") for name in fresh]
            yield channel, Alert(f"Fresh again: {', '.join(fresh)}", items), fresh


def stale_alert(stale: Sequence[Stale]) -> Alert:
    """The alert for sources that became stale."""
    names = ", ".join(one.source for one in stale)
    return Alert(f"Stale: {names}", [one.item() for one in stale], ADVICE)


def remember(episodes: Episodes, stale: Sequence[Stale], channel: str, told: list[str]) -> None:
    """The channel was told of these sources."""
    names = {one.source for one in stale}
    for name in told:
        if name in names:
            episodes[name].told.append(channel)
        else:
            episodes[name].told.remove(channel)
