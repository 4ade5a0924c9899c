"""A sync of Opsgenie: what changed, more of the past, teams and services, what was deleted."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from orchestration.documents.strict import Number
from orchestration.http import Http
from orchestration.landing import Landing
from orchestration.vendors.base import (
    Context,
    EnvName,
    HttpExtractor,
    SourceConfig,
    Sync,
    Url,
    iso,
    secret,
)
from orchestration.vendors.opsgenie.api import ALERTS, INCIDENTS, Api, instant, milliseconds
from orchestration.vendors.opsgenie.feed import Feed
from orchestration.vendors.opsgenie.sweep import sweep

REFERENCES = (
    ("teams", "/v2/teams", {}),
    ("users", "/v2/users", {"limit": 100, "offset": 0, "sortField": "username", "order": "asc"}),
    ("services", "/v1/services", {"limit": 100, "offset": 0, "order": "asc"}),
)


# 0 is never.
HoursOrNever = Annotated[Number, Field(ge=0, le=24 * 366)]
HOSTS = {"us": "https://api.opsgenie.com", "eu": "https://api.eu.opsgenie.com"}


class OpsgenieConfig(SourceConfig):
    """Where the account is, and how much of it is read.

    `url` stands in for the region's address. `sweep_hours` is how often deletions are looked for,
    `reference_hours` how often teams, users and services are read; 0 is never. `late_minutes` is
    how late Opsgenie's search may show a change.
    """

    region: Literal["us", "eu"] = "us"
    url: Url | None = None
    api_key_env: EnvName = "OPSGENIE_API_KEY"
    incidents: bool = True
    alert_logs: Literal["none", "incident", "all"] = "incident"
    late_minutes: Annotated[Number, Field(ge=0, le=24 * 60)] = 5
    sweep_hours: HoursOrNever = 24
    reference_hours: HoursOrNever = 24

    def extractor(self, context: Context) -> Opsgenie:
        key = secret(context, self.api_key_env, "opsgenie", "an API key with read access")
        http = Http(
            "opsgenie",
            self.url or HOSTS[self.region],
            credentials={"Authorization": f"GenieKey {key}"},
            access_hint=(
                f"give {self.api_key_env} the rights Read and Configuration Access without "
                "restriction to a team, set `region`, or `incidents: false` where the plan "
                "has none"
            ),
            patience=context.patience,
        )
        return Opsgenie(self, http, context)


class Opsgenie(HttpExtractor):
    """One account, ready to be asked."""

    def __init__(self, config: OpsgenieConfig, http: Http, context: Context) -> None:
        super().__init__(http, context)
        self._config, self._api = config, Api(http)
        self._kinds = (ALERTS, INCIDENTS) if config.incidents else (ALERTS,)
        self._late_ms = int(config.late_minutes * 60_000)

    def check(self) -> str:
        """Counts the alerts, and asks for one incident."""
        alerts, _ = self._api.count(0)
        if INCIDENTS in self._kinds:
            self.http.get("/v1/incidents", {"query": "createdAt >= 0", "limit": 1})
        return f"{alerts:,} alerts; {' and '.join(self._kinds)} may be read"

    def sync(self, landing: Landing) -> None:
        sync = Sync(self.http, landing, self.progress)
        since = self._since(landing)
        held, clock = self._api.count(since)
        now = milliseconds(clock)
        for kind in self._kinds:
            feed = Feed(
                sync,
                kind,
                since=since,
                now=now,
                late_ms=self._late_ms,
                alert_logs=self._config.alert_logs,
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
        # 0 hours are never.
        hours = self._config.reference_hours
        if hours and sync.is_due("references_at", hours, clock):
            for stream, path, params in REFERENCES if self._config.incidents else REFERENCES[:2]:
                self.progress(stream)
                landing.replace(stream, "all", self._api.every(path, params))
            landing.commit(references_at=iso(clock))
        hours = self._config.sweep_hours
        if hours and sync.is_due("swept_at", hours, clock):
            sweep(sync, self._kinds, since, now - self._late_ms, held)
            landing.commit(swept_at=iso(clock))

    def _since(self, landing: Landing) -> int:
        """Where the account's records begin for us: where the first sync began, or before it."""
        since = milliseconds(self._config.begins_at(landing.started_at))
        first = landing.cursors.get("since")
        if first is not None and (since > first or self._config.since is None):
            since = first
        landing.cursors["since"] = since
        return since
