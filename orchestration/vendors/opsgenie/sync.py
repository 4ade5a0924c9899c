"""A sync of Opsgenie: what changed, a piece of the past, what is around it, what was deleted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from orchestration.landing import Landing
from orchestration.vendors.base import iso, moment
from orchestration.vendors.opsgenie.api import ALERTS, INCIDENTS, Api, instant, milliseconds
from orchestration.vendors.opsgenie.feed import Feed
from orchestration.vendors.opsgenie.sweep import Sweep

REFERENCES = (
    ("teams", "/v2/teams", {}),
    ("users", "/v2/users", {"limit": 100, "offset": 0, "sortField": "username", "order": "asc"}),
)
SERVICES = ("services", "/v1/services", {"limit": 100, "offset": 0, "order": "asc"})


@dataclass(frozen=True)
class Reading:
    """How much is read and how often; the fields of `OpsgenieConfig`."""

    kinds: tuple[str, ...]
    alert_logs: str
    late_ms: int
    sweep_hours: float
    reference_hours: float
    begins_at: Callable[[datetime], datetime]
    is_since_set: bool


class OpsgenieExtractor:
    """One account, ready to be asked."""

    def __init__(self, api: Api, reading: Reading, progress: Callable[[str], None]) -> None:
        self._api, self._reading, self._progress = api, reading, progress

    @property
    def requests(self) -> int:
        return self._api.http.requests

    def check(self) -> str:
        """Counts the alerts, and asks for one incident."""
        alerts, _ = self._api.count(0)
        if INCIDENTS in self._reading.kinds:
            self._api.http.get("/v1/incidents", {"query": "createdAt >= 0", "limit": 1})
        return f"{alerts:,} alerts; {' and '.join(self._reading.kinds)} may be read"

    def sync(self, landing: Landing) -> None:
        since = self._since(landing)
        held, clock = self._api.count(since)
        now = milliseconds(clock)
        for kind in self._reading.kinds:
            feed = Feed(
                self._api,
                landing,
                kind,
                since=since,
                now=now,
                late_ms=self._reading.late_ms,
                alert_logs=self._reading.alert_logs,
                progress=self._progress,
            )
            reached = landing.cursors.get(f"{kind}_since", since)
            if since < reached:
                feed.reach_back(reached)
            landing.cursors[f"{kind}_since"] = since
            feed.run()
            landing.observe(
                kind,
                source_count=held if kind == ALERTS else None,
                since=instant(since),
                until=clock,
            )
        self._references(landing, clock)
        if self._is_due(landing, "swept_at", self._reading.sweep_hours, clock):
            sweep = Sweep(self._api, landing, since, now - self._reading.late_ms, self._progress)
            sweep.run(self._reading.kinds, held)
            landing.commit(swept_at=iso(clock))

    def _since(self, landing: Landing) -> int:
        """Where the account's records begin for us: where the first sync began, or before it."""
        since = milliseconds(self._reading.begins_at(landing.started_at))
        first = landing.cursors.get("since")
        if first is not None and (since > first or not self._reading.is_since_set):
            since = first
        landing.cursors["since"] = since
        return since

    def _references(self, landing: Landing, clock: datetime) -> None:
        if not self._is_due(landing, "references_at", self._reading.reference_hours, clock):
            return
        wanted = [*REFERENCES, SERVICES] if INCIDENTS in self._reading.kinds else [*REFERENCES]
        for stream, path, params in wanted:
            self._progress(f"opsgenie {stream}")
            landing.replace(stream, "all", self._api.every(path, params))
        landing.commit(references_at=iso(clock))

    def _is_due(self, landing: Landing, cursor: str, hours: float, clock: datetime) -> bool:
        last = landing.cursors.get(cursor)
        if hours == 0 or last is None:
            return hours != 0
        return clock - moment(last) >= timedelta(hours=hours)
