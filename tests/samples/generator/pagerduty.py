"""PagerDuty REST v2: incidents and log entries, as `/incidents` and `/log_entries` list them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from .model import EXPORTED_AT, Incident, code, hexdigest, iso
from .tables import services, table, teams

Json = dict[str, Any]
API = "https://api.pagerduty.com"
WEB = "https://tidalpay.pagerduty.com"
PRIORITY_TEXT = {1: "Sev-1", 2: "Sev-2", 3: "Sev-3", 4: "Sev-4", 5: "Sev-5"}


def service_id(name: str) -> str:
    """The PagerDuty id of a service, in the catalog or not."""
    return code("P", "pagerduty-service", name, length=7)


def service_summary(name: str) -> str:
    """What PagerDuty calls the service: its title, unless only a name ties it to the catalog."""
    known = services().get(name)
    if known is None:
        return name
    return (known.tool_name or name) if known.no_tool_id else known.title


def _reference(kind: str, identity: str, summary: str, path: str) -> Json:
    return {
        "id": identity,
        "type": f"{kind}_reference",
        "summary": summary,
        "self": f"{API}/{path}/{identity}",
        "html_url": f"{WEB}/{path}/{identity}",
    }


def _service(name: str) -> Json:
    return _reference("service", service_id(name), service_summary(name), "services")


def _team(name: str) -> Json:
    return _reference("team", code("P", "team", name, length=7), teams()[name].title, "teams")


def _teams(service: str) -> list[Json]:
    known = services().get(service)
    return [_team(known.team)] if known and known.team else []


def _responder(one: Incident) -> Json:
    """The same person answers for the same team's incident, on a rota by number."""
    known = services().get(one.service or "")
    team = known.team if known and known.team else "team-platform"
    people = [(n, u["title"]) for n, u in table("services")["users"].items() if u["team"] == team]
    name, title = people[one.number % len(people)]
    return _reference("user", code("P", "user", name, length=7), title, "users")


def incident_key(one: Incident) -> str:
    """What PagerDuty deduplicates by: the monitor's key, or one it made up for this incident."""
    return one.key or hexdigest("incident-key", one.id)


def _self(one: Incident) -> Json:
    summary = f"[#{one.number}] {one.title}"
    return _reference("incident", one.pagerduty_id, summary, "incidents")


def incident(one: Incident, by_id: dict[str, Incident], at: datetime = EXPORTED_AT) -> Json:
    """The incident as an export taken at `at` shows it, without later resolves and edits."""
    assert one.service is not None, f"{one.id}: a PagerDuty incident has a service"
    ended = one.resolved if one.resolved and one.resolved <= at else None
    acked = one.acked_at if one.acked_at and one.acked_at <= at else None
    edited = one.edited_at if one.edited_at and one.edited_at <= at else None
    status = "resolved" if ended else "acknowledged" if acked else "triggered"
    changed = ended or acked or one.created
    responder = _responder(one)
    target = by_id[one.into] if one.into else None
    trigger = code("R", one.id, "trigger", "0", length=14)
    is_p4 = one.sev >= 4
    record: Json = {
        **_self(one),
        "type": "incident",
        "incident_number": one.number,
        "title": one.title,
        "created_at": iso(one.created),
        "updated_at": iso(edited or changed),
        "status": status,
        "incident_key": incident_key(one),
        "service": _service(one.service),
        "assignments": [] if ended else [{"at": iso(one.created), "assignee": responder}],
        "assigned_via": "escalation_policy",
        "last_status_change_at": iso(edited if edited and one.number % 4 == 0 else changed),
        "resolved_at": iso(ended) if ended else None,
        "first_trigger_log_entry": {
            "id": trigger,
            "type": "trigger_log_entry_reference",
            "summary": "Triggered through the API",
            "self": f"{API}/log_entries/{trigger}?incident_id={one.pagerduty_id}",
            "html_url": f"{WEB}/incidents/{one.pagerduty_id}/log_entries/{trigger}",
        },
        "alert_counts": _alert_counts(one, ended is not None),
        "is_mergeable": True,
        "incident_type": {"name": "incident_default"},
        "escalation_policy": _policy(one.service),
        "teams": _teams(one.service),
        "pending_actions": [],
        "acknowledgements": [{"at": iso(acked), "acknowledger": responder}]
        if acked and not ended
        else [],
        "alert_grouping": None,
        "last_status_change_by": responder if acked else _service(one.service),
        "priority": None if is_p4 and one.number % 3 == 0 else _priority(one.sev),
        "resolve_reason": {"type": "merge_resolve_reason", "incident": _self(target)}
        if target
        else None,
        "incidents_responders": [],
        "responder_requests": [],
        "urgency": "low" if is_p4 else "high",
    }
    if one.labels:
        record["body"] = {"type": "incident_body", "details": one.labels}
    return record


def _alert_counts(one: Incident, is_resolved: bool) -> Json:
    """A merge moves the alerts to the target, so a merged incident has none left."""
    total = 0 if one.into else 1 + one.number % 3
    return {
        "all": total,
        "triggered": 0 if is_resolved else total,
        "resolved": total if is_resolved else 0,
    }


def _policy(service: str) -> Json:
    known = services().get(service)
    name = teams()[known.team].title if known and known.team else "Default"
    return _reference(
        "escalation_policy", code("P", "policy", name, length=7), name, "escalation_policies"
    )


def _priority(sev: int) -> Json:
    identity = code("P", "priority", str(sev), length=7)
    return {
        "id": identity,
        "type": "priority",
        "summary": f"P{sev}",
        "self": f"{API}/priorities/{identity}",
        "html_url": None,
        "name": f"P{sev}",
        "description": PRIORITY_TEXT[sev],
    }


@dataclass(frozen=True)
class _Event:
    """One thing that happened to an incident; `more` is what only this type of log entry has."""

    kind: str
    at: datetime
    agent: Json
    channel: Json
    summary: str
    more: Json = field(default_factory=dict)


def log_entries(one: Incident, by_id: dict[str, Incident]) -> list[Json]:
    """Everything that happened to the incident, oldest first.

    PagerDuty has no log entry type for a reopening: it shows as another `trigger_log_entry`, this
    time by a person. A handed-over incident names in its first entry the service that paged.
    """
    assert one.service is not None, f"{one.id}: a PagerDuty incident has a service"
    first_service = one.triggered_on or one.service
    entries = []
    for index, event in enumerate(_events(one, by_id)):
        identity = code("R", one.id, event.kind, str(index), length=14)
        service = one.service if index else first_service
        entries.append(
            {
                "id": identity,
                "type": f"{event.kind}_log_entry",
                "summary": event.summary,
                "self": f"{API}/log_entries/{identity}?incident_id={one.pagerduty_id}",
                "html_url": f"{WEB}/incidents/{one.pagerduty_id}/log_entries/{identity}",
                "created_at": iso(event.at),
                "agent": event.agent,
                "channel": event.channel,
                "service": _service(service),
                "incident": _self(one),
                "teams": _teams(service),
                "contexts": [],
                **event.more,
            }
        )
    return entries


def _events(one: Incident, by_id: dict[str, Incident]) -> Iterator[_Event]:
    person, monitor = _responder(one), _service(one.triggered_on or one.service or "")
    name, website = person["summary"], {"type": "website"}
    for index, (start, end) in enumerate(one.intervals):
        if index == 0:
            yield from _paging(one, monitor, person)
        else:
            yield _Event("trigger", start, person, website, f"Reopened by {name}")
        acked = start + timedelta(seconds=150) if index else one.acked_at
        if acked:
            timeout = {"acknowledgement_timeout": 1800}
            yield _Event("acknowledge", acked, person, website, f"Acknowledged by {name}", timeout)
        if end and one.into:
            target = f"Merged into [#{by_id[one.into].number}]"
            yield _Event("resolve", end, person, website, target)
        elif end and acked is None:
            recovered = {"type": "api", "summary": "recovered"}
            yield _Event("resolve", end, monitor, recovered, "Resolved through the API")
        elif end:
            yield _Event("resolve", end, person, website, f"Resolved by {name}")
    if one.edited_at:
        note = "Linked the review document"
        channel = {"type": "note", "summary": note}
        yield _Event("annotate", one.edited_at, person, channel, note, {"note": note})


def _paging(one: Incident, monitor: Json, person: Json) -> Iterator[_Event]:
    """The monitor's call, and the message it sent to whoever is on call."""
    api = {
        "type": "api",
        "summary": one.title,
        "incident_key": incident_key(one),
        "details": one.labels,
    }
    details = {"event_details": {"description": one.title}}
    yield _Event("trigger", one.created, monitor, api, "Triggered through the API", details)
    push = {"type": "push_notification", "status": "success", "address": None}
    auto = {"type": "auto", "notification": push}
    sent, summary = one.created + timedelta(seconds=5), f"Notified {person['summary']} by push"
    yield _Event("notify", sent, monitor, auto, summary, {"user": person})
