"""What of PagerDuty's records lands, and when a record is fetched by itself."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from orchestration.http import Http
from orchestration.vendors.pagerduty.pages import Record, listing

# As a log entry refers to its incident where the incident isn't asked for too.
REFERENCE = ("id", "summary", "self", "html_url")
# How people are reached is nobody's business here.
PRIVATE = ("contact_methods", "notification_rules")
# Details of what triggered, where labels are.
CHANNELS = ("include[]", "channels")
OVERVIEW = ("is_overview", "true")
EVERYTHING = ("is_overview", "false")


def split_entry(entry: Record) -> tuple[Record, Record]:
    """The log entry as it is without `include[]=incidents`, and its incident as it came."""
    incident: Record = entry.get("incident") or {}
    if not is_complete(incident):
        return entry, incident
    kept = {name: incident[name] for name in REFERENCE if name in incident}
    return {**entry, "incident": {**kept, "type": "incident_reference"}}, incident


def is_complete(incident: Record) -> bool:
    """An incident, not only a reference to one."""
    return incident.get("type") == "incident" and "status" in incident


def merged_into(incident: Record) -> str | None:
    """Id of the incident that this one was merged into."""
    return ((incident.get("resolve_reason") or {}).get("incident") or {}).get("id")


def without_private(users: Iterable[Record]) -> Iterator[Record]:
    """The users without how they are reached."""
    return ({k: v for k, v in user.items() if k not in PRIVATE} for user in users)


def incidents(http: Http, ids: Iterable[str]) -> Iterator[Record]:
    """The incidents of these ids, a request each; those that are gone are left out."""
    for one in ids:
        if reply := http.find(f"/incidents/{one}"):
            yield reply.data["incident"]


def timeline(http: Http, incident_id: str) -> list[Record]:
    """The log entries of one incident that say how it went. Errors are those of `listing`."""
    entries: list[Record] = []

    def keep(records: Iterator[Record]) -> None:
        entries[:] = records

    path = f"/incidents/{incident_id}/log_entries"
    listing(http, f"incident {incident_id}", path, "log_entries", keep, (OVERVIEW, CHANNELS))
    return entries
