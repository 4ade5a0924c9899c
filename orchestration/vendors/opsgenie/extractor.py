"""A sync of Opsgenie: changes, more of the past, teams and services, deletions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field

from orchestration.documents.strict import Number
from orchestration.http import SourceError
from orchestration.landing import Landing
from orchestration.vendors import base
from orchestration.vendors.opsgenie.api import (
    ALERTS,
    INCIDENTS,
    Api,
    Json,
    Place,
    instant,
    milliseconds,
)
from orchestration.vendors.opsgenie.feed import Feed

REFERENCES = (
    ("teams", "/v2/teams", {}),
    ("users", "/v2/users", {"limit": 100, "offset": 0, "sortField": "username", "order": "asc"}),
    ("services", "/v1/services", {"limit": 100, "offset": 0, "order": "asc"}),
)
# 0 is never.
HoursOrNever = Annotated[Number, Field(ge=0, le=24 * 366)]
HOSTS = {"us": "https://api.opsgenie.com", "eu": "https://api.eu.opsgenie.com"}


class OpsgenieConfig(base.SourceConfig):
    """The account's address, and how much of it is read.

    `url` replaces the region's address. `sweep_hours` is how often deletions are looked for,
    `reference_hours` how often teams, users and services are read; 0 is never. `late_minutes` is
    how late Opsgenie's search may show a change.
    """

    region: Literal["us", "eu"] = "us"
    url: base.Url | None = None
    api_key_env: base.EnvName = "OPSGENIE_API_KEY"
    incidents: bool = True
    alert_logs: Literal["none", "incident", "all"] = "incident"
    late_minutes: Annotated[Number, Field(ge=0, le=24 * 60)] = 5
    sweep_hours: HoursOrNever = 24
    reference_hours: HoursOrNever = 24

    def extractor(self, context: base.Context) -> Opsgenie:
        return Opsgenie(self, context)


class Opsgenie(base.HttpExtractor):
    """Lands alerts, alert_logs, incidents, incident_timelines, record_ids, sweeps and references.

    Cursors: `since`, and `<kind>_since` up to where each kind was read; `alerts` and `incidents`, a
    `State` each; `references_at` and `swept_at`; `<kind>_swept`, the counts of the last sweep.
    """

    def __init__(self, config: OpsgenieConfig, context: base.Context) -> None:
        key = base.secret(context, config.api_key_env, "opsgenie", "an API key with read access")
        super().__init__(
            context,
            "opsgenie",
            config.url or HOSTS[config.region],
            {"Authorization": f"GenieKey {key}"},
            f"give {config.api_key_env} the rights Read and Configuration Access without "
            "restriction to a team, set `region`, or `incidents: false` where the plan has none",
        )
        self._config, self._api = config, Api(self.http)
        self._kinds = (ALERTS, INCIDENTS) if config.incidents else (ALERTS,)

    def check(self) -> str:
        alerts, _ = self._api.count(0)
        if INCIDENTS in self._kinds:
            self.http.get("/v1/incidents", {"query": "createdAt >= 0", "limit": 1})
        return f"{alerts:,} alerts; {' and '.join(self._kinds)} may be read"

    def sync(self, landing: Landing) -> None:
        self.landing, config, done = landing, self._config, landing.cursors
        since = self._begin()
        held, clock = self._api.count(since)
        now, late_ms = milliseconds(clock), int(config.late_minutes * 60_000)
        for kind in self._kinds:
            feed = Feed(self, kind, since, now, late_ms, config.alert_logs)
            reached = landing.cursors.get(f"{kind}_since", since)
            if since < reached:
                feed.reach_back(reached)
            landing.cursors[f"{kind}_since"] = since
            feed.run()
            count = held if kind == ALERTS else None
            landing.observe(kind, source_count=count, since=instant(since), until=clock)
        hours = config.reference_hours
        if hours and base.is_over(done.get("references_at"), hours, clock):
            for stream, path, params in REFERENCES if config.incidents else REFERENCES[:2]:
                self.progress(stream)
                landing.replace(stream, "all", self._api.every(path, params))
            landing.commit(references_at=base.iso(clock))
        hours = config.sweep_hours
        if hours and base.is_over(done.get("swept_at"), hours, clock):
            for kind in self._kinds:
                self._sweep(kind, since, now - late_ms, held if kind == ALERTS else 0)
            landing.commit(swept_at=base.iso(clock))

    def _begin(self) -> int:
        """The start of the records that we read: that of the first sync, or earlier."""
        since = milliseconds(self._config.begins_at(self.landing.started_at))
        first = self.landing.cursors.get("since")
        if first is not None and (since > first or self._config.since is None):
            since = first
        self.landing.cursors["since"] = since
        return since

    def _sweep(self, kind: str, since: int, until: int, held: int) -> None:
        """Land the ids of all records created in [since, until] (ms): nothing else shows that one
        was deleted. `sweeps` has the span of `createdAt` that they cover.

        Alerts are swept by calendar month: a past month with the same count as last time is not
        read again. Incidents are few and have no count.

        Raises:
            SourceError: nothing is left at all, which can't be deletion by people.
        """
        spans = [
            (f"{begin:%Y-%m}", milliseconds(begin), milliseconds(end) - 1)
            for begin, end in base.months(instant(since), instant(until + 1))
        ]
        if kind != ALERTS:
            spans = [("all", since, until)]
        before: dict[str, int] = self.landing.cursors.get(f"{kind}_swept", {})
        found: dict[str, int] = {}
        for name, begin, end in spans:
            if name != spans[0][0] and name in before:
                found[name] = self._api.count(begin, end)[0]
                if found[name] == before[name]:
                    continue
            self.progress(f"{kind} that still exist: {name}")
            ids = self._ids(kind, begin, end)
            found[name] = self.landing.replace("record_ids", f"{kind}-{name}", ids)
        if (known := sum(before.values())) and not held and not any(found.values()):
            raise SourceError(
                f"opsgenie: reports no {kind} at all, but had {known:,}; nothing "
                "was marked as deleted: if the account was closed, take opsgenie out of "
                "PAYDOWN_SOURCES"
            )
        rows = (
            {
                "kind": kind[:-1],
                "window": name,
                "since": instant(begin).isoformat(timespec="milliseconds"),
                "until": instant(end).isoformat(timespec="milliseconds"),
                "count": found[name],
            }
            for name, begin, end in spans
        )
        self.landing.replace("sweeps", kind, rows)
        self.landing.commit(**{f"{kind}_swept": found})
        if kind != ALERTS:
            self.landing.observe(kind, source_count=found["all"])

    def _ids(self, kind: str, begin: int, end: int) -> Iterator[Json]:
        for page in self._api.newest_first(kind, begin, Place(end)):
            for record in page.records:
                yield {"kind": kind[:-1], "id": record["id"], "createdAt": record["createdAt"]}
