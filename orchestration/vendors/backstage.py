"""Backstage: the complete catalog each time, since what it no longer holds is gone.

A pass over the catalog is landed only if it is complete: the server counted as many entities before
and after it as came. Entities keep their place while it lasts, since pages are in the order of
entities' ids; only one that is registered again meanwhile moves, and then the counts differ.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any

from pydantic import Field

from orchestration.documents.strict import Share
from orchestration.http import Http, Reply, SourceError, paging
from orchestration.landing import Landing
from orchestration.vendors.base import Context, EnvName, HttpExtractor, SourceConfig, Url, secret

QUERY = "/api/catalog/entities/by-query"
STREAM = "entities"
PASSES = 3
# What the reader of the catalog uses. The rest may be large, as an API's definition is.
FIELDS = ",".join(
    [
        "kind",
        *(
            f"metadata.{name}"
            for name in (
                "namespace", "name", "title", "description", "annotations", "labels", "tags",
            )
        ),
        *(
            f"spec.{name}"
            for name in (
                "type", "lifecycle", "owner", "system", "dependsOn", "dependencyOf",
                "providesApis", "consumesApis", "profile", "parent", "members",
            )
        ),
        "relations",
    ]
)  # fmt: skip


class BackstageConfig(SourceConfig):
    """Which Backstage, and what of it.

    Attributes:
        url: the backend's address, without /api/catalog.
        filter: as the API takes it; one text holds conditions that must all be met (of one key,
            any), and one of the texts is enough.
        least_share: an answer with fewer entities than this share of those that came last is not
            believed, and neither is an empty one; 0 believes any.
    """

    url: Url | None = None
    token_env: EnvName = "BACKSTAGE_TOKEN"  # noqa: S105 - the variable's name
    filter: Annotated[
        tuple[Annotated[str, Field(min_length=3, max_length=1000)], ...], Field(min_length=1)
    ] = ("kind=component,kind=api,kind=resource,kind=system,kind=domain,kind=group",)
    page_size: Annotated[int, Field(strict=True, ge=1, le=5000)] = 500
    least_share: Share = 0.5

    def extractor(self, context: Context) -> Backstage:
        if self.url is None:
            raise SourceError(
                "backstage: has no url; write `backstage: {url: https://...}` in sources.yaml"
            )
        token = secret(context, self.token_env, "backstage", "a token of the catalog's API")
        return Backstage(self, self.url, token, context)


class Backstage(HttpExtractor):
    """One catalog; see `Extractor`."""

    def __init__(self, config: BackstageConfig, url: str, token: str, context: Context) -> None:
        self._config = config
        http = Http(
            "backstage",
            url,
            credentials={"Authorization": f"Bearer {token}"},
            access_hint=f"put a token that may read the catalog into {config.token_env}",
            patience=context.patience,
        )
        super().__init__(http, context)

    def check(self) -> str:
        return f"{self._count():,} entities"

    def sync(self, landing: Landing) -> None:
        came = paging.steady("backstage: entities", lambda: self._land(landing), PASSES - 1)
        self._check_share(came, landing.cursors.get("entities"))
        landing.observe(STREAM, source_count=came)
        landing.commit(entities=came)

    def _land(self, landing: Landing) -> int:
        """Write every entity once, by its reference, which is unique at any one moment.

        Raises:
            MovedError: not as many came as were counted before and after.
        """
        seen: set[str] = set()
        counts: list[int] = []

        def entities() -> Iterator[Mapping[str, Any]]:
            for page in self._pages():
                counts.append(page.reply.data["totalItems"])
                for entity in page.records:
                    reference = _reference(entity)
                    if reference not in seen:
                        seen.add(reference)
                        yield entity
                self.progress(f"entities: {len(seen):,} of {counts[0]:,}")

        came = landing.replace(STREAM, "catalog", entities())
        # One page is one answer, in which nothing can have moved.
        after = counts[0] if len(counts) == 1 else self._count()
        if not came == counts[0] == after:
            raise paging.MovedError(
                f"the catalog changed while it was read ({counts[0]:,} entities were counted, then "
                f"{after:,}, and {came:,} came; a larger page_size is quicker)"
            )
        return came

    def _check_share(self, came: int, before: int | None) -> None:
        least = self._config.least_share
        if least > 0 and (came == 0 or came < least * (before or 0)):
            then = "" if before is None else f", {before:,} came before"
            raise SourceError(
                f"backstage: the catalog has {came:,} entities{then}; nothing was landed: "
                f"check the filter and what {self._config.token_env} may see, or, if that is "
                "right, set `least_share: 0` under backstage in sources.yaml for one sync"
            )

    def _pages(self) -> Iterator[paging.Page[str]]:
        def ask(cursor: str) -> Reply:
            # The cursor holds the filter.
            which = [("cursor", cursor)] if cursor else self._filters()
            return self._ask([("limit", self._config.page_size), ("fields", FIELDS), *which])

        style = paging.by_token(
            lambda data: data["items"], lambda data: data.get("pageInfo", {}).get("nextCursor")
        )
        return paging.pages(ask, style, "")

    def _count(self) -> int:
        return self._ask([("limit", 1), ("fields", "kind"), *self._filters()]).data["totalItems"]

    def _filters(self) -> list[tuple[str, str | int]]:
        return [("filter", text) for text in self._config.filter]

    def _ask(self, params: list[tuple[str, str | int]]) -> Reply:
        reply = self.http.get(QUERY, params)
        data = reply.data
        if (
            not isinstance(data, dict)
            or not isinstance(data.get("items"), list)
            or not isinstance(data.get("totalItems"), int)
            or not isinstance(data.get("pageInfo", {}), dict)
        ):
            raise SourceError(
                f"backstage: {QUERY} answered something else than entities; set the backend's "
                "address as url"
            )
        return reply


def _reference(entity: Mapping[str, Any]) -> str:
    try:
        metadata = entity["metadata"]
        namespace = metadata.get("namespace") or "default"
        return f"{entity['kind']}:{namespace}/{metadata['name']}".lower()
    except (KeyError, TypeError, AttributeError):
        raise SourceError("backstage: answered an entity without kind or name; report it") from None
