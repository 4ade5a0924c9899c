"""Prometheus, and what speaks its API (Thanos, Mimir, VictoriaMetrics): error ratios over time.

Recorded rules are read as series of points on a fixed grid, in chunks of at most 11,000 points,
each of which is committed by itself. A point that isn't there is a gap and never a zero.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import datetime
from typing import Annotated, Any

from pydantic import Field, model_validator

from orchestration.documents.strict import fault
from orchestration.http import Http, Params, Reply, SourceError
from orchestration.landing import Landing
from orchestration.vendors.base import (
    Context,
    EnvName,
    Hours,
    HttpExtractor,
    SourceConfig,
    Url,
    authorization,
    iso,
)
from orchestration.vendors.prometheus_queries import (
    DEFAULT_QUERIES,
    Query,
    fingerprint,
    series_record,
)

# Of one series in one answer: Prometheus refuses more.
MAX_POINTS = 11_000
# Of all series in one answer, about 20 MB: what is in memory at a time.
MAX_SAMPLES = 500_000
# The chunk that is asked for without knowing how many series there are.
FIRST_POINTS = 288
# How Prometheus and this client say that an answer would be too much.
TOO_MUCH = ("answered 422", "answered with more than")

Seconds = Annotated[int, Field(strict=True, ge=1, le=86_400)]


class PrometheusConfig(SourceConfig):
    """Where Prometheus is and what it is asked.

    A token or a user in the environment is sent, else nothing: many are open to their network.
    """

    url: Url = "http://localhost:9090"
    token_env: EnvName = "PROMETHEUS_TOKEN"  # noqa: S105
    user_env: EnvName = "PROMETHEUS_USER"
    password_env: EnvName = "PROMETHEUS_PASSWORD"  # noqa: S105
    step_seconds: Seconds = 300
    # Points younger than this may still change: rules are evaluated late, replicas lag.
    delay_seconds: Seconds = 300
    # A chunk is no longer than this, where the server can't take more.
    chunk_hours: Hours | None = None
    # Take answers that come with warnings or isPartial, as Thanos and VictoriaMetrics give while a
    # store or a node is down.
    accept_partial: bool = False
    queries: Annotated[tuple[Query, ...], Field(min_length=1)] = DEFAULT_QUERIES

    @model_validator(mode="after")
    def _names_are_unique(self) -> PrometheusConfig:
        names = [query.name for query in self.queries]
        for position, name in enumerate(names):
            if name in names[:position]:
                what = f"'{name}' is given twice"
                raise fault(what, "give each query its own name", ["queries", position, "name"])
        return self

    def extractor(self, context: Context) -> Prometheus:
        return Prometheus(self, context)


class Prometheus(HttpExtractor):
    """Lands `series` (what each is of), `samples` (points) and `settings` (objectives, periods)."""

    def __init__(self, config: PrometheusConfig, context: Context) -> None:
        self._config = config
        http = Http(
            "prometheus",
            config.url,
            credentials=authorization(
                context,
                "prometheus",
                config.token_env,
                config.user_env,
                config.password_env,
                is_needed=False,
            ),
            access_hint=(
                f"put a token that may read into {config.token_env}, or a user into "
                f"{config.user_env} and {config.password_env}"
            ),
            patience=context.patience,
        )
        super().__init__(http, context)

    def check(self) -> str:
        counts = {query.name: self._count(query) for query in self._config.queries}
        found = ", ".join(f"{count:,} of {name}" for name, count in counts.items())
        hint = "" if any(counts.values()) else "; none is recorded: name what is, in queries"
        return f"series now: {found}{hint}"

    def sync(self, landing: Landing) -> None:
        settings = [query for query in self._config.queries if query.is_setting]
        clock: datetime | None = None
        for query in settings:
            reply = self._ask("/api/v1/query", {"query": query.query})
            clock = clock or reply.date
            before = landing.cursors.get(query.name, 0)
            points = [
                (result["metric"], [result["value"]])
                for result in self._result(reply, query)
                if result["value"][0] > before
            ]
            self._land(landing, query, points, reply.date)
            at = max((values[0][0] for _, values in points), default=before)
            landing.commit(**{query.name: at})
        for query in self._config.queries:
            if not query.is_setting:
                clock = clock or self._ask("/api/v1/query", {"query": "time()"}).date
                self._sync_range(landing, query, clock)

    def _sync_range(self, landing: Landing, query: Query, clock: datetime) -> None:
        """Every point of the grid after the cursor and up to now, chunk by chunk."""
        step = self._config.step_seconds
        cursor = f"{query.name}/{step}"
        until = _floor(clock.timestamp() - self._config.delay_seconds, step)
        begin = landing.cursors.get(cursor)
        start = (
            begin + step
            if begin is not None
            else -_floor(-self._config.begins_at(clock).timestamp(), step)
        )
        is_long = (until - start) // step >= FIRST_POINTS
        points = self._points(self._count(query)) if is_long else min(FIRST_POINTS, self._points(1))
        landing.observe("samples", since=_moment(start, clock), until=_moment(until, clock))
        while start <= until:
            end = min(start + (points - 1) * step, until)
            try:
                reply = self._ask(
                    "/api/v1/query_range",
                    {"query": query.query, "start": start, "end": end, "step": step},
                )
            except SourceError as error:
                if points == 1 or not any(sign in str(error) for sign in TOO_MUCH):
                    raise
                points = math.ceil(min(points, (until - start) // step + 1) / 2)
                continue
            results = self._result(reply, query)
            series = [(result["metric"], result.get("values", [])) for result in results]
            count = self._land(landing, query, series, reply.date)
            landing.commit(**{cursor: end})
            until_now = f"{_moment(end, clock):%Y-%m-%d %H:%M}"
            self.progress(f"{query.name} {until_now}: {count:,} points")
            start = end + step

    def _land(
        self,
        landing: Landing,
        query: Query,
        points: list[tuple[dict[str, str], list[tuple[float, str]]]],
        asked_at: datetime,
    ) -> int:
        """Series that are new or mapped differently than before, and all points."""
        # What landed last of each series, by its id.
        known: dict[str, str] = dict(landing.cursors.get("series", {}))
        ids: list[str] = []
        for metric, _ in points:
            record = series_record(query, metric)
            ids.append(record["series_id"])
            version = fingerprint(record)
            if known.get(record["series_id"]) != version:
                landing.append("series", [{**record, "asked_at": iso(asked_at)}])
                known[record["series_id"]] = version
        landing.cursors["series"] = known

        def samples() -> Iterator[dict[str, Any]]:
            for series_id, (_, values) in zip(ids, points, strict=True):
                for at, value in values:
                    yield {
                        "series_id": series_id,
                        "sampled_at": at,
                        "value": value,
                        "asked_at": iso(asked_at),
                    }

        return landing.append("settings" if query.is_setting else "samples", samples())

    def _points(self, series: int) -> int:
        """Points a series in a chunk: as many as fit, so that requests are few."""
        points = min(MAX_POINTS, MAX_SAMPLES // max(series, 1))
        if self._config.chunk_hours is not None:
            points = min(points, int(self._config.chunk_hours * 3600 / self._config.step_seconds))
        return max(points, 1)

    def _count(self, query: Query) -> int:
        reply = self._ask("/api/v1/query", {"query": f"count({query.query})"})
        results = self._result(reply, query)
        return int(float(results[0]["value"][1])) if results else 0

    def _result(self, reply: Reply, query: Query) -> list[dict[str, Any]]:
        data = reply.data["data"]
        if data.get("resultType") not in ("matrix", "vector"):
            raise SourceError(
                f"prometheus: query {query.name} gives a {data.get('resultType')}; write one that "
                "gives series"
            )
        return data["result"]

    def _ask(self, path: str, params: Params) -> Reply:
        reply = self.http.get(path, params)
        data = reply.data if isinstance(reply.data, dict) else {}
        if data.get("status") != "success" or not isinstance(data.get("data"), dict):
            said = str(data.get("error", "no result"))[:200]
            raise SourceError(f"prometheus: GET {path}: {said}; is that Prometheus' address?")
        # Remarks on the query itself begin so; all others say that something is missing.
        lacking = [text for text in data.get("warnings") or [] if not text.startswith("PromQL")]
        # VictoriaMetrics' clusters warn of nothing: this alone says that a node was away.
        if data.get("isPartial"):
            lacking.append("isPartial: a node of the cluster did not answer")
        if lacking and not self._config.accept_partial:
            raise SourceError(
                f"prometheus: GET {path}: answered only in part ({str(lacking[0])[:200]}); the "
                "next sync asks again, accept_partial: true in sources.yaml accepts it as it is"
            )
        return reply


def _floor(at: float, step: int) -> int:
    return math.floor(at / step) * step


def _moment(at: int, clock: datetime) -> datetime:
    return datetime.fromtimestamp(at, clock.tzinfo)
