"""ServiceNow incidents: Table API rows (raw, or with display values) and a spreadsheet event log.

Times are UTC in all of them but the display values, which follow the exporting user's zone as
they do in the product. The Table API has no acknowledgement; `work_start` is when somebody began.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from .model import EXPORTED_AT, Incident, hexdigest
from .tables import services, teams

Json = dict[str, Any]
HOST = "https://tidalpay.service-now.com"
STATES = {1: "New", 2: "In Progress", 6: "Resolved", 7: "Closed"}
PRIORITIES = {1: "Critical", 2: "High", 3: "Moderate", 4: "Low", 5: "Planning"}
LEVELS = {1: "High", 2: "Medium", 3: "Low"}
DATES = ("opened_at", "work_start", "resolved_at", "closed_at", "sys_created_on", "sys_updated_on")
USER_OFFSET = timedelta(hours=1)
"""The exporting user sits in London, in summer."""

EVENT_LOG_HEADER: list[str] = [
    "number",
    "incident_state",
    "active",
    "reassignment_count",
    "reopen_count",
    "sys_mod_count",
    "made_sla",
    "caller_id",
    "opened_by",
    "opened_at",
    "sys_created_by",
    "sys_created_at",
    "sys_updated_by",
    "sys_updated_at",
    "contact_type",
    "location",
    "category",
    "subcategory",
    "u_symptom",
    "cmdb_ci",
    "impact",
    "urgency",
    "priority",
    "assignment_group",
    "assigned_to",
    "knowledge",
    "u_priority_confirmation",
    "notify",
    "problem_id",
    "rfc",
    "vendor",
    "caused_by",
    "closed_code",
    "resolved_by",
    "resolved_at",
    "closed_at",
]


def ci_id(service: str) -> str:
    """The sys_id of a service's configuration item."""
    return hexdigest("cmdb_ci", service)


def group(service: str | None) -> str:
    """The assignment group's name."""
    known = services().get(service or "")
    return f"{teams()[known.team].title} Support" if known and known.team else "Service Desk"


def level(one: Incident) -> int:
    """Impact and urgency, 1 to 3, for a priority of 1 to 5."""
    return min(3, (one.sev + 1) // 2)


def _closed(one: Incident) -> datetime | None:
    """ServiceNow closes by itself five days after the resolve: never the end of the incident."""
    closed = one.resolved + timedelta(days=5) if one.resolved else None
    return closed if closed and closed <= EXPORTED_AT else None


def _state(one: Incident) -> int:
    if one.resolved is None:
        return 2 if one.acked_at else 1
    return 7 if _closed(one) else 6


def _second(moment: datetime | None) -> str:
    return moment.strftime("%Y-%m-%d %H:%M:%S") if moment else ""


def row(one: Incident) -> Json:
    """A Table API row with raw values: references are sys_ids, choices are codes, missing is ''."""
    updated = one.edited_at or one.resolved or one.acked_at or one.created
    return {
        "sys_id": hexdigest("incident", one.id),
        "number": one.vendor_id,
        "short_description": one.title,
        "state": str(_state(one)),
        "active": "true" if _state(one) < 7 else "false",
        "priority": str(one.sev),
        "impact": str(level(one)),
        "urgency": str(level(one)),
        "category": "software",
        "contact_type": "monitoring" if one.duplicate_of else "self-service",
        "cmdb_ci": ci_id(one.service) if one.service else "",
        "assignment_group": hexdigest("group", group(one.service)),
        "opened_at": _second(one.created),
        "work_start": _second(one.acked_at),
        "resolved_at": _second(one.resolved),
        "closed_at": _second(_closed(one)),
        "sys_created_on": _second(one.created),
        "sys_updated_on": _second(max(updated, _closed(one) or updated)),
        "sys_mod_count": str(2 + one.number % 5),
        "reopen_count": str(len(one.intervals) - 1),
        "correlation_id": one.duplicate_of or "",
        "correlation_display": _correlation(one),
        "close_code": "Solved (Permanently)" if one.resolved else "",
    }


def _correlation(one: Incident) -> str:
    """Which tool `correlation_id` belongs to; an Opsgenie id is the one with dashes."""
    if not one.duplicate_of:
        return ""
    return "Opsgenie" if "-" in one.duplicate_of else "PagerDuty"


def display_row(one: Incident) -> Json:
    """The same row with `sysparm_display_value=all`: a display value and a value for each field."""
    raw = row(one)
    shown = dict(raw)
    shown |= {name: _shift(raw[name]) for name in DATES}
    shown |= {
        "state": STATES[_state(one)],
        "priority": f"{one.sev} - {PRIORITIES[one.sev]}",
        "impact": f"{level(one)} - {LEVELS[level(one)]}",
        "urgency": f"{level(one)} - {LEVELS[level(one)]}",
        "category": "Software",
        "contact_type": raw["contact_type"].capitalize(),
        "cmdb_ci": one.service or "",
        "assignment_group": group(one.service),
    }
    record = {name: {"display_value": shown[name], "value": raw[name]} for name in raw}
    for name, kind in (("cmdb_ci", "cmdb_ci_service"), ("assignment_group", "sys_user_group")):
        if raw[name]:
            record[name]["link"] = f"{HOST}/api/now/table/{kind}/{raw[name]}"
    return record


def _shift(value: str) -> str:
    """A raw UTC time as the exporting user sees it."""
    return _second(datetime.fromisoformat(value) + USER_OFFSET) if value else ""


def event_log(one: Incident) -> list[list[str]]:
    """One line per state the incident went through; the end is repeated on every line."""
    steps: list[tuple[str, datetime, int]] = [("New", one.created, 0)]
    if one.acked_at:
        steps.append(("Active", one.acked_at, 0))
    for reopened, (start, end) in enumerate(one.intervals):
        if reopened:
            steps.append(("Active", start, reopened))
        if end:
            steps.append(("Resolved", end, reopened))
    closed = _closed(one)
    if closed:
        steps.append(("Closed", closed, len(one.intervals) - 1))
    return [_event(one, index, *step) for index, step in enumerate(steps)]


def _event(one: Incident, index: int, state: str, at: datetime, reopened: int) -> list[str]:
    caller, resolver = one.number % 97, one.number % 7
    has_end = one.resolved and one.case != "closed_without_end"
    values = {
        "number": one.vendor_id,
        "incident_state": state,
        "active": "false" if state == "Closed" else "true",
        "reassignment_count": "0",
        "reopen_count": str(reopened),
        "sys_mod_count": str(index),
        "made_sla": "true" if one.sev > 2 else "false",
        "caller_id": f"Caller {caller}",
        "opened_by": f"Opened by {caller % 9}",
        "opened_at": _minute(one.created),
        "sys_created_by": f"Created by {caller % 9}",
        "sys_created_at": _minute(one.created),
        "sys_updated_by": f"Updated by {resolver}",
        "sys_updated_at": _minute(at),
        "contact_type": "Phone" if one.number % 2 else "Self service",
        "location": f"Location {one.number % 12}",
        "category": "Software",
        "subcategory": f"Subcategory {int(hexdigest('subcategory', one.id), 16) % 180}",
        "cmdb_ci": one.service or "?",
        "impact": f"{level(one)} - {LEVELS[level(one)]}",
        "urgency": f"{level(one)} - {LEVELS[level(one)]}",
        "priority": f"{one.sev} - {PRIORITIES[one.sev]}",
        "assignment_group": group(one.service),
        "assigned_to": f"Resolver {resolver}" if one.acked_at else "?",
        "knowledge": "false",
        "u_priority_confirmation": "false",
        "notify": "Do Not Notify",
        "closed_code": "code 5" if one.resolved else "?",
        "resolved_by": f"Resolved by {resolver}" if has_end else "?",
        "resolved_at": _minute(one.resolved) if has_end else "?",
        "closed_at": _minute(_closed(one)),
    }
    return [values.get(name, "?") for name in EVENT_LOG_HEADER]


def _minute(moment: datetime | None) -> str:
    """Day first, nothing padded but the clock: `29/2/2016 01:16`."""
    return f"{moment.day}/{moment.month}/{moment:%Y %H:%M}" if moment else "?"
