"""Backstage: the complete catalog each time, since what it no longer has is gone.

It comes in one answer, so that nothing can move between pages.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from orchestration.documents.strict import Share
from orchestration.http import SourceError
from orchestration.landing import Landing
from orchestration.vendors import base

ENTITIES = "/api/catalog/entities"
# What the reader of the catalog uses. The rest may be large, such as an API's definition.
METADATA = ("namespace", "name", "title", "description", "annotations", "labels", "tags")
SPEC = (
    "type", "lifecycle", "owner", "system", "dependsOn", "dependencyOf", "providesApis",
    "consumesApis", "profile", "parent", "members",
)  # fmt: skip
FIELDS = ["kind", *(f"metadata.{one}" for one in METADATA), *(f"spec.{one}" for one in SPEC)]


class BackstageConfig(base.SourceConfig):
    """Which Backstage, and which of its entities.

    Attributes:
        url: the backend's address, without /api/catalog.
        filter: as in the API; the conditions in one text must all be met (for one key, any of
            them), and one of the texts is enough.
        least_share: an answer with fewer entities than this share of the last one is rejected, and
            so is an empty one; 0 accepts any.
    """

    url: base.Url | None = None
    token_env: base.EnvName = "BACKSTAGE_TOKEN"  # noqa: S105 - the variable's name
    filter: Annotated[
        tuple[Annotated[str, Field(min_length=3, max_length=1000)], ...], Field(min_length=1)
    ] = ("kind=component,kind=api,kind=resource,kind=system,kind=domain,kind=group",)
    least_share: Share = 0.5

    def extractor(self, context: base.Context) -> Backstage:
        return Backstage(self, context)


class Backstage(base.HttpExtractor):
    """Lands `entities`; the cursor `entities` is the last count."""

    def __init__(self, config: BackstageConfig, context: base.Context) -> None:
        self._config, name = config, "backstage"
        url = base.required_url(config.url, name)
        token = base.secret(context, config.token_env, name, "a token of the catalog's API")
        hint = f"put a token that may read the catalog into {config.token_env}"
        super().__init__(context, name, url, {"Authorization": f"Bearer {token}"}, hint)

    def check(self) -> str:
        return f"{len(self._entities('kind')):,} entities"

    def sync(self, landing: Landing) -> None:
        entities = self._entities(",".join([*FIELDS, "relations"]))
        came, before = len(entities), landing.cursors.get("entities")
        least = self._config.least_share
        if least > 0 and (came == 0 or came < least * (before or 0)):
            then = "" if before is None else f", {before:,} came before"
            raise SourceError(
                f"backstage: the catalog has {came:,} entities{then}; nothing was landed: "
                f"check the filter and what {self._config.token_env} may see, or, if that is "
                "right, set `least_share: 0` under backstage in sources.yaml for one sync"
            )
        landing.replace("entities", "catalog", entities)
        landing.observe("entities", source_count=came)
        landing.commit(entities=came)

    def _entities(self, fields: str) -> list[dict[str, Any]]:
        asked = [("fields", fields), *(("filter", text) for text in self._config.filter)]
        found = self.http.get(ENTITIES, asked).data
        if not isinstance(found, list) or not all(
            isinstance(one, dict) and one.get("kind") for one in found
        ):
            raise SourceError(
                f"backstage: {ENTITIES} answered without entities; set the backend's address as url"
            )
        # Sorted, so that an unchanged catalog is an unchanged file.
        return sorted(found, key=_reference)


def _reference(entity: dict[str, Any]) -> tuple[str, str, str]:
    about = entity.get("metadata") or {}
    return entity["kind"], about.get("namespace") or "default", about.get("name") or ""
