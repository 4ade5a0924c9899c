"""Epics as Jira's REST API returns them, with custom fields beside, as a sync lands them."""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Any

from .tables import services, table

Json = dict[str, Any]
SITE = "https://tidalpay.atlassian.example"


def issues() -> list[Json]:
    """Every epic, oldest first."""
    return [_issue(row, 10_000 + n) for n, row in enumerate(table("epics"))]


def _at(text: str) -> str:
    """Jira's form of a moment in UTC."""
    return f"{datetime.fromisoformat(text):%Y-%m-%dT%H:%M:%S}.000+0000"


def epic_key(service: str) -> str:
    """paydown's key of the first epic of a service."""
    digest = hashlib.sha256(f"component:default/{service}".encode()).hexdigest()
    return f"paydown-{service}-{digest[:8]}-c1"


def _issue(row: Json, number: int) -> Json:
    service = services()[row["service"]]
    closed = _at(row["closed"]) if "closed" in row else None
    return {
        "id": str(number),
        "key": row["key"],
        "self": f"{SITE}/rest/api/3/issue/{number}",
        "fields": {
            "summary": row["title"],
            "issuetype": {"name": "Epic"},
            "labels": ["incident-modernization", epic_key(row["service"])],
            "status": {
                "name": row["status"],
                "statusCategory": {"key": "done" if closed else "indeterminate"},
            },
            "created": _at(row["opened"]),
            "resolutiondate": closed,
            "statuscategorychangedate": closed or _at(row["opened"]),
            "updated": closed or _at(row["opened"]),
        },
        "named": {
            "url": f"{SITE}/browse/{row['key']}",
            "team": service.team,
            "estimate_days": row["days"],
            "budget_usd": row["budget"],
        },
    }
