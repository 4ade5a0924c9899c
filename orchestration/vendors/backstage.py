"""Backstage: the catalog as its API gives it, whole, since what it no longer holds is gone.

A pass over the catalog is landed only if it is complete: the server counted as many entities before
and after it as came. Entities keep their place while it lasts, since pages are in the order of
entities' ids; only one that is registered anew meanwhile moves, and then the counts tell.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any

from pydantic import Field

from orchestration.http import Http, SourceError
from orchestration.landing import Landing
from orchestration.rubric.strict import Share
from orchestration.vendors.base import Context, EnvName, SourceConfig, Url, secret

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


class Backstage:
    """One catalog; see `Extractor`."""

    def __init__(self, config: BackstageConfig, url: str, token: str, context: Context) -> None:
        self._config = config
        self._progress = context.progress
        self._http = Http(
            "backstage",
            url,
            credentials={"Authorization": f"Bearer {token}"},
            access_hint=f"put a token that may read the catalog into {config.token_env}",
            patience=context.patience,
        )

    @property
    def requests(self) -> int:
        return self._http.requests

    def check(self) -> str:
        return f"{self._count():,} entities"

    def sync(self, landing: Landing) -> None:
        for _ in range(PASSES):
            whole = _Pass(self._pages())
            landing.replace(STREAM, "catalog", whole.entities())
            # One page is one answer, in which nothing can have moved.
            after = whole.counted if whole.pages == 1 else self._count()
            if whole.came == whole.counted == after:
                break
        else:
            raise SourceError(
                f"backstage: the catalog changed during each of {PASSES} passes (the last one "
                f"counted {whole.counted:,} entities, then {after:,}, and {whole.came:,} came); "
                "the last whole one stays; if this goes on, set a larger page_size"
            )
        self._believe(whole.came, landing.cursors.get("entities"))
        landing.observe(STREAM, source_count=whole.counted)
        landing.commit(entities=whole.came)

    def _believe(self, came: int, before: int | None) -> None:
        least = self._config.least_share
        if least > 0 and (came == 0 or came < least * (before or 0)):
            then = "" if before is None else f", {before:,} came before"
            raise SourceError(
                f"backstage: the catalog has {came:,} entities{then}; nothing is taken over: "
                f"check the filter and what {self._config.token_env} may see, or, if that is "
                "right, set `least_share: 0` under backstage in sources.yaml for one sync"
            )

    def _pages(self) -> Iterator[Mapping[str, Any]]:
        which: list[tuple[str, str | int]] = self._filters()
        cursors: set[str] = set()
        seen = 0
        while which:
            page = self._ask([("limit", self._config.page_size), ("fields", FIELDS), *which])
            yield page
            seen += len(page["items"])
            self._progress(f"backstage entities: {seen:,} of {page['totalItems']:,}")
            following = page.get("pageInfo", {}).get("nextCursor")
            if following in cursors:
                raise SourceError("backstage: gives the same pages again and again; report it")
            cursors.add(following)
            # The cursor holds the filter.
            which = [("cursor", following)] if following else []

    def _count(self) -> int:
        return self._ask([("limit", 1), ("fields", "kind"), *self._filters()])["totalItems"]

    def _filters(self) -> list[tuple[str, str | int]]:
        return [("filter", text) for text in self._config.filter]

    def _ask(self, params: list[tuple[str, str | int]]) -> Mapping[str, Any]:
        data = self._http.get(QUERY, params).data
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
        return data


class _Pass:
    """One reading of all pages; `came` and `pages` hold once `entities` is used up."""

    def __init__(self, pages: Iterator[Mapping[str, Any]]) -> None:
        self._pages = pages
        self.pages = 0
        self.counted = 0
        self.came = 0

    def entities(self) -> Iterator[Mapping[str, Any]]:
        """Each entity once, by its reference, which is unique at any one moment."""
        seen: set[str] = set()
        for page in self._pages:
            if not self.pages:
                self.counted = page["totalItems"]
            self.pages += 1
            for entity in page["items"]:
                reference = _reference(entity)
                if reference not in seen:
                    seen.add(reference)
                    self.came += 1
                    yield entity


def _reference(entity: Mapping[str, Any]) -> str:
    try:
        metadata = entity["metadata"]
        namespace = metadata.get("namespace") or "default"
        return f"{entity['kind']}:{namespace}/{metadata['name']}".lower()
    except (KeyError, TypeError, AttributeError):
        raise SourceError("backstage: answered an entity without kind or name; report it") from None
