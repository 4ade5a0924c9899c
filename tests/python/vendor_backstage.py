"""Backstage's catalog API: pages by cursor in the order of entities' ids, counted once a query."""

from __future__ import annotations

import base64
import json
import random
import uuid
from typing import Any

from .loopback import Answer, Request, Vendor

BY_QUERY = "/api/catalog/entities/by-query"
PARAMETERS = {
    "fields", "limit", "offset", "orderField", "cursor", "filter", "fullTextFilterTerm",
    "fullTextFilterFields",
}  # fmt: skip


class Catalog(Vendor):
    """`entities` by uid; registering anew gives an entity a new one, as unregistering and
    registering it does."""

    def __init__(self, seed: int = 0) -> None:
        super().__init__()
        self.random = random.Random(seed)
        self.entities: dict[str, dict[str, Any]] = {}

    def register(self, name: str, **spec: Any) -> str:
        uid = str(uuid.UUID(int=self.random.getrandbits(128)))
        kind = spec.pop("kind", "Component")
        self.entities[uid] = {
            "apiVersion": "backstage.io/v1alpha1",
            "kind": kind,
            "metadata": {
                "uid": uid,
                "etag": str(self.random.random()),
                "name": name,
                "namespace": spec.pop("namespace", "default"),
                "annotations": spec.pop("annotations", {}),
                "labels": spec.pop("labels", {}),
            },
            "relations": spec.pop("relations", []),
            "spec": {"type": "service", "definition": "x" * 100, **spec},
        }
        return uid

    def names(self) -> list[str]:
        return sorted(entity["metadata"]["name"] for entity in self.entities.values())

    def answer(self, request: Request) -> Answer:
        if request.headers.get("authorization") != "Bearer tok-backstage":
            return Answer({"error": {"name": "AuthenticationError"}}, 401)
        if request.path != BY_QUERY or {name for name, _ in request.query} - PARAMETERS:
            return Answer({"error": {"name": "InputError"}}, 400)
        cursor: dict[str, Any]
        if text := request.one("cursor"):
            cursor = json.loads(base64.b64decode(text))
            if request.many("filter"):
                return Answer({"error": {"name": "InputError", "message": "both"}}, 400)
        else:
            cursor = {"filter": request.many("filter"), "after": ""}
        limit = int(request.one("limit", "20"))
        found = [
            entity
            for uid, entity in sorted(self.entities.items())
            if _matches(entity, cursor["filter"])
        ]
        # Counted once; the cursor carries it on.
        total = cursor.setdefault("total", len(found))
        rest = [entity for entity in found if entity["metadata"]["uid"] > cursor["after"]]
        page = rest[:limit]
        info: dict[str, str] = {}
        if len(rest) > limit > 0:
            following = {**cursor, "after": page[-1]["metadata"]["uid"]}
            info["nextCursor"] = base64.b64encode(json.dumps(following).encode()).decode()
        fields = request.one("fields").split(",")
        items = [_only(entity, fields) if fields != [""] else entity for entity in page]
        return Answer({"items": items, "totalItems": total, "pageInfo": info})


def _matches(entity: dict[str, Any], filters: list[str]) -> bool:
    if not filters:
        return True
    for text in filters:
        wanted: dict[str, set[str]] = {}
        for condition in text.split(","):
            key, _, value = condition.partition("=")
            wanted.setdefault(key, set()).add(value.lower())
        there = {"kind": entity["kind"], "spec.type": entity["spec"].get("type", "")}
        if all(there.get(key, "").lower() in values for key, values in wanted.items()):
            return True
    return False


def _only(entity: dict[str, Any], fields: list[str]) -> dict[str, Any]:
    kept: dict[str, Any] = {}
    for field in fields:
        head, _, rest = field.partition(".")
        if not rest and head in entity:
            kept[head] = entity[head]
        elif rest in entity.get(head, {}):
            kept.setdefault(head, {})[rest] = entity[head][rest]
    return kept
