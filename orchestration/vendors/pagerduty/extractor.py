"""One sync of PagerDuty, step by step; each step goes on where a killed sync left it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Annotated, Literal

from pydantic import Field

from orchestration.http import Http, Reply
from orchestration.landing import Landing
from orchestration.vendors.base import (
    Context,
    EnvName,
    Hours,
    HttpExtractor,
    SourceConfig,
    Sync,
    Url,
    iso,
    moment,
    secret,
)
from orchestration.vendors.pagerduty import analytics, months
from orchestration.vendors.pagerduty.changes import Changes
from orchestration.vendors.pagerduty.pages import EVERYTHING, OVERVIEW, Record, Window, listing

# How people are reached is nobody's business here.
PRIVATE = ("contact_methods", "notification_rules")
MEDIA_TYPE = "application/vnd.pagerduty+json;version=2"
DAY = timedelta(days=1)
# PagerDuty counts over six months at most.
COUNTED = timedelta(days=180)


Directory = Literal["services", "teams", "users"]
Seconds = Annotated[int, Field(strict=True, ge=0, le=86_400)]


class PagerDutyConfig(SourceConfig):
    """How PagerDuty is read. Accounts in the EU: `url: https://api.eu.pagerduty.com`.

    Attributes:
        changes: `log_entries` finds changed incidents by the account's log entries, immediately;
            `analytics` by the analytics API, up to a day later, where log entries are too many.
        settle_seconds: what is younger is left for the next sync.
        overlap_seconds: log entries may come so late and are still found.
        sweep_recent_hours: how often incidents of the last six months are looked for deletions.
        sweep_all_hours: how often all are.
        directory: what incidents refer to and is read besides; priorities always are.
        directory_hours: how often that is read.
    """

    url: Url = "https://api.pagerduty.com"
    token_env: EnvName = "PAGERDUTY_TOKEN"  # noqa: S105
    changes: Literal["log_entries", "analytics"] = "log_entries"
    settle_seconds: Seconds = 60
    overlap_seconds: Seconds = 900
    sweep_recent_hours: Hours = 24
    sweep_all_hours: Hours = 168
    directory: tuple[Directory, ...] = ("services", "teams", "users")
    directory_hours: Hours = 24

    def extractor(self, context: Context) -> PagerDuty:
        return PagerDuty(self, context)


class PagerDuty(HttpExtractor):
    """Lands incidents, log_entries, incident_ids, priorities, services, teams and users.

    Cursors: `since`, where all begins; `began`, where the first sync took over from the
    back-fill; `directory`, when the directory was read; `swept`, when each month was; those of
    the back-fill are in `history`, those of changes in `changes` and `analytics`.
    """

    def __init__(self, config: PagerDutyConfig, context: Context) -> None:
        self._config = config
        token = secret(context, config.token_env, "pagerduty", "a read-only API key")
        http = Http(
            "pagerduty",
            config.url,
            credentials={"Authorization": f"Token token={token}"},
            headers={"Accept": MEDIA_TYPE, "Content-Type": "application/json"},
            access_hint=(
                f"put an API key of this account that may read into {config.token_env}, and see "
                "that the source's url is of its region"
            ),
            patience=context.patience,
        )
        super().__init__(http, context)

    def check(self) -> str:
        return f"{self._newest().data.get('total') or 0:,} incidents in 30 days"

    def sync(self, landing: Landing) -> None:
        config, sync = self._config, Sync(self.http, landing, self.progress)
        now = self._newest().date.replace(microsecond=0)
        end = now - timedelta(seconds=config.settle_seconds)
        overlap = timedelta(seconds=config.overlap_seconds)
        since = self._begin(landing, end, overlap)
        if config.changes == "analytics":
            analytics.read_changes(sync, end=end, overlap=max(overlap, DAY))
        else:
            began = moment(landing.cursors["began"])
            Changes(sync, began=began, since=since, overlap=overlap).read(end)
        months.back_fill_incidents(sync, since, now)
        kinds = (OVERVIEW if config.changes == "analytics" else EVERYTHING,)
        months.back_fill_log_entries(sync, since, kinds)
        months.sweep(
            sync,
            Window(since, end),
            now,
            recent_every=timedelta(hours=config.sweep_recent_hours),
            all_every=timedelta(hours=config.sweep_all_hours),
        )
        self._count(landing, Window(since, end))
        if sync.is_due("directory", config.directory_hours, now):
            self._read_directory(landing, now)

    def _newest(self) -> Reply:
        """A page of one incident: how many there are of late, and the server's clock."""
        today = datetime.now(UTC)
        window = [("since", iso(today - 30 * DAY)), ("until", iso(today + DAY))]
        return self.http.get(
            "/incidents", [*window, ("time_zone", "UTC"), ("limit", 1), ("total", "true")]
        )

    def _begin(self, landing: Landing, end: datetime, overlap: timedelta) -> datetime:
        """Where all begins; at the first sync this is also where changes and back-fill part."""
        since = self._config.begins_at(end).replace(hour=0, minute=0, second=0, microsecond=0)
        if "since" not in landing.cursors:
            # Log entries that come late are looked for from the very beginning.
            began = iso(max(end - overlap, since))
            landing.commit(
                since=iso(since),
                began=began,
                changes=began,
                incidents_from=began,
                log_entries_from=began,
            )
        recorded = moment(landing.cursors["since"])
        # Without a date of its own the beginning stays where the first sync found it.
        if self._config.since is None or since >= recorded:
            return recorded
        landing.commit(since=iso(since))
        return since

    def _read_directory(self, landing: Landing, now: datetime) -> None:
        # Accounts without the feature have no such address.
        reply = self.http.find("/priorities", [("limit", 100)])
        landing.replace("priorities", "all", reply.data["priorities"] if reply else [])
        landing.commit()
        for name in self._config.directory:

            def keep(records: Iterable[Record], name: str = name) -> None:
                kept = ({k: v for k, v in r.items() if k not in PRIVATE} for r in records)
                landing.replace(name, "all", kept if name == "users" else records)

            listing(self.http, name, f"/{name}", name, keep)
            landing.commit()
            self.progress(name)
        landing.commit(directory=iso(now))

    def _count(self, landing: Landing, window: Window) -> None:
        """What the source holds of all that is read: incidents created in `window`."""
        until = window.until
        while until > window.since:
            since = max(until - COUNTED, window.since)
            asked = [("since", iso(since)), ("until", iso(until)), ("time_zone", "UTC")]
            reply = self.http.get("/incidents", [*asked, ("limit", 1), ("total", "true")])
            total = reply.data.get("total")
            if total is not None:
                landing.observe("incidents", source_count=total, since=since, until=until)
            until = since
