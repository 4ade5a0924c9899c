"""Requests to one Azure DevOps project, for writing epics and for reading them back."""

from __future__ import annotations

import base64
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from orchestration.http import (
    ConflictError,
    UnavailableError,
    UnknownOutcomeError,
    longest_call_seconds,
)
from orchestration.vendors.azure_devops.errors import explained
from orchestration.vendors.azure_devops.settings import NAME, AzureDevOpsProject
from orchestration.vendors.base import Context, secret, settings_file
from orchestration.vendors.tracker_client import Json, Params, TrackerClient, chunks, shaped

IDS_A_FETCH = 200
JSON_PATCH = "application/json-patch+json"
# As long as a call may still do something, no other run may act instead: it is kept short.
SEND_WITHIN_SECONDS = 120.0
REPLY_SECONDS = 60.0
LONGEST_CALL_SECONDS = longest_call_seconds(SEND_WITHIN_SECONDS, REPLY_SECONDS)
_UPDATES_A_PAGE = 200
# What every work item has.
_PARTS = {"id": int, "rev": int, "fields": dict}
Operations = Sequence[Mapping[str, Any]]


class Client(TrackerClient):
    """One project of one organization.

    Ids are looked up in the organization, so that a work item is found after its project was
    renamed, or after it moved to another one. A work item has `id`, `rev`, and non-empty `fields`
    by reference name.
    """

    def __init__(self, config: AzureDevOpsProject, context: Context) -> None:
        self.url, self.project = str(config.url), str(config.project)
        what = (
            "an organization-scoped personal access token or a token of Microsoft Entra that may "
            "read (for a tracker: and write) work items"
        )
        token = secret(context, config.token_env, NAME, what)
        hint = (
            f"renew {config.token_env}: an organization-scoped token with Work Items (Read & "
            "write) or a token of Microsoft Entra, whose owner may edit work items and create tags "
            f"in {self.project}"
        )
        # Tokens of Entra are JSON Web Tokens, which have two dots; others have none.
        basic = base64.b64encode(f":{token}".encode()).decode()
        scheme = f"Bearer {token}" if token.count(".") == 2 else f"Basic {basic}"
        super().__init__(
            NAME,
            self.url,
            context,
            window_seconds=SEND_WITHIN_SECONDS,
            reply_seconds=REPLY_SECONDS,
            always={"api-version": config.api_version},
            credentials={"Authorization": scheme},
            # Asks for 401 instead of a sign-in page; not every version complies.
            headers={"X-TFS-FedAuthRedirect": "Suppress"},
            access_hint=hint,
            settings=settings_file(config),
            secrets=(token,),
            explain=explained,
        )

    def edit_url(self, item: Mapping[str, Any]) -> str:
        """A work item's address for people."""
        project = quote(str(item["fields"].get("System.TeamProject") or ""), safe="")
        return f"{self.url}/{project}/_workitems/edit/{item['id']}"

    def project_state(self) -> str:
        return str(self.get(f"/_apis/projects/{quote(self.project, safe='')}").get("state", ""))

    def fields(self) -> list[Json]:
        """Every field of the organization with its data type."""
        return self._values("/_apis/wit/fields")

    def work_item_types(self) -> list[Json]:
        return self._values(f"{self._in()}/workitemtypes")

    def work_item_type(self, project: str, name: str) -> Json | None:
        """With its states; None where the project has no such type."""
        return self.find(self._type_path(project, name))

    def type_fields(self, project: str, name: str) -> list[Json]:
        return self._values(f"{self._type_path(project, name)}/fields", {"$expand": "all"})

    def search(self, wiql: str, **params: str | int) -> list[int]:
        """Ids of the work items found by a flat query."""
        found = self.ask(f"{self._in()}/wiql", {"query": wiql}, params, workItems=list)
        return [int(one["id"]) for one in found["workItems"]]

    def items(self, ids: Iterable[int], fields: Sequence[str]) -> Iterator[Json]:
        """The work items that exist and may be read, in the order received, 200 per request."""
        for some in chunks([*dict.fromkeys(ids)], IDS_A_FETCH):
            # A deleted one must not fail the others: it is null in the list.
            body = {"ids": some, "fields": list(fields), "errorPolicy": "omit"}
            found = self.ask("/_apis/wit/workitemsbatch", body, value=list)["value"]
            yield from [shaped(f"{NAME}: work items", one, **_PARTS) for one in found if one]

    def item(self, item_id: int) -> Json | None:
        """One work item with all its fields; None if it is gone or may not be read."""
        return self.find(f"/_apis/wit/workitems/{item_id}", None, **_PARTS)

    def deleted(self, ids: Collection[int]) -> dict[int, Json]:
        """Those of the work items that are in the project's recycle bin."""
        found: dict[int, Json] = {}
        for some in chunks([*ids], IDS_A_FETCH):
            params = {"ids": ",".join(map(str, some))}
            listed = self._values(f"{self._in()}/recyclebin", params)
            found |= {int(one["id"]): one for one in filter(None, listed) if one.get("id")}
        return found

    def updates(self, item_id: int) -> Iterator[Json]:
        """Every change of a work item, oldest first."""
        skip = 0
        while True:
            params = {"$top": _UPDATES_A_PAGE, "$skip": skip}
            page = self._values(f"/_apis/wit/workItems/{item_id}/updates", params)
            yield from page
            if len(page) < _UPDATES_A_PAGE:
                return
            skip += len(page)

    def open(self, type_name: str, operations: Operations) -> Json:
        """Open a work item."""
        return self.create(self._new(type_name), operations, _PARTS, content_type=JSON_PATCH)

    def validate(self, type_name: str, operations: Operations) -> None:
        """Validate opening a work item; nothing is done."""
        path, params = self._new(type_name), {"validateOnly": "true"}
        try:
            self.write("POST", path, operations, params, content_type=JSON_PATCH)
        except UnknownOutcomeError as error:
            raise UnavailableError(str(error)) from None

    def change(self, item: Json, operations: Operations) -> bool:
        """Change all of it or nothing; False if it is no longer at its revision."""
        body = [{"op": "test", "path": "/rev", "value": item["rev"]}, *operations]
        try:
            path = f"/_apis/wit/workitems/{item['id']}"
            self.write("PATCH", path, body, content_type=JSON_PATCH)
        except ConflictError:
            return False
        return True

    def _values(self, path: str, params: Params = None) -> list[Any]:
        return self.get(path, params, value=list)["value"]

    def _in(self, project: str | None = None) -> str:
        return f"/{quote(project or self.project, safe='')}/_apis/wit"

    def _new(self, type_name: str) -> str:
        return f"{self._in()}/workitems/${quote(type_name, safe='')}"

    def _type_path(self, project: str, name: str) -> str:
        return f"{self._in(project)}/workitemtypes/{quote(name, safe='')}"


def tags_of(item: Mapping[str, Any]) -> list[str]:
    return [tag.strip() for tag in str(item["fields"].get("System.Tags") or "").split(";")]
