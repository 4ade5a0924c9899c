"""Reads epics from Jira: found by label, their state by id, and permissions. Writes nothing."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from functools import cache
from typing import Any

from orchestration.http import AccessError, RefusedError, SourceError, UnavailableError
from orchestration.trackers import protocol
from orchestration.vendors.base import moment
from orchestration.vendors.jira.client import PAGE, Client, jql_string
from orchestration.vendors.jira.fields import Schemas
from orchestration.vendors.tracker_client import Json, chunks

_STATUS_FIELDS = ("status", "updated", "resolutiondate", "statuscategorychangedate", "archiveddate")


class Reader:
    """Asks Jira about epics."""

    def __init__(self, client: Client, schemas: Schemas) -> None:
        self._client = client
        self._schemas = schemas
        self._issue_keys: dict[str, str] = {}

    def refer(self, key: str, issue: Json) -> protocol.EpicRef:
        """The reference to an issue: by its id, which survives a new key of its project."""
        self._issue_keys[str(issue["id"])] = issue["key"]
        return protocol.EpicRef(key, str(issue["id"]), self._client.site.browse_url(issue["key"]))

    def issue_key(self, ref: protocol.EpicRef) -> str:
        """The current key of an epic (`MOD-7`), requested if this process hasn't seen it yet."""
        if ref.id not in self._issue_keys:
            self.issue(ref, {"fields": "status"})
        return self._issue_keys[ref.id]

    def issue(self, ref: protocol.EpicRef, params: Json) -> Json:
        """An epic, read by its id. RefusedError if it is gone."""
        issue = self._client.issue(ref.id, params)
        if issue is None:
            raise RefusedError(f"jira: the epic {ref.url} is gone, or hidden from us")
        self.refer(ref.key, issue)
        return issue

    def project_key(self, ref: protocol.EpicRef) -> str:
        """The key of an epic's project as last seen by this process, or as recorded."""
        issue_key = self._issue_keys.get(ref.id) or ref.url.rsplit("/", 1)[-1]
        return issue_key.rsplit("-", 1)[0]

    def find(self, keys: Collection[str]) -> Mapping[str, protocol.EpicRef]:
        """Epics by label, in any project.

        A clone made by a person has the label too: the oldest issue is ours, since ids only grow.
        """
        found: dict[str, dict[int, Json]] = {}
        for chunk in chunks(sorted(set(keys)), PAGE):
            labels = ", ".join(map(jql_string, chunk))
            paged = self._client.search(f"labels in ({labels})", ("labels",))
            for issue in (one for page in paged for one in page):
                for key in {*(issue["fields"].get("labels") or ())} & {*chunk}:
                    found.setdefault(key, {})[int(issue["id"])] = issue
        refs = {}
        for key, issues in found.items():
            ours, *copies = (issues[one] for one in sorted(issues))
            others = tuple(str(copy["key"]) for copy in copies)
            refs[key] = replace(self.refer(key, ours), duplicates=others)
        return refs

    def status(self, refs: Collection[protocol.EpicRef]) -> Mapping[str, protocol.StatusOutcome]:
        """The state of each epic: Cloud fetches many ids, Data Center is asked one by one."""
        outcomes: dict[str, protocol.StatusOutcome] = {}
        hindrance = cache(self._hindrance)
        issues: dict[str, Json] = {}
        for chunk in chunks([ref.id for ref in refs], PAGE):
            issues |= {one["id"]: one for one in self._client.fetch(chunk, _STATUS_FIELDS)}
        for ref in refs:
            issue = issues.get(ref.id)
            if issue is None:
                # Jira answers 404 for both deleted and hidden issues.
                gone = protocol.EpicStatus(is_open=False, status_name="deleted", url=ref.url)
                outcomes[ref.key] = hindrance(self.project_key(ref)) or gone
            elif "error" in issue:
                why = self._client.explain({"errorMessages": [issue["error"]]})
                outcomes[ref.key] = UnavailableError(f"jira: not readable now: {why}")
            else:
                outcomes[ref.key] = self._status(ref, issue)
        return outcomes

    def is_granted(self, project: str, *permissions: str) -> bool | None:
        """Whether a project grants us all of these; None if unknown."""
        try:
            return not self.not_granted(project, *permissions)
        except SourceError:
            return None

    def not_granted(self, project: str, *permissions: str) -> list[str]:
        """Those of `permissions` that the project doesn't grant us, by one request."""
        params = {"projectKey": project, "permissions": ",".join(permissions)}
        granted = self._client.get("/mypermissions", params).get("permissions") or {}
        return [one for one in permissions if not (granted.get(one) or {}).get("havePermission")]

    def _status(self, ref: protocol.EpicRef, issue: Json) -> protocol.EpicStatus:
        url = self.refer(ref.key, issue).url
        fields = issue["fields"]
        name = str((fields.get("status") or {}).get("name") or "")
        version = str(fields.get("updated") or "")
        if archived_at := fields.get("archiveddate"):
            return protocol.EpicStatus(False, "archived", url, moment(archived_at), version)
        if not is_done(fields):
            return protocol.EpicStatus(True, name, url, version=version)
        # Each may be missing or stale (a resolution that survived reopening): the later one counts.
        moments = [fields.get("resolutiondate"), fields.get("statuscategorychangedate")]
        closed_at = max((moment(one) for one in moments if one), default=None)
        return protocol.EpicStatus(False, name, url, closed_at, version)

    def _hindrance(self, project: str) -> SourceError | None:
        """Why a project's issues may be hidden from us; None if we may browse it."""
        try:
            if not self.not_granted(self._schemas.project(project)["key"], "BROWSE_PROJECTS"):
                return None
        except SourceError as error:
            return error
        user = f"the user of {self._client.site.token_env}"
        return AccessError(f"jira: {user} can't browse {project}; grant Browse Projects")


def is_done(fields: Mapping[str, Any]) -> bool:
    """Whether an issue's status is in the category Done, whatever its name."""
    category = (fields.get("status") or {}).get("statusCategory") or {}
    return category.get("key") == "done"
