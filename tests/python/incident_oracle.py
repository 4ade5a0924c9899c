"""Random incidents, and what slow, obvious Python says of their episodes and fingerprints."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import groupby
from typing import Any

from hypothesis import strategies as st

from .compiled_models import AS_OF, Warehouse

NOW = datetime.fromisoformat(AS_OF)
FLAP_GAP = timedelta(minutes=30)  # flap_gap_minutes of dbt_project.yml

# Few values, so that keys meet, and moments at the edges of the gap and of the windows.
SECONDS = st.sampled_from((0, 1, 60, 1799, 1800, 1801, 3600)) | st.integers(0, 200_000)
MOMENTS = st.tuples(st.sampled_from((0, 1, 7, 30, 90, 91, 365)) | st.integers(0, 400), SECONDS).map(
    lambda pair: NOW - timedelta(days=pair[0], seconds=pair[1])
)
COUNTED = {
    "incident_id": "varchar",
    "source_name": "varchar",
    "service_id": "varchar",
    "alert_key": "varchar",
    "failure_mode": "varchar",
    "failure_key": "varchar",
    "incident_status": "varchar",
    "triggered_at": "timestamp",
    "resolved_at": "timestamp",
}


@st.composite
def incidents(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Incidents of few alerts and services, each soon after the beginning or end of another, at
    the edges of the gap and of the repeat windows; some open, some of unknown end."""
    found: list[dict[str, Any]] = []
    pauses = st.sampled_from((0, 1, 1799, 1800, 1801, 86399, 86400, 86401, 90 * 86400))
    for n in range(draw(st.integers(1, 14))):
        triggered = draw(MOMENTS)
        alert = {
            "source_name": draw(st.sampled_from(("pagerduty", "opsgenie"))),
            "service_id": draw(st.sampled_from(("a", "b"))),
            "alert_key": draw(st.sampled_from((None, "cpu", "disk"))),
        }
        if found and draw(st.integers(0, 4)):
            other = draw(st.sampled_from(found))
            if draw(st.booleans()):
                alert = {name: other[name] for name in alert}
            edge = draw(st.sampled_from(("triggered_at", "resolved_at")))
            triggered = (other[edge] or other["triggered_at"]) + timedelta(seconds=draw(pauses))
        triggered = min(triggered, NOW)
        status = draw(st.sampled_from(("resolved", "resolved", "resolved", "open")))
        ended = min(triggered + timedelta(seconds=draw(SECONDS)), NOW)
        is_known = status == "resolved" and draw(st.integers(0, 9)) > 0
        found.append(
            {
                "incident_id": f"i{n}",
                **alert,
                "failure_mode": draw(st.sampled_from((None, "dns", "capacity", "unknown"))),
                "failure_key": draw(st.sampled_from((None, None, "DNS", "Network"))),
                "incident_status": status,
                "triggered_at": triggered,
                "resolved_at": ended if is_known else None,
            }
        )
    return found


def fill_incidents(warehouse: Warehouse, rows: list[dict[str, Any]]) -> None:
    values = [tuple(row[name] for name in COUNTED) for row in rows]
    warehouse.fill("int_incidents__counted", COUNTED, values)


def episodes(rows: list[dict[str, Any]]) -> dict[str, str]:
    """Incident -> the first of its episode."""

    def alert(row: dict[str, Any]) -> tuple[str, ...]:
        return row["source_name"], row["service_id"], row["alert_key"]

    found = {row["incident_id"]: row["incident_id"] for row in rows}
    keyed = sorted((row for row in rows if row["alert_key"]), key=alert)
    for _, group in groupby(keyed, alert):
        first, over = "", datetime.min
        for row in sorted(group, key=lambda row: (row["triggered_at"], row["incident_id"])):
            if not first or row["triggered_at"] - over > FLAP_GAP:
                first = row["incident_id"]
            found[row["incident_id"]] = first
            is_open = row["incident_status"] != "resolved"
            over = max(over, NOW if is_open else row["resolved_at"] or row["triggered_at"])
    return found


def fingerprints(row: dict[str, Any]) -> list[str]:
    """What failed, the surest first."""
    service, mode = row["service_id"], row["failure_mode"]
    found = [f"{service} / {mode}"] if mode not in (None, "unknown") else []
    found += [f"{service} / alert {row['alert_key']}"] if row["alert_key"] else []
    found += [f"{service} / {row['failure_key'].lower()}"] if row["failure_key"] else []
    return list(dict.fromkeys(found))
