"""Backstage's catalog API: the fields asked for of entities that a filter matches."""

from __future__ import annotations

from typing import Any

from .loopback import Answer, Request, Vendor


class Catalog(Vendor):
    """Entities by their name."""

    def __init__(self, size: int = 0) -> None:
        super().__init__()
        self.entities: dict[str, dict[str, Any]] = {}
        for number in range(size):
            self.register(f"s{number}")

    def register(self, name: str, kind: str = "Component") -> None:
        self.entities[name] = {
            "apiVersion": "backstage.io/v1alpha1",
            "kind": kind,
            "metadata": {"uid": f"u-{name}", "name": name, "namespace": "default", "labels": {}},
            "relations": [],
            "spec": {"type": "service", "definition": "x" * 100},
        }

    def answer(self, request: Request) -> Answer:
        if request.headers.get("authorization") != "Bearer tok-backstage":
            return Answer({"error": {"name": "AuthenticationError"}}, 401)
        if request.path != "/api/catalog/entities":
            return Answer({"error": {"name": "NotFoundError"}}, 404)
        fields = request.one("fields").split(",")
        # In the order in which people did things, which says nothing.
        return Answer(
            [
                _only(entity, fields)
                for entity in reversed(self.entities.values())
                if any(_matches(entity, text) for text in request.many("filter"))
            ]
        )


def _matches(entity: dict[str, Any], text: str) -> bool:
    """All keys; of one key, any value."""
    wanted: dict[str, set[str]] = {}
    for condition in text.split(","):
        key, _, value = condition.partition("=")
        wanted.setdefault(key, set()).add(value.lower())
    there = {"kind": entity["kind"], "spec.type": entity["spec"]["type"]}
    return all(there[key].lower() in values for key, values in wanted.items())


def _only(entity: dict[str, Any], fields: list[str]) -> dict[str, Any]:
    kept: dict[str, Any] = {}
    for field in fields:
        head, _, rest = field.partition(".")
        if not rest:
            kept[head] = entity[head]
        elif rest in entity[head]:
            kept.setdefault(head, {})[rest] = entity[head][rest]
    return kept
