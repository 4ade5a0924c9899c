"""Changed incidents by the analytics API, for accounts whose log entries are too many to read.

It knows of a change up to a day later, names 1,000 incidents a page, and each is then fetched
with its timeline.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from orchestration.http import Reply, paging
from orchestration.vendors.base import Sync, iso, moment
from orchestration.vendors.pagerduty.pages import incidents, timeline

PAGE = 1000
# Incidents with their timelines that are committed together.
TOGETHER = 100


def read_changes(sync: Sync, *, end: datetime, overlap: timedelta) -> None:
    """Land each incident that analytics updated since the cursor `changes`, and its log entries.

    Cursors besides `changes`: `recent`, the versions of the overlap that have landed;
    `analytics`, where a sync that didn't come to its end goes on.
    """
    http, landing = sync.http, sync.landing
    asked: dict[str, Any] = landing.cursors.get("analytics") or {
        "after": iso(moment(landing.cursors["changes"]) - overlap),
        "until": iso(end),
        "cursor": None,
    }
    recent: dict[str, str] = dict(landing.cursors.get("recent", {}))

    def ask(cursor: str) -> Reply:
        body = {
            "filters": {"updated_after": asked["after"]},
            "limit": PAGE,
            "order": "asc",
            "order_by": "created_at",
            "time_zone": "Etc/UTC",
        }
        return http.post(
            "/analytics/raw/incidents", body | ({"starting_after": cursor} if cursor else {})
        )

    style = paging.by_token(
        lambda data: data["data"], lambda data: data["last"] if data["more"] else None
    )
    for page in paging.pages(ask, style, asked["cursor"] or ""):
        versions = {f"{row['id']}@{row['updated_at']}": row for row in page.records}
        fresh = sorted(key for key in versions if key not in recent)
        for begin in range(0, len(fresh), TOGETHER):
            keys = fresh[begin : begin + TOGETHER]
            for incident in incidents(http, sorted({versions[key]["id"] for key in keys})):
                landing.append("incidents", [incident])
                landing.append("log_entries", timeline(http, incident["id"]))
            recent |= {key: versions[key]["updated_at"] for key in keys}
            landing.commit(analytics=asked, recent=recent)
            sync.progress(
                f"changes by analytics: {begin + len(keys):,} of {len(fresh):,} incidents"
            )
        asked = {**asked, "cursor": page.following}
    oldest = moment(asked["until"]) - overlap
    landing.observe("incidents", since=moment(asked["after"]), until=moment(asked["until"]))
    landing.commit(
        changes=asked["until"],
        analytics=None,
        recent={key: at for key, at in sorted(recent.items()) if moment(at) >= oldest},
    )
