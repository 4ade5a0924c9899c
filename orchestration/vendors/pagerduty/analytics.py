"""Changed incidents by the analytics API, for accounts whose log entries are too many to read.

It knows of a change up to a day later, names 1,000 incidents a page, and each is then fetched
with its timeline.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from orchestration.http import Http
from orchestration.landing import Landing
from orchestration.vendors.base import iso, moment
from orchestration.vendors.pagerduty.records import incidents, timeline

PAGE = 1000
# Incidents with their timelines that are committed together.
TOGETHER = 100


def read_changes(
    http: Http,
    landing: Landing,
    *,
    end: datetime,
    overlap: timedelta,
    progress: Callable[[str], None],
) -> None:
    """Land each incident that analytics updated since the cursor `changes`, and its log entries.

    Cursors besides `changes`: `recent`, the versions of the overlap that have landed;
    `analytics`, where a sync that didn't come to its end goes on.
    """
    asked: dict[str, Any] = landing.cursors.get("analytics") or {
        "after": iso(moment(landing.cursors["changes"]) - overlap),
        "until": iso(end),
        "cursor": None,
    }
    recent: dict[str, str] = dict(landing.cursors.get("recent", {}))
    landed = 0
    while True:
        body = {
            "filters": {"updated_after": asked["after"]},
            "limit": PAGE,
            "order": "asc",
            "order_by": "created_at",
            "time_zone": "Etc/UTC",
        }
        if asked["cursor"]:
            body["starting_after"] = asked["cursor"]
        page = http.post("/analytics/raw/incidents", body).data
        versions = {f"{row['id']}@{row['updated_at']}": row for row in page["data"]}
        fresh = sorted(key for key in versions if key not in recent)
        for begin in range(0, len(fresh), TOGETHER):
            keys = fresh[begin : begin + TOGETHER]
            landed += _land(http, landing, sorted({versions[key]["id"] for key in keys}))
            recent |= {key: versions[key]["updated_at"] for key in keys}
            landing.commit(analytics=asked, recent=recent)
            progress(f"changes by analytics: {landed:,} incidents")
        asked = {**asked, "cursor": page["last"]}
        if not page["more"]:
            break
    oldest = moment(asked["until"]) - overlap
    landing.observe("incidents", since=moment(asked["after"]), until=moment(asked["until"]))
    landing.commit(
        changes=asked["until"],
        analytics=None,
        recent={key: at for key, at in sorted(recent.items()) if moment(at) >= oldest},
    )


def _land(http: Http, landing: Landing, ids: list[str]) -> int:
    count = 0
    for incident in incidents(http, ids):
        landing.append("incidents", [incident])
        landing.append("log_entries", timeline(http, incident["id"]))
        count += 1
    return count
