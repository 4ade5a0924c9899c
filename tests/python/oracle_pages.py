"""Pages of the demo recomputed in plain Python from `raw`: who was called, on which clock."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from .oracle_incidents import AS_OF, Incident
from .oracle_scores import Oracle

CALLED = (None, "merged", "duplicate", "alert", "minor_alert")


def pages(oracle: Oracle) -> dict[str, tuple[Any, ...]]:
    """By page: incident, service, team, source, moment, its local time, part of the week, assumed.

    A responder is called once a stretch of an incident; where nobody is known to have been called,
    the trigger stands for it. Hours are Monday to Friday 9 to 17 on the team's clock.
    """
    zones = {
        f"group:default/{row['name'].lower()}": row["annotation_value"].strip()
        for row in oracle.raw.rows("backstage__annotations")
        if row["kind"].lower() == "group" and row["annotation"] == "paydown/time-zone"
    }
    moments: dict[str, tuple[Incident, str, datetime]] = {}
    paged = set()
    entries = defaultdict(list)
    for row in oracle.raw.newest("pagerduty__log_entries", "id", "created_at"):
        entries[row["incident_id"]].append(row)
    for vendor_id, rows in entries.items():
        one = oracle.records.get(f"pagerduty:{vendor_id}")
        if one is None or one.excluded not in CALLED:
            continue
        stretch = 0
        for row in sorted(rows, key=lambda r: (r["created_at"], r["id"])):
            kind = row["type"]
            if row["created_at"] > AS_OF:
                continue
            if kind == "resolve_log_entry":
                stretch += 1
            elif kind == "notify_log_entry" and row["user_id"]:
                page = f"{one.id}/{row['user_id']}/{stretch}"
                moments.setdefault(page, (one, "notification", row["created_at"]))
                paged.add(one.counted_as or one.id)
    for one in oracle.counted.values():
        if one.id not in paged:
            moments[f"{one.id}/trigger"] = (one, "trigger", one.began)
    found = {}
    for page, (one, source, at) in moments.items():
        known = oracle.names.get((one.source, (one.triggered_on or "").strip().lower()))
        service = known or one.service
        team = oracle.teams.get(service)
        zone = zones.get(team or "")
        local = at.replace(tzinfo=ZoneInfo("UTC")).astimezone(ZoneInfo(zone or "UTC"))
        local = local.replace(tzinfo=None)
        is_weekday = local.isoweekday() <= 5
        is_in = is_weekday and time(9) <= local.time() < time(17)
        part = "working hours" if is_in else "night" if is_weekday else "weekend"
        found[page] = (one.id, service, team, source, at, local, part, not is_in, zone is None)
    return found
