"""Prometheus, and what speaks its API (Thanos, Mimir, VictoriaMetrics): error ratios over time.

Recorded rules are read as series of points on a fixed grid, in chunks that are committed one by
one. A missing point is a gap, never a zero.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import datetime
from typing import Annotated, Any

from pydantic import Field, model_validator

from orchestration.documents.strict import invalid
from orchestration.http import Params, Reply, SourceError
from orchestration.landing import Landing
from orchestration.vendors import base
from orchestration.vendors.prometheus_queries import (
    DEFAULT_QUERIES,
    Query,
    fingerprint,
    series_record,
)

# Points of one series in one answer: Prometheus rejects more.
MAX_POINTS = 11_000
# How Prometheus and this client report that an answer would be too large.
TOO_MUCH = ("answered 422", "answered with more than")

# The labels of a series, and its values by their moments.
Points = tuple[dict[str, str], list[tuple[float, str]]]
Seconds = Annotated[int, Field(strict=True, ge=1, le=86_400)]


class PrometheusConfig(base.SourceConfig):
    """Prometheus' address and queries.

    A token or a user from the environment is sent, else nothing: many servers are open to their
    network.
    """

    url: base.Url = "http://localhost:9090"
    token_env: base.EnvName = "PROMETHEUS_TOKEN"  # noqa: S105
    user_env: base.EnvName = "PROMETHEUS_USER"
    password_env: base.EnvName = "PROMETHEUS_PASSWORD"  # noqa: S105
    step_seconds: Seconds = 300
    # Points younger than this may still change: rules are evaluated late, replicas lag.
    delay_seconds: Seconds = 300
    # The span of one request, which is in memory at a time.
    chunk_hours: base.Hours = 24
    # Accept answers with warnings or isPartial, as Thanos and VictoriaMetrics give while a store or
    # a node is down.
    accept_partial: bool = False
    queries: Annotated[tuple[Query, ...], Field(min_length=1)] = DEFAULT_QUERIES

    @model_validator(mode="after")
    def _names_are_unique(self) -> PrometheusConfig:
        names = [query.name for query in self.queries]
        for position, name in enumerate(names):
            if name in names[:position]:
                what = f"'{name}' is given twice"
                raise invalid(what, "give each query its own name", ["queries", position, "name"])
        return self

    def extractor(self, context: base.Context) -> Prometheus:
        return Prometheus(self, context)


class Prometheus(base.HttpExtractor):
    """Lands `series` (their meanings), `samples` (points) and `settings` (objectives, periods).

    Cursors: by query, and for points also by step, the last time read; `series`, what last landed
    of each, by its id.
    """

    def __init__(self, config: PrometheusConfig, context: base.Context) -> None:
        self._config = config
        names = (config.token_env, config.user_env, config.password_env)
        super().__init__(
            context,
            "prometheus",
            config.url,
            base.authorization(context, "prometheus", *names, is_needed=False),
            "put a token that may read into {}, or a user into {} and {}".format(*names),
        )

    def check(self) -> str:
        counts: dict[str, int] = {}
        for query in self._config.queries:
            _, found = self._ask(query, "", {"query": f"count({query.query})"})
            counts[query.name] = int(float(found[0]["value"][1])) if found else 0
        found = ", ".join(f"{count:,} of {name}" for name, count in counts.items())
        hint = "" if any(counts.values()) else "; none is recorded: name those that are, in queries"
        return f"series now: {found}{hint}"

    def sync(self, landing: Landing) -> None:
        self.landing = landing
        clock: datetime | None = None
        for query in sorted(self._config.queries, key=lambda one: not one.is_setting):
            if query.is_setting:
                clock = self._sync_setting(query)
            else:
                clock = clock or self._get("/api/v1/query", {"query": "time()"}).date
                self._sync_range(query, clock)

    def _sync_setting(self, query: Query) -> datetime:
        """Land the current value of each series; returns the server's clock."""
        reply, found = self._ask(query, "", {"query": query.query})
        before = self.landing.cursors.get(query.name, 0)
        new = [(one["metric"], [one["value"]]) for one in found if one["value"][0] > before]
        self._land("settings", query, new, reply.date)
        at = max((values[0][0] for _, values in new), default=before)
        self.landing.commit(**{query.name: at})
        return reply.date

    def _sync_range(self, query: Query, clock: datetime) -> None:
        """Every point of the grid after the cursor and up to now, chunk by chunk."""
        step, cursor = self._config.step_seconds, f"{query.name}/{self._config.step_seconds}"
        until = math.floor((clock.timestamp() - self._config.delay_seconds) / step) * step
        start = math.ceil(self._config.begins_at(clock).timestamp() / step) * step
        start = self.landing.cursors.get(cursor, start - step) + step
        points = max(1, min(MAX_POINTS, int(self._config.chunk_hours * 3600 / step)))

        def moment(at: int) -> datetime:
            return datetime.fromtimestamp(at, clock.tzinfo)

        self.landing.observe("samples", since=moment(start), until=moment(until))
        while start <= until:
            end = min(start + (points - 1) * step, until)
            asked = {"query": query.query, "start": start, "end": end, "step": step}
            try:
                reply, found = self._ask(query, "_range", asked)
            except SourceError as error:
                if points == 1 or not any(sign in str(error) for sign in TOO_MUCH):
                    raise
                points = math.ceil(min(points, (until - start) // step + 1) / 2)
                continue
            series = [(one["metric"], one.get("values", [])) for one in found]
            count = self._land("samples", query, series, reply.date)
            self.landing.commit(**{cursor: end})
            self.progress(f"{query.name} {moment(end):%Y-%m-%d %H:%M}: {count:,} points")
            start = end + step

    def _land(self, stream: str, query: Query, points: list[Points], asked_at: datetime) -> int:
        """Land series that are new or mapped differently, and all points."""
        known: dict[str, str] = dict(self.landing.cursors.get("series", {}))
        asked = {"asked_at": base.iso(asked_at)}
        ids: list[str] = []
        for metric, _ in points:
            record = series_record(query, metric)
            ids.append(record["series_id"])
            version = fingerprint(record)
            if known.get(record["series_id"]) != version:
                self.landing.append("series", [{**record, **asked}])
                known[record["series_id"]] = version
        self.landing.cursors["series"] = known
        if query.kind == "error_ratio" and (wrong := sum(map(_count_wrong, points))):
            self.progress(
                f"{query.name}: {wrong:,} points outside 0 to 1 count as gaps; correct it"
            )

        def samples() -> Iterator[dict[str, Any]]:
            for series_id, (_, values) in zip(ids, points, strict=True):
                for at, value in values:
                    yield {"series_id": series_id, "sampled_at": at, "value": value, **asked}

        return self.landing.append(stream, samples())

    def _ask(self, query: Query, kind: str, params: Params) -> tuple[Reply, list[dict[str, Any]]]:
        """The answer to a query at a time, or over a `_range`, and the series in it."""
        reply = self._get(f"/api/v1/query{kind}", params)
        data = reply.data["data"]
        if data.get("resultType") not in ("matrix", "vector"):
            raise SourceError(
                f"prometheus: query {query.name} gives a {data.get('resultType')}; write one that "
                "gives series"
            )
        return reply, data["result"]

    def _get(self, path: str, params: Params) -> Reply:
        reply = self.http.get(path, params)
        data = reply.data if isinstance(reply.data, dict) else {}
        if data.get("status") != "success" or not isinstance(data.get("data"), dict):
            problem = str(data.get("error", "no result"))[:200]
            raise SourceError(f"prometheus: GET {path}: {problem}; is that Prometheus' address?")
        # Remarks on the query itself begin like this; all others mean that something is missing.
        lacking = [text for text in data.get("warnings") or [] if not text.startswith("PromQL")]
        # VictoriaMetrics' clusters give no warning: only this shows that a node was down.
        if data.get("isPartial"):
            lacking.append("isPartial: a node of the cluster did not answer")
        if lacking and not self._config.accept_partial:
            raise SourceError(
                f"prometheus: GET {path}: answered only in part ({str(lacking[0])[:200]}); the "
                "next sync asks again, accept_partial: true in sources.yaml accepts it as it is"
            )
        return reply


def _count_wrong(points: Points) -> int:
    """How many values are neither a ratio (within rounding) nor "not a number"."""
    values = [float(value) for _, value in points[1]]
    return sum(math.isfinite(one) and not -1e-6 <= one <= 1 + 1e-6 for one in values)
