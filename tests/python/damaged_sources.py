"""A good file of each source, for tests that damage it: four records of the service shop that ended
at 08:30.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from typing import Any

from .loader_helpers import Json

Records = list[Json]


def each(change: Callable[[Json], Json]) -> Callable[[Records], Records]:
    return lambda records: [change(record) for record in records]


def without(*names: str) -> Callable[[Records], Records]:
    return each(lambda record: {k: v for k, v in record.items() if k not in names})


def renamed(**names: str) -> Callable[[Records], Records]:
    return each(lambda record: {names.get(k, k): v for k, v in record.items()})


def changed(**values: Any) -> Callable[[Records], Records]:
    return each(lambda record: record | {k: v for k, v in values.items() if k in record})


def pagerduty(name: str) -> Records:
    return [
        {
            "id": f"{name}-{n}", "incident_number": n, "title": "Zahlungen größer 5 s",
            "status": "resolved", "urgency": "high", "service": {"id": "PX", "summary": "shop"},
            "created_at": "2026-06-10T07:00:00Z", "resolved_at": "2026-06-10T08:30:00Z",
            "updated_at": f"2026-06-10T08:3{n}:00Z",
        }
        for n in range(4)
    ]  # fmt: skip


def report(name: str) -> Records:
    """PagerDuty's own CSV."""
    return [
        {
            "id": f"{name}-{n}", "incident_number": n, "description": "Zahlungen größer 5 s",
            "service_id": "PX", "service_name": "shop", "created_on": "2026-06-10T07:00:00Z",
            "resolved_on": "2026-06-10T08:30:00Z", "seconds_to_first_ack": 60, "note": f"n{n}",
        }
        for n in range(4)
    ]  # fmt: skip


def opsgenie(name: str) -> Records:
    return [
        {
            "id": f"{name}-{n}", "tinyId": str(n), "message": "Zahlungen größer 5 s",
            "status": "closed", "priority": "P1", "impactedServices": ["shop"],
            "tags": [], "createdAt": "2026-06-10T07:00:00Z",
            "impactEndDate": "2026-06-10T08:30:00Z", "updatedAt": "2026-06-10T08:30:00Z",
        }
        for n in range(4)
    ]  # fmt: skip


def alerts(name: str) -> Records:
    tagged: Json = {"tags": ["service:shop"], "details": {}, "report": {"closeTime": 5_400_000}}
    records = without("impactedServices", "impactEndDate")(opsgenie(name))
    return [record | tagged for record in records]


def servicenow(name: str) -> Records:
    return [
        {
            "number": f"{name}-{n}", "short_description": "Zahlungen größer 5 s", "state": "7",
            "active": "false", "priority": "1 - Critical", "cmdb_ci": "shop",
            "opened_at": "2026-06-10 07:00:00", "resolved_at": "2026-06-10 08:30:00",
            "closed_at": "2026-06-15 08:30:00", "sys_updated_on": f"2026-06-15 08:3{n}:00",
        }
        for n in range(4)
    ]  # fmt: skip


def log_entries(name: str) -> Records:
    return [
        {
            "id": f"{name}-{n}", "type": "acknowledge_log_entry", "incident": {"id": "Q1"},
            "service": {"id": "shop"}, "agent": {"id": "P1", "summary": "Größer"},
            "channel": {"type": "web"}, "created_at": "2026-06-10T08:30:00Z", "note": n,
        }
        for n in range(4)
    ]  # fmt: skip


def prometheus(name: str) -> Records:
    return [
        {
            "series_id": "shop", "value": "0.25", "asked_at": "2026-06-10T08:30:00Z",
            "sampled_at": 1_781_000_000 + n, "note": f"größer {name}", "other": n,
        }
        for n in range(4)
    ]  # fmt: skip


def datadog(name: str) -> Records:
    return [
        {
            "slo_id": "shop", "total": 100, "asked_at": "2026-06-10T08:30:00Z", "from_ts": 1,
            "to_ts": 2, "sampled_at": 1_781_000_000_000 + n, "interval_seconds": 300,
            "good": 75, "note": f"größer {name}",
        }
        for n in range(4)
    ]  # fmt: skip


def commits(name: str) -> Records:
    return [
        {
            "sha": f"{name}-{n}", "authored_at": "2026-06-10T08:30:00Z", "author": "Größer",
            "tests_changed": False, "trailers": ["Assisted-by: x"], "repository": "shop",
        }
        for n in range(4)
    ]  # fmt: skip


def _table(records: Records) -> bytes:
    out = io.StringIO()
    writer = csv.DictWriter(out, list(records[0]))
    writer.writeheader()
    writer.writerows(records)
    return out.getvalue().encode()


def _array(records: Records) -> bytes:
    return json.dumps(records, ensure_ascii=False).encode()


def _lines(records: Records) -> bytes:
    return b"\n".join(_array([record])[1:-1] for record in records)


# Source -> stream, ending, records, their file, and what names a record, its service and its end
# (or, of what has no end, a moment that is there where the values are right).
SOURCES: dict[str, tuple[str, str, Any, Any, tuple[str, str, str]]] = {
    "pagerduty": (
        "pagerduty.incidents", ".json", pagerduty, _array, ("id", "service_name", "resolved_at"),
    ),
    "report": (
        "pagerduty.incidents", ".csv", report, _table, ("id", "service_name", "resolved_at"),
    ),
    "opsgenie": (
        "opsgenie.incidents", ".json", opsgenie, _array, ("id", "service_id", "impact_end_at"),
    ),
    "alerts": (
        "opsgenie.alerts", ".ndjson", alerts, _lines, ("id", "tagged_service", "updated_at"),
    ),
    "servicenow": (
        "servicenow.incidents", ".csv", servicenow, _table,
        ("number", "service_name", "resolved_at"),
    ),
    "table_api": (
        "servicenow.incidents", ".json", servicenow, _array,
        ("number", "service_name", "resolved_at"),
    ),
    "log_entries": (
        "pagerduty.log_entries", ".json", log_entries, _array,
        ("id", "service_id", "case when type = 'acknowledge_log_entry' then created_at end"),
    ),
    "prometheus": (
        "prometheus.samples", ".ndjson", prometheus, _lines,
        ("sampled_at", "series_id", "case when value = 0.25 then asked_at end"),
    ),
    "datadog": (
        "datadog.samples", ".json", datadog, _array,
        ("sampled_ms", "slo_id", "case when good / total = 0.75 then asked_at end"),
    ),
    "commits": (
        "commits.commits", ".ndjson", commits, _lines,
        ("sha", "repository", "case when not tests_changed then authored_at end"),
    ),
}  # fmt: skip
