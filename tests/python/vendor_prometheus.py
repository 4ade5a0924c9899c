"""A server that answers as Prometheus does: a grid of points, caps, gaps, retention, warnings."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime

from .loopback import Answer, Request, Vendor

MAX_POINTS = 11_000


@dataclass
class Series:
    """Labels, and values by the moment of their point (seconds since 1970)."""

    metric: dict[str, str]
    points: dict[int, str] = field(default_factory=dict)


class FakePrometheus(Vendor):
    """Holds series by the text of the query that gives them."""

    def __init__(self, at: int) -> None:
        super().__init__()
        self.at = at
        self.held: dict[str, list[Series]] = {}
        self.retention_seconds = 10**9
        self.max_samples = 10**9
        self.warnings: list[str] = []
        self.is_partial = False

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.at, UTC)

    def answer(self, request: Request) -> Answer:
        if request.method != "GET":
            return Answer({"status": "error", "error": "no form"}, 415)
        query = request.one("query")
        if request.path == "/api/v1/query":
            return self._instant(query)
        if request.path == "/api/v1/query_range":
            return self._range(request, query)
        return Answer("404 page not found", 404)

    def _instant(self, query: str) -> Answer:
        if query == "time()":
            return self._said("scalar", [self.at, str(self.at)])
        counted = re.fullmatch(r"count\((.*)\)", query)
        held = self.held.get(counted[1] if counted else query, [])
        newest = [(series.metric, self._newest(series)) for series in held]
        there = [(metric, value) for metric, value in newest if value is not None]
        if counted:
            count = [{"metric": {}, "value": [self.at, str(len(there))]}] if there else []
            return self._said("vector", count)
        return self._said(
            "vector", [{"metric": metric, "value": [self.at, value]} for metric, value in there]
        )

    def _range(self, request: Request, query: str) -> Answer:
        start, end, step = (int(request.one(name, "0")) for name in ("start", "end", "step"))
        if step <= 0 or end < start:
            return Answer({"status": "error", "errorType": "bad_data", "error": "no step"}, 400)
        if (end - start) // step + 1 > MAX_POINTS:
            error = "exceeded maximum resolution of 11,000 points per timeseries"
            return Answer({"status": "error", "errorType": "bad_data", "error": error}, 400)
        result = []
        for series in self.held.get(query, []):
            values = [
                [at, series.points[at]]
                for at in range(start, end + 1, step)
                if at in series.points and at > self.at - self.retention_seconds
            ]
            if values:
                result.append({"metric": series.metric, "values": values})
        if sum(len(series["values"]) for series in result) > self.max_samples:
            error = "query processing would load too many samples into memory in query execution"
            return Answer({"status": "error", "errorType": "execution", "error": error}, 422)
        return self._said("matrix", result)

    def _newest(self, series: Series) -> str | None:
        """Prometheus looks back five minutes."""
        at = max((at for at in series.points if self.at - 300 < at <= self.at), default=None)
        return None if at is None else series.points[at]

    def _said(self, kind: str, result: object) -> Answer:
        said: dict[str, object] = {
            "status": "success",
            "data": {"resultType": kind, "result": result},
        }
        said |= {"isPartial": True} if self.is_partial else {}
        return Answer(said | ({"warnings": self.warnings} if self.warnings else {}))
