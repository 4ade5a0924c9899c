"""The requests of the work item tracking interface that the tracker needs, and nothing else."""

from __future__ import annotations

from collections.abc import Collection, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from typing import Any
from urllib.parse import quote

from orchestration.http import AccessError, Http, Params, RefusedError, SendWindow
from orchestration.trackers.azure_devops.refusals import is_missing_item, no_access, refusal
from orchestration.trackers.faults import CONFLICTS, told_as_tracker
from orchestration.trackers.protocol import (
    AmbiguousError,
    RejectedError,
    TrackerError,
    UnavailableError,
)

IDS_A_FETCH = 200
UPDATES_A_PAGE = 200
JSON_PATCH = "application/json-patch+json"
Json = dict[str, Any]
Operations = Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class Item:
    """A work item; `fields` by reference name, without those that are empty."""

    id: int
    rev: int
    fields: Mapping[str, Any]

    @property
    def project(self) -> str:
        return str(self.fields["System.TeamProject"])

    @property
    def type(self) -> str:
        return str(self.fields["System.WorkItemType"])

    @property
    def state(self) -> str:
        return str(self.fields["System.State"])

    @property
    def version(self) -> str:
        """Another one after every change."""
        return f"{self.rev}.{self.fields.get('System.CommentCount', 0)}"

    @property
    def tags(self) -> tuple[str, ...]:
        return tuple(tag.strip() for tag in str(self.fields.get("System.Tags") or "").split(";"))


class Api:
    """One project of one organization.

    What is known by its id is asked of the organization, so that a work item is found where its
    project was renamed, or after it moved to another one.

    window: in which `create` and `change` may still send.
    """

    def __init__(
        self,
        http: Http,
        window: SendWindow,
        project: str,
        version: str,
        secrets: Sequence[str],
    ) -> None:
        self._http = http
        self.window = window
        self._version = version
        self._secrets = secrets
        self.project = project

    @property
    def url(self) -> str:
        return self._http.url

    def connection(self) -> Json:
        """Who the token belongs to."""
        # This one has only ever been a preview.
        version = f"{self._version.split('-')[0]}-preview"
        return self._get("/_apis/connectionData", {"api-version": version})

    def described_project(self) -> Json:
        return self._get(f"/_apis/projects/{quote(self.project, safe='')}")

    def fields(self) -> list[Json]:
        """Every field of the organization with its data type, whatever type has it."""
        return _values(self._get("/_apis/wit/fields"))

    def work_item_type(self, project: str, name: str) -> Json:
        try:
            return self._get(self._type_path(project, name))
        except _MissingError:
            raise RejectedError(
                f"azure_devops: {project} has no work item type {name!r}; "
                "set `epic_type` and `story_type` to types that it has"
            ) from None

    def type_fields(self, project: str, name: str) -> list[Json]:
        path = f"{self._type_path(project, name)}/fields"
        return _values(self._get(path, {"$expand": "all"}))

    def type_states(self, project: str, name: str) -> list[Json]:
        return _values(self._get(f"{self._type_path(project, name)}/states"))

    def search(self, wiql: str, top: int | None = None) -> list[int]:
        """Ids of the work items that a flat query finds."""
        params = {"$top": top} if top else {}
        with self._told():
            path = f"{self._in(self.project)}/wiql"
            data = self._http.post(path, {"query": wiql}, self._params(params)).data
        return [int(one["id"]) for one in _values(data, "workItems")]

    def items(self, ids: Iterable[int], fields: Sequence[str]) -> dict[int, Item]:
        """The work items that are there and may be read, 200 a request."""
        found: dict[int, Item] = {}
        for some in _in_parts(dict.fromkeys(ids)):
            body = {"ids": some, "fields": list(fields), "errorPolicy": "omit"}
            with self._told():
                data = self._http.post("/_apis/wit/workitemsbatch", body, self._params()).data
            # What is omitted is null in the list.
            for one in filter(None, _values(data)):
                item = _item(one)
                found[item.id] = item
        return found

    def item(self, item_id: int) -> Item:
        """One work item with all its fields.

        Raises:
            RejectedError: it was deleted, or may not be read.
        """
        try:
            return _item(self._get(f"/_apis/wit/workitems/{item_id}"))
        except _MissingError:
            raise RejectedError(
                f"azure_devops: work item {item_id} was deleted, or may not be read"
            ) from None

    def deleted(self, ids: Collection[int]) -> dict[int, Json]:
        """Those of the work items that lie in the project's recycle bin."""
        found: dict[int, Json] = {}
        for some in _in_parts(ids):
            path = f"{self._in(self.project)}/recyclebin"
            data = self._get(path, {"ids": ",".join(map(str, some))})
            found |= {int(one["id"]): one for one in filter(None, _values(data)) if one.get("id")}
        return found

    def updates(self, item_id: int) -> Iterator[Json]:
        """Every change of a work item from the first on, with who made it."""
        skip = 0
        while True:
            params = {"$top": UPDATES_A_PAGE, "$skip": skip}
            page = _values(self._get(f"/_apis/wit/workItems/{item_id}/updates", params))
            yield from page
            if len(page) < UPDATES_A_PAGE:
                return
            skip += len(page)

    def create(self, type_name: str, operations: Operations, *, validate_only: bool) -> Item | None:
        """Open a work item; with `validate_only` nothing is done but to ask whether it could be.

        Raises:
            RejectedError, ConflictError, AmbiguousError, UnavailableError, ForbiddenError
        """
        path = f"{self._in(self.project)}/workitems/${quote(type_name, safe='')}"
        params = {"validateOnly": "true"} if validate_only else {}
        try:
            with self._told():
                self.window.check()
                data = self._http.write(
                    "POST", path, operations, self._params(params), content_type=JSON_PATCH
                ).data
            return None if validate_only else _item(data)
        except AmbiguousError as error:
            if validate_only:
                raise UnavailableError(str(error)) from None
            raise
        except UnavailableError as error:
            if isinstance(error, _GarbledError):
                raise AmbiguousError(str(error)) from None
            raise

    def change(self, item_id: int, rev: int, operations: Operations) -> bool:
        """Change all of it or nothing; False where it is no longer at revision `rev`."""
        body = [{"op": "test", "path": "/rev", "value": rev}, *operations]
        with self._told():
            self.window.check()
            try:
                path = f"/_apis/wit/workitems/{item_id}"
                self._http.write("PATCH", path, body, self._params(), content_type=JSON_PATCH)
            except RefusedError as error:
                if error.status in CONFLICTS:
                    return False
                raise
        return True

    def _get(self, path: str, params: Mapping[str, str | int] | None = None) -> Json:
        with self._told():
            try:
                data = self._http.get(path, self._params(params or {})).data
            except RefusedError as error:
                if is_missing_item(error):
                    raise _MissingError(str(refusal(error))) from None
                raise
        if not isinstance(data, dict):
            raise _GarbledError(f"azure_devops: GET {path}: answered with no object")
        return data

    def _params(self, params: Mapping[str, str | int] | None = None) -> Params:
        return {"api-version": self._version, **(params or {})}

    def _in(self, project: str) -> str:
        return f"/{quote(project, safe='')}/_apis/wit"

    def _type_path(self, project: str, name: str) -> str:
        return f"{self._in(project)}/workitemtypes/{quote(name, safe='')}"

    @contextmanager
    def _told(self) -> Generator[None]:
        """Every fault as the protocol's, in words, and without a secret that a server echoes."""
        try:
            with told_as_tracker():
                try:
                    yield
                except RefusedError as error:
                    raise refusal(error) from None
                except AccessError as error:
                    raise no_access(error) from None
        except TrackerError as error:
            text = str(error)
            for word in self._secrets:
                text = text.replace(word, "***")
            raise type(error)(text) from None


class _MissingError(RejectedError):
    """There is no such thing in the project."""


class _GarbledError(UnavailableError):
    """An answer of success that isn't what Azure DevOps answers."""


def _in_parts(ids: Iterable[int]) -> Iterator[list[int]]:
    rest = iter(ids)
    while part := list(islice(rest, IDS_A_FETCH)):
        yield part


def _values(data: Any, name: str = "value") -> list[Any]:
    values = data.get(name) if isinstance(data, dict) else None
    if not isinstance(values, list):
        raise _GarbledError(f"azure_devops: answered without `{name}`")
    return values


def _item(data: Any) -> Item:
    try:
        return Item(int(data["id"]), int(data["rev"]), dict(data["fields"]))
    except (KeyError, TypeError, ValueError):
        raise _GarbledError("azure_devops: answered with something that is no work item") from None
