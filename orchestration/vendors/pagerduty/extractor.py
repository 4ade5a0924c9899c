"""PagerDuty's REST API v2: incidents, log entries, what they refer to, and deletions.

Each step of a sync continues where a killed sync left it. PagerDuty doesn't report deleted
incidents, so a stream of snapshots lists the ids of each quarter of a month: the file of a past
quarter stays equal, byte for byte, until something in it is deleted. A record without an id states
the window of the file.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Annotated, Literal

from pydantic import Field

from orchestration.http import Reply
from orchestration.landing import Landing
from orchestration.vendors import base
from orchestration.vendors.pagerduty.changes import Changes
from orchestration.vendors.pagerduty.pages import (
    CHANNELS,
    Options,
    Window,
    in_pieces,
    listing,
    pages,
)

# People's contact data is not needed here.
PRIVATE = ("contact_methods", "notification_rules")
MEDIA_TYPE = "application/vnd.pagerduty+json;version=2"
BACK_FILLED: tuple[tuple[str, Options], ...] = (
    ("incidents", ()),
    ("log_entries", (("is_overview", "false"), CHANNELS)),
)
DAY = timedelta(days=1)
# PagerDuty counts over six months at most.
COUNTED = timedelta(days=180)
QUARTERS = (1, 8, 15, 22)
RECENT = timedelta(days=183)

Directory = Literal["services", "teams", "users"]
Seconds = Annotated[int, Field(strict=True, ge=0, le=86_400)]


class PagerDutyConfig(base.SourceConfig):
    """How PagerDuty is read. Accounts in the EU: `url: https://api.eu.pagerduty.com`.

    Attributes:
        settle_seconds: younger records are left to the next sync.
        overlap_seconds: how late log entries may appear and still be found.
        sweep_recent_hours: how often incidents of the last six months are checked for deletions.
        sweep_all_hours: how often all are.
        directory: which objects that incidents refer to are read too; priorities always are.
        directory_hours: how often these are read.
    """

    url: base.Url = "https://api.pagerduty.com"
    token_env: base.EnvName = "PAGERDUTY_TOKEN"  # noqa: S105
    settle_seconds: Seconds = 60
    overlap_seconds: Seconds = 900
    sweep_recent_hours: base.Hours = 24
    sweep_all_hours: base.Hours = 168
    directory: tuple[Directory, ...] = ("services", "teams", "users")
    directory_hours: base.Hours = 24

    def extractor(self, context: base.Context) -> PagerDuty:
        return PagerDuty(self, context)


class PagerDuty(base.HttpExtractor):
    """Lands incidents, log_entries, incident_ids, priorities, services, teams and users.

    Cursors: `since`, the start of all; `began`, where the first sync took over from the backfill;
    `incidents_from` and `log_entries_from`, how far the backfill got; `directory`, when the
    directory was read; `swept`, when each month was; those of changes are in `Changes`.
    """

    def __init__(self, config: PagerDutyConfig, context: base.Context) -> None:
        self._config = config
        token = base.secret(context, config.token_env, "pagerduty", "a read-only API key")
        super().__init__(
            context,
            "pagerduty",
            config.url,
            {"Authorization": f"Token token={token}"},
            f"put an API key of this account with read access into {config.token_env}; see that "
            "the source's url is that of its region",
            headers={"Accept": MEDIA_TYPE, "Content-Type": "application/json"},
        )

    def check(self) -> str:
        return f"{self._newest().data.get('total') or 0:,} incidents in 30 days"

    def sync(self, landing: Landing) -> None:
        self.landing, config = landing, self._config
        now = self._newest().date.replace(microsecond=0)
        end = now - timedelta(seconds=config.settle_seconds)
        overlap = timedelta(seconds=config.overlap_seconds)
        since = self._begin(end, overlap)
        Changes(self, since).read(end, overlap)
        for stream, options in BACK_FILLED:
            self._back_fill(stream, options, since)
        for month in base.months(since, end):
            self._sweep(Window(*month), now)
        if since < end:
            self._count(Window(since, end))
        if base.is_over(landing.cursors.get("directory"), config.directory_hours, now):
            self._read_directory(now)

    def _newest(self) -> Reply:
        """The number of recent incidents, and the server's clock."""
        today = datetime.now(UTC)
        return self._ask(Window(today - 30 * DAY, today + DAY))

    def _ask(self, window: Window) -> Reply:
        return self.http.get("/incidents", [*window.params(), ("limit", 1), ("total", "true")])

    def _begin(self, end: datetime, overlap: timedelta) -> datetime:
        """The start of all; the first sync also sets where changes and backfill meet."""
        since = self._config.begins_at(end).replace(hour=0, minute=0, second=0, microsecond=0)
        if "since" not in self.landing.cursors:
            # Late log entries are looked for from the very beginning.
            began = base.iso(max(end - overlap, since))
            names = ("began", "changes", "incidents_from", "log_entries_from")
            self.landing.commit(since=base.iso(since), **dict.fromkeys(names, began))
        recorded = base.moment(self.landing.cursors["since"])
        # Without a configured date the start remains that of the first sync.
        if self._config.since is None or since >= recorded:
            return recorded
        self.landing.commit(since=base.iso(since))
        return since

    def _back_fill(self, stream: str, options: Options, since: datetime) -> None:
        """Land what was created from `since` to where the backfill is, newest month first."""
        landing, cursor = self.landing, f"{stream}_from"

        def read(piece: Window) -> None:
            for page in pages(self.http, f"/{stream}", piece, options):
                landing.append(stream, page)

        for month in base.months(since, base.moment(landing.cursors[cursor])):
            for piece in in_pieces(landing, Window(*month), read, newest_first=True):
                landing.observe(stream, since=piece.since, until=piece.until)
                landing.commit(**{cursor: base.iso(piece.since)})
                self.progress(f"{stream} back to {piece.since:%Y-%m-%d}")

    def _sweep(self, month: Window, now: datetime) -> None:
        """Land the ids of a month that was never swept, or whose sweep is due again."""
        config, name = self._config, f"{month.since:%Y-%m}"
        swept: dict[str, str] = dict(self.landing.cursors.get("swept", {}))
        is_recent = month.until > now - RECENT
        hours = config.sweep_recent_hours if is_recent else config.sweep_all_hours
        if not base.is_over(swept.get(name), hours, now):
            return
        created: dict[str, datetime] = {}

        def read(piece: Window) -> None:
            for page in pages(self.http, "/incidents", piece):
                created.update((one["id"], base.moment(one["created_at"])) for one in page)

        for _ in in_pieces(self.landing, month, read):
            pass
        for part in _quarters(month):
            ids = sorted(one for one, at in created.items() if at in part)
            window = {"since": base.iso(part.since), "until": base.iso(part.until)}
            first = part.since.replace(day=max(d for d in QUARTERS if d <= part.since.day))
            records = ({"id": one, **window} for one in (None, *ids))
            self.landing.replace("incident_ids", f"{first:%Y-%m-%d}", records)
        self.landing.commit(swept={**swept, name: base.iso(now)})
        self.progress(f"swept {name}: {len(created):,}")

    def _count(self, window: Window) -> None:
        """How many incidents created in `window` the source has."""
        for part in window.split(-((window.since - window.until) // COUNTED)):
            total = self._ask(part).data.get("total")
            if total is not None:
                self.landing.observe(
                    "incidents", source_count=total, since=part.since, until=part.until
                )

    def _read_directory(self, now: datetime) -> None:
        # Accounts without the feature lack this endpoint.
        reply = self.http.find("/priorities", [("limit", 100)])
        self.landing.replace("priorities", "all", reply.data["priorities"] if reply else [])
        for name in self._config.directory:
            records = listing(self.http, f"/{name}")
            kept = ({k: v for k, v in one.items() if k not in PRIVATE} for one in records)
            self.landing.replace(name, "all", kept)
            self.progress(name)
        self.landing.commit(directory=base.iso(now))


def _quarters(month: Window) -> Iterator[Window]:
    """The parts of the month's window in each of its quarters."""
    first = month.since.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    starts = [first.replace(day=day) for day in QUARTERS]
    ends = [*starts[1:], month.until]
    for start, end in zip(starts, ends, strict=True):
        part = Window(max(start, month.since), min(end, month.until))
        if part.since < part.until:
            yield part
