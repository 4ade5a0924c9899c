"""A server that answers as Datadog's SLO API does: offsets, implicit intervals, rate limits."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

from .loopback import Answer, Request, Vendor

HISTORY = re.compile(r"/api/v1/slo/([^/]+)/history")


class FakeDatadog(Vendor):
    """SLOs in the order they were made. What happened is a function of SLO and time, and may be
    corrected after the fact."""

    def __init__(self, at: int) -> None:
        super().__init__()
        self.at = at
        self.slos: list[dict[str, Any]] = []
        self.corrections: dict[str, int] = {}
        self.has_common_times = True

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.at, UTC)

    def add(self, slo_id: str, kind: str = "metric", **fields: Any) -> None:
        threshold = {"timeframe": "30d", "target": 99.9, "target_display": "99.9"}
        tags = ["env:prod", f"service:{slo_id}-api"]
        made = {"id": slo_id, "name": f"name of {slo_id}", "type": kind, "tags": tags}
        self.slos.append({**made, "thresholds": [threshold], "timeframe": "30d", **fields})

    def answer(self, request: Request) -> Answer:
        if not (request.headers.get("dd-api-key") and request.headers.get("dd-application-key")):
            return Answer({"errors": ["Forbidden"]}, 403)
        if request.path == "/api/v1/slo":
            return self._list(request)
        if match := HISTORY.fullmatch(request.path):
            return self._history(match[1], request)
        return Answer({"errors": ["Not found"]}, 404)

    def _list(self, request: Request) -> Answer:
        limit, offset = int(request.one("limit", "1000")), int(request.one("offset", "0"))
        wanted = request.one("tags_query")
        found = [slo for slo in self.slos if not wanted or wanted in slo["tags"]]
        page = {"total_count": len(self.slos), "total_filtered_count": len(found)}
        data = found[offset : offset + min(limit, 1000)]
        return Answer({"data": data, "errors": [], "metadata": {"page": page}})

    def _history(self, slo_id: str, request: Request) -> Answer:
        start, end = int(request.one("from_ts")), int(request.one("to_ts"))
        if end <= start or end > self.at:
            return Answer({"errors": ["to_ts must be later than from_ts, and past"]}, 400)
        slo = next((slo for slo in self.slos if slo["id"] == slo_id), None)
        if slo is None:
            return Answer({"errors": ["SLO not found"]}, 404)
        data: dict[str, Any] = {"from_ts": start, "to_ts": end, "type": slo["type"]}
        if slo["type"] == "metric":
            data["series"] = self._series(slo_id, start, end)
            data["overall"] = {"sli_value": 99.0}
        else:
            data["overall"] = {
                "sli_value": 99.0,
                "history": [[start - 100, 0], [start + 600, 1], [start + 900, 0]],
            }
        return Answer({"data": data, "errors": None})

    def _series(self, slo_id: str, start: int, end: int) -> dict[str, Any]:
        """The longer the window, the coarser: about 70 points."""
        interval = max((end - start) // 72, 60)
        times = [at * 1000 for at in range(start, end, interval)]
        good, total = zip(*(self.events(slo_id, at // 1000) for at in times), strict=True)
        common = {"times": times} if self.has_common_times else {}
        own = {} if self.has_common_times else {"times": times}
        return {
            "res_type": "time_series",
            "interval": interval,
            "numerator": {"count": len(good), "sum": sum(good), "values": good, **own},
            "denominator": {"count": len(total), "sum": sum(total), "values": total, **own},
            **common,
        }

    def events(self, slo_id: str, at: int) -> tuple[int, int]:
        """Good and all events of the interval that begins at a moment."""
        total = 100 + at // 60 % 7 + len(slo_id)
        return total - at // 60 % 5 + self.corrections.get(slo_id, 0), total
