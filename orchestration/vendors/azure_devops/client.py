"""Requests to one Azure DevOps project, for writing epics and for reading them back."""

from __future__ import annotations

import base64
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any
from urllib.parse import quote

from orchestration.http import (
    Http,
    Params,
    RefusedError,
    SendWindow,
    UnavailableError,
    UnknownOutcomeError,
    longest_call_seconds,
)
from orchestration.vendors.azure_devops.errors import is_without_project
from orchestration.vendors.azure_devops.settings import NAME, AzureDevOpsProject
from orchestration.vendors.base import Context, secret
from orchestration.vendors.tracker_errors import CONFLICTS

IDS_A_FETCH = 200
JSON_PATCH = "application/json-patch+json"
# While a call may still do something, no other run may act in its place: it is kept short.
SEND_WITHIN_SECONDS = 120.0
REPLY_SECONDS = 60.0
LONGEST_CALL_SECONDS = longest_call_seconds(SEND_WITHIN_SECONDS, REPLY_SECONDS)
_UPDATES_A_PAGE = 200
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
    def tags(self) -> tuple[str, ...]:
        return tuple(tag.strip() for tag in str(self.fields.get("System.Tags") or "").split(";"))


class Client:
    """One project of one organization.

    What is known by its id is asked of the organization, so that a work item is found where its
    project was renamed, or after it moved to another one.

    Args:
        errors: within which every request is made; it may raise other errors than those of `Http`.

    Attributes:
        window: in which `create` and `change` may still send.
    """

    def __init__(
        self,
        config: AzureDevOpsProject,
        context: Context,
        errors: Callable[[], AbstractContextManager[None]] = nullcontext,
    ) -> None:
        self.url, self.project = str(config.url), str(config.project)
        self.window = SendWindow(NAME, SEND_WITHIN_SECONDS, context.patience.sleep)
        self._version = config.api_version
        self._errors = errors
        with errors():
            what = "a personal access token that may read (for a tracker: and write) work items"
            token = secret(context, config.token_env, NAME, what)
        basic = base64.b64encode(f":{token}".encode()).decode()
        self._http = Http(
            NAME,
            self.url,
            credentials={"Authorization": f"Basic {basic}"},
            # Asks for 401 instead of a page to sign in; not every version keeps to it.
            headers={"X-TFS-FedAuthRedirect": "Suppress"},
            access_hint=(
                f"renew {config.token_env}: a token with the scope Work Items (Read & write), "
                f"whose owner may edit work items and create tags in {self.project}"
            ),
            patience=replace(
                context.patience,
                reply_seconds=min(context.patience.reply_seconds, REPLY_SECONDS),
                sleep=self.window.sleep,
            ),
            secrets=(token,),
        )

    @property
    def requests(self) -> int:
        """How many requests were sent so far."""
        return self._http.requests

    def edit_url(self, project: str, item_id: int) -> str:
        """A work item's address for people."""
        return f"{self.url}/{quote(project, safe='')}/_workitems/edit/{item_id}"

    def connection(self) -> Json:
        """Who the token belongs to."""
        # This one has only ever been a preview.
        version = f"{self._version.split('-')[0]}-preview"
        return self._get("/_apis/connectionData", {"api-version": version})

    def described_project(self) -> Json:
        return self._get(f"/_apis/projects/{quote(self.project, safe='')}")

    def fields(self) -> tuple[list[Json], Any]:
        """Every field of the organization with its data type, and the server's clock."""
        with self._errors():
            reply = self._http.get("/_apis/wit/fields", self._params())
        return self._values(reply.data), reply.date

    def work_item_types(self) -> list[Json]:
        return self._values(self._get(f"{self._in()}/workitemtypes"))

    def work_item_type(self, project: str, name: str) -> Json | None:
        """With its states; None where the project has no such type."""
        return self._find(self._type_path(project, name))

    def type_fields(self, project: str, name: str) -> list[Json]:
        path = f"{self._type_path(project, name)}/fields"
        return self._values(self._get(path, {"$expand": "all"}))

    def search(self, wiql: str, **params: str | int) -> list[int]:
        """Ids of the work items that a flat query finds."""
        asked = {f"${name}" if name == "top" else name: value for name, value in params.items()}
        data = self._post(f"{self._in()}/wiql", {"query": wiql}, asked)
        return [int(one["id"]) for one in self._values(data, "workItems")]

    def items(self, ids: Iterable[int], fields: Sequence[str]) -> Iterator[Json]:
        """The work items that exist and may be read, as they come, 200 a request."""
        rest = iter(dict.fromkeys(ids))
        while some := list(islice(rest, IDS_A_FETCH)):
            # One that is gone must not fail the others: it is null in the list.
            body = {"ids": some, "fields": list(fields), "errorPolicy": "omit"}
            data = self._post("/_apis/wit/workitemsbatch", body)
            yield from filter(None, self._values(data))

    def item(self, item_id: int) -> Item | None:
        """One work item with all its fields; None where it is gone or may not be read."""
        data = self._find(f"/_apis/wit/workitems/{item_id}")
        with self._errors():
            return None if data is None else read_item(data)

    def deleted(self, ids: Collection[int]) -> dict[int, Json]:
        """Those of the work items that lie in the project's recycle bin."""
        found: dict[int, Json] = {}
        rest = iter(ids)
        while some := list(islice(rest, IDS_A_FETCH)):
            params = {"ids": ",".join(map(str, some))}
            listed = self._values(self._get(f"{self._in()}/recyclebin", params))
            found |= {int(one["id"]): one for one in filter(None, listed) if one.get("id")}
        return found

    def updates(self, item_id: int) -> Iterator[Json]:
        """Every change of a work item from the first on."""
        skip = 0
        while True:
            params = {"$top": _UPDATES_A_PAGE, "$skip": skip}
            page = self._values(self._get(f"/_apis/wit/workItems/{item_id}/updates", params))
            yield from page
            if len(page) < _UPDATES_A_PAGE:
                return
            skip += len(page)

    def create(self, type_name: str, operations: Operations, *, validate_only: bool) -> Item | None:
        """Open a work item; with `validate_only` nothing is done but to ask whether it could be."""
        path = f"{self._in()}/workitems/${quote(type_name, safe='')}"
        params = self._params({"validateOnly": "true"} if validate_only else {})

        with self._errors():
            self.window.check()
            try:
                write = self._http.write("POST", path, operations, params, content_type=JSON_PATCH)
                return None if validate_only else read_item(write.data)
            except UnknownOutcomeError as error:
                if validate_only:
                    raise UnavailableError(str(error)) from None
                raise

    def change(self, item_id: int, rev: int, operations: Operations) -> bool:
        """Change all of it or nothing; False where it is no longer at revision `rev`."""
        body = [{"op": "test", "path": "/rev", "value": rev}, *operations]
        path = f"/_apis/wit/workitems/{item_id}"

        with self._errors():
            self.window.check()
            try:
                params = self._params()
                self._http.write("PATCH", path, body, params, content_type=JSON_PATCH)
            except RefusedError as error:
                if error.status in CONFLICTS:
                    return False
                raise
        return True

    def _get(self, path: str, params: Mapping[str, str | int] | None = None) -> Json:
        with self._errors():
            return _object(path, self._http.get(path, self._params(params)).data)

    def _find(self, path: str) -> Json | None:
        """As `_get`; None for what the project doesn't have."""
        with self._errors():
            try:
                return _object(path, self._http.get(path, self._params()).data)
            except RefusedError as error:
                if error.status != 404 or is_without_project(error):
                    raise
                return None

    def _post(self, path: str, body: Json, params: Mapping[str, str | int] | None = None) -> Any:
        with self._errors():
            return self._http.post(path, body, self._params(params)).data

    def _values(self, data: Any, name: str = "value") -> list[Any]:
        values = data.get(name) if isinstance(data, dict) else None
        if isinstance(values, list):
            return values
        with self._errors():
            raise UnavailableError(
                f"{NAME}: answered without `{name}`; see that `url` is an organization or a "
                "collection"
            )

    def _params(self, params: Mapping[str, str | int] | None = None) -> Params:
        return {"api-version": self._version, **(params or {})}

    def _in(self, project: str | None = None) -> str:
        return f"/{quote(project or self.project, safe='')}/_apis/wit"

    def _type_path(self, project: str, name: str) -> str:
        return f"{self._in(project)}/workitemtypes/{quote(name, safe='')}"


def read_item(data: Any) -> Item:
    """UnknownOutcomeError where it is no work item: it may stand for one."""
    try:
        return Item(int(data["id"]), int(data["rev"]), dict(data["fields"]))
    except (KeyError, TypeError, ValueError):
        raise UnknownOutcomeError(f"{NAME}: answered with something that is no work item") from None


def _object(path: str, data: Any) -> Json:
    if isinstance(data, dict):
        return data
    raise UnavailableError(f"{NAME}: GET {path}: answered with no object")
