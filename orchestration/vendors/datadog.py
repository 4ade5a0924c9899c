"""Datadog: its SLOs, and how each of them did, as good and all events or as up and down times.

Histories are asked for in windows of a fixed grid, each when it is over: the longer a window, the
coarser its points, so short ones are kept for what is new and longer ones for years of history.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from pydantic import AfterValidator, Field

from orchestration.documents.strict import fault
from orchestration.http import Http, Reply, SourceError, paging
from orchestration.landing import Landing
from orchestration.vendors.base import (
    Context,
    EnvName,
    HttpExtractor,
    SourceConfig,
    Url,
    iso,
    secret,
)

PAGE = 1000
# Each window of each SLO is a request, so that the first sync goes less far back than elsewhere.
HISTORY_DAYS = 180
SITE = re.compile(r"(?:(?!app\.|api\.|www\.)[a-z0-9-]+\.)?(?:datadoghq\.(?:com|eu)|ddog-gov\.com)")


def _site(value: str) -> str:
    if not SITE.fullmatch(value):
        raise fault(
            "is not a site of Datadog's",
            "write what follows app. in the browser's address, such as datadoghq.eu",
        )
    return value


# Whole hours, of which a day is a multiple, so that windows begin at the same hours every day.
WindowHours = Annotated[int, Field(strict=True, ge=1, le=24)]


def _divides_a_day(value: int) -> int:
    if 24 % value:
        raise fault(f"{value} hours don't divide a day", "write 1, 2, 3, 4, 6, 8, 12 or 24")
    return value


class DatadogConfig(SourceConfig):
    """Which site, which SLOs, and in how long windows their histories are read."""

    site: Annotated[str, AfterValidator(_site)] = "datadoghq.com"
    # Instead of the site's address, for a proxy.
    url: Url | None = None
    api_key_env: EnvName = "DD_API_KEY"
    app_key_env: EnvName = "DD_APP_KEY"
    # Only SLOs with this tag, such as `env:prod`.
    tags_query: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    window_hours: Annotated[WindowHours, AfterValidator(_divides_a_day)] = 6
    # History is read in windows of this many days, while so many are left.
    backfill_days: Annotated[int, Field(strict=True, ge=1, le=3)] = 3
    # A window is asked for when it has been over for so long.
    late_minutes: Annotated[int, Field(strict=True, ge=0, le=1440)] = 30

    def extractor(self, context: Context) -> Datadog:
        return Datadog(self, context)

    def begins_at(self, now: datetime) -> datetime:
        """Where the first sync begins: `since`, or 180 days back."""
        return super().begins_at(now) if self.since else now - timedelta(days=HISTORY_DAYS)


class Datadog(HttpExtractor):
    """Lands `slos` (all there are), `histories` (each answer) and `samples` (points of answers)."""

    def __init__(self, config: DatadogConfig, context: Context) -> None:
        self._config = config
        http = Http(
            "datadog",
            config.url or f"https://api.{config.site}",
            credentials={
                "DD-API-KEY": secret(context, config.api_key_env, "datadog", "an API key"),
                "DD-APPLICATION-KEY": secret(
                    context, config.app_key_env, "datadog", "an application key"
                ),
            },
            access_hint=(
                f"check that {config.api_key_env} and {config.app_key_env} are keys of "
                f"{config.site}, and give the application key the right slos_read"
            ),
            patience=context.patience,
        )
        super().__init__(http, context)

    def check(self) -> str:
        reply = self.http.get("/api/v1/slo", self._list_params(1, 0))
        found, total = len(_data(reply.data)), _total(reply.data)
        return f"{found if total is None else total:,} SLOs"

    def sync(self, landing: Landing) -> None:
        slos, clock = self._list()
        landing.replace("slos", "all", slos)
        landing.observe("slos", source_count=len(slos))
        ids = [str(slo["id"]) for slo in slos]
        gone = {name: None for name in landing.cursors if name not in ids}
        landing.commit(**gone)
        for position, slo_id in enumerate(ids, start=1):
            count = self._sync_history(landing, slo_id, clock)
            if count:
                self.progress(f"SLO {position:,} of {len(ids):,}: {count:,} windows")

    def _list(self) -> tuple[list[dict[str, Any]], datetime]:
        """Every SLO, in the order of ids, and the server's clock."""

        def ask(offset: int) -> Reply:
            return self.http.get("/api/v1/slo", self._list_params(PAGE, offset))

        def read() -> tuple[list[dict[str, Any]], datetime]:
            style = paging.ByOffset(_data, _has_more)
            pages = [*paging.pages(ask, style, 0)]
            slos = [slo for page in pages for slo in page.records]
            return sorted(slos, key=lambda slo: str(slo["id"])), pages[0].reply.date

        return paging.steady("datadog: SLOs", read)

    def _list_params(self, limit: int, offset: int) -> dict[str, str | int]:
        tags = {"tags_query": self._config.tags_query} if self._config.tags_query else {}
        return {"limit": limit, "offset": offset, **tags}

    def _sync_history(self, landing: Landing, slo_id: str, clock: datetime) -> int:
        """Every window that is over and not read yet; returns how many."""
        short = self._config.window_hours * 3600
        long = self._config.backfill_days * 86400
        until = int(clock.timestamp()) - self._config.late_minutes * 60
        begin = int(self._config.begins_at(clock).timestamp())
        start = landing.cursors.get(slo_id, begin // short * short)
        count = 0
        while start + short <= until:
            end = start + (long if start + long <= until else short)
            reply = self.http.find(
                f"/api/v1/slo/{slo_id}/history", {"from_ts": start, "to_ts": end}
            )
            if reply is None:  # Deleted since it was listed; the next list won't have it.
                break
            answer = {
                "slo_id": slo_id,
                "from_ts": start,
                "to_ts": end,
                "asked_at": iso(reply.date),
            }
            data = _data(reply.data)
            landing.append("histories", [{**answer, "data": data}])
            landing.append("samples", ({**answer, **point} for point in _points(data)))
            landing.commit(**{slo_id: end})
            for stream in ("histories", "samples"):
                landing.observe(
                    stream,
                    since=datetime.fromtimestamp(start, UTC),
                    until=datetime.fromtimestamp(end, UTC),
                )
            start, count = end, count + 1
        return count


def _data(answer: Any) -> Any:
    data = answer.get("data") if isinstance(answer, dict) else None
    if data is None:
        raise SourceError("datadog: answered without data; check the source's site or url")
    return data


def _total(answer: Any) -> int | None:
    """How many SLOs exist, where Datadog says."""
    page = (answer.get("metadata") or {}).get("page") or {}
    total = page.get("total_filtered_count", page.get("total_count"))
    return None if total is None else int(total)


def _has_more(answer: Any, end: int) -> bool:
    total = _total(answer)
    return len(answer["data"]) >= PAGE if total is None else end < total


def _points(data: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Good and all events of each interval, which the answer gives as parallel lists.

    Times are common to both lists or each has its own; milliseconds either way.
    """
    series = data.get("series") or {}
    good = _values(series, "numerator")
    total = _values(series, "denominator")
    for at in sorted(total.keys() | good.keys()):
        yield {
            "interval_seconds": series.get("interval"),
            "sampled_at": int(at),
            "good": good.get(at),
            "total": total.get(at),
        }


def _values(series: Mapping[str, Any], side: str) -> dict[float, float | None]:
    part = series.get(side) or {}
    times = part.get("times") or series.get("times") or []
    values = part.get("values") or []
    if len(times) != len(values):
        raise SourceError(
            f"datadog: a history has {len(values)} values of its {side} for {len(times)} times; "
            "report it"
        )
    return dict(zip(times, values, strict=True))
