"""Opsgenie incidents (`/v1/incidents`) and alerts (`/v2/alerts`).

Beyond the vendor's description the incidents carry what the live API returns as well:
`description`, `impactedServices`, `impactStartDate`, `impactEndDate`, `links` and `actions`.
"""

from __future__ import annotations

from datetime import timedelta
from random import Random
from typing import Any

from .model import EXPORTED_AT, SEED, Incident, guid, iso
from .tables import services, teams

Json = dict[str, Any]
API = "https://api.eu.opsgenie.com"
NOISE = (
    "disk usage above 80%",
    "certificate expires in 30 days",
    "slow start of one pod",
    "retry budget at half",
)


def team_id(name: str) -> str:
    """The Opsgenie id of a team."""
    return guid("opsgenie-team", name)


def _team_of(service: str | None) -> str:
    known = services().get(service or "")
    team = known.team if known else None
    return team if team and teams()[team].tool == "opsgenie" else "team-risk"


def alias(one: Incident) -> str:
    """What Opsgenie deduplicates by: the alert's own key, or the id of the incident it mirrors."""
    return one.key or one.duplicate_of or guid("alias", one.id)


def _tags(one: Incident) -> list[str]:
    tags = [f"service:{one.service}"] if one.service else []
    if one.label_tags:
        tags += [f"{name}:{value}" for name, value in one.labels.items()]
    return [*tags, "env:production"]


def incident(one: Incident) -> Json:
    """An incident. Its end is `impactEndDate`; `updatedAt` moves with every later edit."""
    identity, team = one.opsgenie_id, team_id(_team_of(one.service))
    record = {
        "id": identity,
        "tinyId": str(one.number),
        "message": one.title,
        "description": "",
        "status": "open" if one.resolved is None else "closed" if one.number % 3 else "resolved",
        "isSeen": True,
        "tags": _tags(one),
        "createdAt": iso(one.created, millis=True),
        "updatedAt": iso(one.edited_at or one.resolved or one.acked_at or one.created, millis=True),
        "source": "prometheus",
        "owner": "",
        "priority": f"P{one.sev}",
        "ownerTeam": team,
        "responders": [{"type": "team", "id": team}],
        "extraProperties": {"alias": alias(one)} | ({} if one.label_tags else one.labels),
        "impactedServices": [guid("opsgenie-service", one.service)] if one.service else [],
        "impactStartDate": iso(one.created, millis=True),
        "links": {"api": f"{API}/v1/incidents/{identity}"},
        "actions": [],
    }
    if one.resolved:
        record["impactEndDate"] = iso(one.resolved, millis=True)
    return record


def alert(one: Incident) -> Json:
    """The incident's owner alert, with the acknowledgement in milliseconds after `createdAt`."""
    team = team_id(_team_of(one.service))
    report: Json = {}
    if one.acked_at:
        report |= {
            "ackTime": _millis(one.acked_at - one.created),
            "acknowledgedBy": "on-call@tidalpay.example",
        }
    if one.resolved:
        report |= {
            "closeTime": _millis(one.resolved - one.created),
            "closedBy": "on-call@tidalpay.example",
        }
    return _alert_base(one.id, one.number) | {
        "alias": alias(one),
        "message": one.title,
        "status": "closed" if one.resolved else "open",
        "acknowledged": one.acked_at is not None,
        "tags": _tags(one),
        "createdAt": iso(one.created, millis=True),
        "lastOccurredAt": iso(one.created, millis=True),
        "updatedAt": iso(one.resolved or one.acked_at or one.created, millis=True),
        "priority": f"P{one.sev}",
        "responders": [{"type": "team", "id": team}],
        "report": report,
        "details": {"incident-id": one.opsgenie_id, "incident-alert-type": "Owner"} | one.labels,
    }


def noise(service: str, count: int) -> list[Json]:
    """Low-priority alerts that never became an incident."""
    dice = Random(f"{SEED}/noise/{service}")
    alerts = []
    for index in range(count):
        at = EXPORTED_AT - timedelta(minutes=dice.randrange(60, 170 * 24 * 60))
        wait = dice.randrange(5, 400)
        alerts.append(
            _alert_base(f"noise/{service}/{index}", 20000 + index)
            | {
                "alias": guid("noise", service, str(index)),
                "message": f"{service}: {NOISE[dice.randrange(len(NOISE))]}",
                "status": "closed",
                "acknowledged": False,
                "tags": [f"service:{service}", "env:production"],
                "createdAt": iso(at, millis=True),
                "lastOccurredAt": iso(at, millis=True),
                "updatedAt": iso(min(at + timedelta(minutes=wait), EXPORTED_AT), millis=True),
                "priority": "P5",
                "responders": [{"type": "team", "id": team_id(_team_of(service))}],
                "report": {"closeTime": wait * 60_000, "closedBy": "prometheus"},
                "details": {},
            }
        )
    return alerts


def _alert_base(name: str, number: int) -> Json:
    return {
        "id": guid("opsgenie-alert", name),
        "tinyId": str(number),
        "isSeen": True,
        "snoozed": False,
        "count": 1 + number % 4,
        "source": "prometheus",
        "owner": "",
        "integration": {"id": guid("integration"), "name": "Prometheus", "type": "Prometheus"},
        "actions": [],
        "entity": "",
        "description": "",
    }


def _millis(span: timedelta) -> int:
    return round(span.total_seconds() * 1000)
