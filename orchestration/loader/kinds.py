"""Exports of other tools, recognised by the field names of their records."""

from __future__ import annotations

from collections.abc import Collection

# Names that only this export has together, what it is, and where it belongs.
KINDS = [
    (
        {"seconds_to_resolve", "service_name", "created_on"},
        "a PagerDuty report",
        "pagerduty/incidents",
    ),
    ({"incident_number", "escalation_policy"}, "PagerDuty's incidents", "pagerduty/incidents"),
    ({"tinyId", "impactedServices"}, "Opsgenie's incidents", "opsgenie/incidents"),
    ({"tinyId", "alias"}, "Opsgenie's alerts", "opsgenie/alerts"),
    ({"number", "sys_id"}, "a ServiceNow table", "servicenow/incidents"),
    ({"number", "short_description"}, "ServiceNow's incidents", "servicenow/incidents"),
    ({"key", "fields", "self"}, "Jira issues", ""),
    ({"issues", "isLast"}, "an answer of Jira's search", ""),
    ({"issues", "maxResults", "total"}, "an answer of Jira's search", ""),
    ({"impact", "incident_updates", "shortlink"}, "Statuspage incidents", ""),
    ({"count", "value"}, "an answer of Azure DevOps", ""),
    ({"page", "incidents"}, "an answer of Statuspage", ""),
    ({"Summary", "Issue key"}, "Jira's own CSV export", ""),
]


def looks_like(names: Collection[str], stream: str = "") -> str:
    """What a file with these names probably is and what to do; empty if unknown or read here."""
    for needed, what, folder in KINDS:
        if needed <= set(names) and folder != stream.replace(".", "/"):
            where = f"move it to {folder}" if folder else "see docs/guides/bring-your-own-source.md"
            return f"this looks like {what}, {where}; else "
    return ""
