"""What an archive asks for: what belongs to an alert or an incident, and how the account is set up.

Paths may hold `{0}` (the id of the record above), `{1}` (of the one below that).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

LOG_PAGE: Mapping[str, str | int] = {"limit": 100, "order": "asc", "direction": "next"}
ONE_ALERT: Mapping[str, str | int] = {"identifierType": "id"}


@dataclass(frozen=True)
class Part:
    """A list that belongs to one record, saved under the key `rows`."""

    stream: str
    path: str
    params: Mapping[str, str | int] = field(default_factory=dict)
    rows: str = "data"


@dataclass(frozen=True)
class Collection:
    """A list of the account's settings, and what is below each of its records, by `key`."""

    stream: str
    path: str
    params: Mapping[str, str | int] = field(default_factory=dict)
    below: tuple[Collection, ...] = ()
    key: str = "id"


PARTS = {
    "alerts": (
        Part("alert_logs", "/v2/alerts/{0}/logs", {**LOG_PAGE, **ONE_ALERT}, "logs"),
        Part("alert_notes", "/v2/alerts/{0}/notes", {**LOG_PAGE, **ONE_ALERT}),
        Part("alert_recipients", "/v2/alerts/{0}/recipients", ONE_ALERT),
        Part("alert_attachments", "/v2/alerts/{0}/attachments", {"alertIdentifierType": "id"}),
    ),
    "incidents": (
        Part("incident_timelines", "/v2/incident-timelines/{0}/entries", rows="entries"),
        Part("incident_logs", "/v1/incidents/{0}/logs", LOG_PAGE),
        Part("incident_notes", "/v1/incidents/{0}/notes", LOG_PAGE),
        Part("incident_associated_alerts", "/v1/incidents/{0}/associated-alert-ids", LOG_PAGE),
        Part("incident_responder_alerts", "/v1/incidents/{0}/responder-alert-ids", LOG_PAGE),
    ),
}

_TEAM = {"teamId": "{0}"}
COLLECTIONS = (
    Collection("account", "/v2/account"),
    Collection(
        "users",
        "/v2/users",
        {"limit": 100, "offset": 0, "sortField": "username", "order": "asc"},
        (
            Collection("user_contacts", "/v2/users/{0}/contacts"),
            Collection(
                "user_notification_rules",
                "/v2/users/{0}/notification-rules",
                below=(
                    Collection(
                        "user_notification_rule_details", "/v2/users/{0}/notification-rules/{1}"
                    ),
                ),
            ),
            Collection("user_teams", "/v2/users/{0}/teams"),
        ),
    ),
    Collection(
        "teams",
        "/v2/teams",
        below=(
            Collection("team_details", "/v2/teams/{0}"),
            Collection("team_logs", "/v2/teams/{0}/logs", {"limit": 100, "order": "asc"}),
            Collection("team_roles", "/v2/teams/{0}/roles"),
            Collection("team_routing_rules", "/v2/teams/{0}/routing-rules"),
            Collection(
                "team_alert_policies",
                "/v2/policies/alert",
                _TEAM,
                (Collection("team_alert_policy_details", "/v2/policies/{1}", _TEAM),),
            ),
            Collection(
                "team_notification_policies",
                "/v2/policies/notification",
                _TEAM,
                (Collection("team_notification_policy_details", "/v2/policies/{1}", _TEAM),),
            ),
        ),
    ),
    Collection(
        "services",
        "/v1/services",
        {"limit": 100, "offset": 0, "order": "asc"},
        (Collection("service_incident_rules", "/v1/services/{0}/incident-rules"),),
    ),
    Collection(
        "schedules",
        "/v2/schedules",
        {"expand": "rotation"},
        (Collection("schedule_overrides", "/v2/schedules/{0}/overrides"),),
    ),
    Collection("escalations", "/v2/escalations"),
    Collection("forwarding_rules", "/v2/forwarding-rules"),
    Collection("roles", "/v2/roles", below=(Collection("role_details", "/v2/roles/{0}"),)),
    Collection(
        "alert_policies",
        "/v2/policies/alert",
        below=(Collection("alert_policy_details", "/v2/policies/{0}"),),
    ),
    Collection(
        "old_policies",
        "/v1/policies",
        below=(Collection("old_policy_details", "/v1/policies/{0}"),),
    ),
    Collection(
        "integrations",
        "/v2/integrations",
        below=(
            Collection("integration_details", "/v2/integrations/{0}"),
            Collection("integration_actions", "/v2/integrations/{0}/actions"),
        ),
    ),
    Collection("heartbeats", "/v2/heartbeats"),
    Collection(
        "maintenance",
        "/v1/maintenance",
        {"type": "all"},
        (Collection("maintenance_details", "/v1/maintenance/{0}"),),
    ),
    Collection(
        "saved_searches",
        "/v2/alerts/saved-searches",
        below=(
            Collection(
                "saved_search_details", "/v2/alerts/saved-searches/{0}", {"identifierType": "id"}
            ),
        ),
    ),
)
