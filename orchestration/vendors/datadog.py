"""Datadog: its SLOs and their histories, as good and all events or as up and down times.

Histories are requested in windows of a fixed grid, each when it is over: the longer a window, the
coarser its points, so recent history uses short windows and years of it longer ones.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal

from pydantic import Field

from orchestration.documents.strict import matching
from orchestration.http import Reply, SourceError, paging
from orchestration.landing import Landing
from orchestration.vendors import base

PAGE = 1000
# Each window of each SLO is a request, so the first sync goes less far back than elsewhere.
HISTORY_DAYS = 180
Site = Annotated[
    str,
    matching(
        r"(?:(?!app\.|api\.|www\.)[a-z0-9-]+\.)?(?:datadoghq\.(?:com|eu)|ddog-gov\.com)",
        "is not a Datadog site",
        "write what follows app. in the browser's address, such as datadoghq.eu",
    ),
]


class DatadogConfig(base.SourceConfig):
    """Which site, which SLOs, and the length of windows for reading histories."""

    site: Site = "datadoghq.com"
    # Instead of the site's address, for a proxy.
    url: base.Url | None = None
    api_key_env: base.EnvName = "DD_API_KEY"
    app_key_env: base.EnvName = "DD_APP_KEY"
    # Only SLOs with this tag, such as `env:prod`.
    tags_query: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    # A day is a multiple, so that windows begin at the same hours every day.
    window_hours: Literal[1, 2, 3, 4, 6, 8, 12, 24] = 6
    # History is read in windows of this many days, as long as so many are left.
    backfill_days: Annotated[int, Field(strict=True, ge=1, le=3)] = 3
    # A window is requested this long after its end.
    late_minutes: Annotated[int, Field(strict=True, ge=0, le=1440)] = 30

    def extractor(self, context: base.Context) -> Datadog:
        return Datadog(self, context)

    def begins_at(self, now: datetime) -> datetime:
        """Start of the first sync: `since`, or 180 days back."""
        return super().begins_at(now) if self.since else now - timedelta(days=HISTORY_DAYS)


class Datadog(base.HttpExtractor):
    """Lands `slos` (all of them), `histories` (each answer) and `samples` (points of answers)."""

    def __init__(self, config: DatadogConfig, context: base.Context) -> None:
        self._config = config
        api, app = config.api_key_env, config.app_key_env
        super().__init__(
            context,
            "datadog",
            config.url or f"https://api.{config.site}",
            {
                "DD-API-KEY": base.secret(context, api, "datadog", "an API key"),
                "DD-APPLICATION-KEY": base.secret(context, app, "datadog", "an application key"),
            },
            f"check that {api} and {app} are keys of {config.site}, and give the application key "
            "the right slos_read",
        )

    def check(self) -> str:
        return f"{len(self._list()[0]):,} SLOs"

    def sync(self, landing: Landing) -> None:
        self.landing = landing
        slos, clock = self._list()
        landing.replace("slos", "all", slos)
        landing.observe("slos", source_count=len(slos))
        ids = [str(slo["id"]) for slo in slos]
        landing.commit(**{name: None for name in landing.cursors if name not in ids})
        for position, slo_id in enumerate(ids, start=1):
            if count := self._sync_history(slo_id, clock):
                self.progress(f"SLO {position:,} of {len(ids):,}: {count:,} windows")

    def _list(self) -> tuple[list[dict[str, Any]], datetime]:
        """Every SLO, ordered by id, and the server's clock."""
        tags = {"tags_query": self._config.tags_query} if self._config.tags_query else {}

        def ask(offset: int) -> Reply:
            return self.http.get("/api/v1/slo", {"limit": PAGE, "offset": offset, **tags})

        def read() -> tuple[list[dict[str, Any]], datetime]:
            pages = [*paging.pages(ask, paging.ByOffset(_data, _has_more), 0)]
            slos = [slo for page in pages for slo in page.records]
            return sorted(slos, key=lambda slo: str(slo["id"])), pages[0].reply.date

        return paging.steady("datadog: SLOs", read)

    def _sync_history(self, slo_id: str, clock: datetime) -> int:
        """Land every window that is over and not yet read; returns how many."""
        short, long = self._config.window_hours * 3600, self._config.backfill_days * 86400
        until = int(clock.timestamp()) - self._config.late_minutes * 60
        begin = int(self._config.begins_at(clock).timestamp())
        start, count = self.landing.cursors.get(slo_id, begin // short * short), 0
        while start + short <= until:
            end = start + (long if start + long <= until else short)
            asked = {"from_ts": start, "to_ts": end}
            reply = self.http.find(f"/api/v1/slo/{slo_id}/history", asked)
            if reply is None:  # Deleted since it was listed; the next list won't have it.
                break
            answer = {"slo_id": slo_id, **asked, "asked_at": base.iso(reply.date)}
            data = _data(reply.data)
            self.landing.append("histories", [{**answer, "data": data}])
            self.landing.append("samples", ({**answer, **point} for point in _points(data)))
            self.landing.commit(**{slo_id: end})
            span = [datetime.fromtimestamp(at, UTC) for at in (start, end)]
            for stream in ("histories", "samples"):
                self.landing.observe(stream, since=span[0], until=span[1])
            start, count = end, count + 1
        return count


def _data(answer: Any) -> Any:
    data = answer.get("data") if isinstance(answer, dict) else None
    if data is None:
        raise SourceError("datadog: answered without data; check the source's site or url")
    return data


def _has_more(answer: Any, end: int) -> bool:
    page = (answer.get("metadata") or {}).get("page") or {}
    total = page.get("total_filtered_count", page.get("total_count"))
    return len(answer["data"]) >= PAGE if total is None else end < int(total)


def _points(data: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Good and all events of each interval, from parallel lists in the answer.

    Both lists share their times or each has its own; always in milliseconds.
    """
    series = data.get("series") or {}
    good, total = (_values(series, side) for side in ("numerator", "denominator"))
    for at in sorted(total.keys() | good.keys()):
        yield {
            "interval_seconds": series.get("interval"),
            "sampled_at": int(at),
            "good": good.get(at),
            "total": total.get(at),
        }


def _values(series: Mapping[str, Any], side: str) -> dict[float, float | None]:
    part = series.get(side) or {}
    times, values = part.get("times") or series.get("times") or [], part.get("values") or []
    if len(times) != len(values):
        raise SourceError(
            f"datadog: a history has {len(values)} values of its {side} for {len(times)} times; "
            "report it"
        )
    return dict(zip(times, values, strict=True))
