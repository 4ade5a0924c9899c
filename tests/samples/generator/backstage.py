"""Backstage entities: one multi-document `catalog-info.yaml` a system, and one for people."""

from __future__ import annotations

from typing import Any

import yaml

from . import pagerduty, servicenow
from .model import Service
from .tables import services, table, teams

Entity = dict[str, Any]
API_VERSION = "backstage.io/v1alpha1"


def build_catalog() -> dict[str, str]:
    """Path below `backstage/` to YAML text."""
    files = {"org/catalog-info.yaml": [*map(_group, teams()), *_users()]}
    for system, row in table("services")["systems"].items():
        members = [one for one in services().values() if one.system == system]
        files[f"{system}/catalog-info.yaml"] = [
            _entity("System", system, row["title"], {"owner": row["owner"]}),
            *map(_component, members),
            *_libraries(system),
            *_resources(system),
            *(_api(name, one) for one in members for name in one.provides),
        ]
    return {path: _documents(entities) for path, entities in files.items()}


def _documents(entities: list[Entity]) -> str:
    return yaml.safe_dump_all(
        entities, sort_keys=False, allow_unicode=True, width=100, explicit_start=True
    )


def _entity(kind: str, name: str, title: str, spec: Entity, **metadata: Any) -> Entity:
    return {
        "apiVersion": API_VERSION,
        "kind": kind,
        "metadata": {"name": name, "title": title, **metadata},
        "spec": spec,
    }


def _group(name: str) -> Entity:
    team = teams()[name]
    members = [user for user, row in table("services")["users"].items() if row["team"] == name]
    profile = {"displayName": team.title, "email": f"{name}@tidalpay.example"}
    spec = {"type": "team", "profile": profile, "children": [], "members": members}
    return _entity(
        "Group", name, team.title, spec, annotations={"paydown/time-zone": team.time_zone}
    )


def _users() -> list[Entity]:
    return [
        _entity(
            "User",
            name,
            row["title"],
            {
                "profile": {"displayName": row["title"], "email": f"{name}@tidalpay.example"},
                "memberOf": [row["team"]],
            },
        )
        for name, row in table("services")["users"].items()
    ]


def _owner(team: str) -> str:
    """The three ways people write an owner; all of them mean the same group."""
    return {"team-risk": "group:team-risk", "team-cards": "group:default/team-cards"}.get(
        team, team
    )


def _component(one: Service) -> Entity:
    system = table("services")["systems"][one.system]["title"]
    metadata: Entity = {
        "description": f"{one.title} of the {system} system.",
        "annotations": _annotations(one),
        "labels": {"tier": "1" if one.revenue_per_hour else "2"},
        "tags": [one.system, "go" if len(one.name) % 2 else "kotlin"],
    }
    spec: Entity = {"type": "service", "lifecycle": "production"}
    spec |= {"owner": _owner(one.team)} if one.team else {}
    spec |= {"system": one.system}
    spec |= {"dependsOn": [_target(name) for name in one.depends_on]} if one.depends_on else {}
    spec |= {"providesApis": one.provides} if one.provides else {}
    spec |= {"consumesApis": one.consumes} if one.consumes else {}
    return _entity("Component", one.name, one.title, spec, **metadata)


def _annotations(one: Service) -> dict[str, str]:
    annotations = {}
    if one.tool == "opsgenie" and not one.no_tool_id:
        annotations["opsgenie.com/component-selector"] = f'tag:"service:{one.name}"'
    if one.tool == "pagerduty" and not one.no_tool_id:
        annotations["pagerduty.com/service-id"] = pagerduty.service_id(one.name)
    if not one.no_servicenow_id:
        annotations["servicenow.com/entity-id"] = servicenow.ci_id(one.name)
    annotations["backstage.io/kubernetes-id"] = one.kubernetes_id or one.name
    if one.name != "reporting":
        annotations |= {"jira/project-key": "MOD", "jira/labels": "incident-modernization"}
    if one.name != "tokenization":
        annotations["grafana/dashboard-url"] = f"https://grafana.tidalpay.example/d/{one.name}/slo"
    if one.aliases:
        annotations["paydown/aliases"] = ", ".join(one.aliases)
    if one.maturity:
        annotations["paydown/maturity"] = one.maturity
    if one.revenue_per_hour:
        annotations["paydown/revenue-per-hour-usd"] = str(one.revenue_per_hour)
    return annotations


def _target(name: str) -> str:
    """An entity reference, in the short, the long and the capitalised form."""
    if ":" in name:
        kind, _, target = name.partition(":")
        return f"{'component' if kind == 'library' else kind}:default/{target}"
    return {"config-service": f"Component:{name}", "event-bus": f"component:default/{name}"}.get(
        name, f"component:{name}"
    )


def _libraries(system: str) -> list[Entity]:
    return [
        _entity(
            "Component",
            name,
            row["title"],
            {"type": "library", "lifecycle": "deprecated", "owner": row["owner"], "system": system},
        )
        for name, row in table("services")["libraries"].items()
        if row["system"] == system
    ]


def _resources(system: str) -> list[Entity]:
    return [
        _entity(
            "Resource", name, name, {"type": row["type"], "owner": row["owner"], "system": system}
        )
        for name, row in table("services")["resources"].items()
        if row["system"] == system
    ]


def _api(name: str, one: Service) -> Entity:
    spec = {
        "type": "openapi",
        "lifecycle": "production",
        "owner": _owner(one.team or "team-platform"),
        "system": one.system,
        "definition": f"openapi: 3.0.3\ninfo: {{title: {one.title}, version: '1'}}\npaths: {{}}\n",
    }
    return _entity("API", name, f"{one.title} API", spec)
