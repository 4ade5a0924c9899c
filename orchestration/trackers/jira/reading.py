"""What Jira knows of epics: found by label, their state by id, and whether a person was there."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from orchestration.http import Params
from orchestration.trackers.jira.client import PAGE, Client, Json
from orchestration.trackers.jira.fields import Schemas
from orchestration.trackers.protocol import (
    EpicRef,
    EpicStatus,
    ForbiddenError,
    RejectedError,
    StatusOutcome,
    TrackerError,
    UnavailableError,
)
from orchestration.vendors.base import moment

_STATUS_FIELDS = ("status", "updated", "resolutiondate", "statuscategorychangedate", "archiveddate")


class Reader:
    """Asks Jira about epics; writes nothing."""

    def __init__(self, client: Client, schemas: Schemas) -> None:
        self._client = client
        self._schemas = schemas
        self._issue_keys: dict[str, str] = {}

    def refer(self, key: str, issue: Json, *, is_adopted: bool = False) -> EpicRef:
        """The reference to an issue: by its id, which stays when its project gets another key."""
        self._issue_keys[str(issue["id"])] = issue["key"]
        url = self._client.config.browse_url(issue["key"])
        return EpicRef(key=key, id=str(issue["id"]), url=url, is_adopted=is_adopted)

    def issue_key(self, ref: EpicRef) -> str:
        """The present key of an epic (`MOD-7`), asked for where this process didn't see it yet."""
        if not ref.id.isdigit():
            return ref.id
        if ref.id not in self._issue_keys:
            self._issue_keys[ref.id] = self.issue(ref, {"fields": "status"})["key"]
        return self._issue_keys[ref.id]

    def issue(self, ref: EpicRef, params: Params) -> Json:
        """An epic, read by its id. RejectedError where it is gone."""
        issue = self._client.issue(ref.id, params)
        if issue is None:
            raise RejectedError(f"jira: the epic {ref.url} is gone, or hidden from us")
        return issue

    def project_key(self, ref: EpicRef) -> str:
        """The key of an epic's project as this process saw it last, or as it was recorded."""
        issue_key = self._issue_keys.get(ref.id) or ref.url.rsplit("/", 1)[-1]
        return issue_key.rsplit("-", 1)[0]

    def find(self, keys: Collection[str]) -> Mapping[str, EpicRef]:
        """Epics by label, in whatever project they are now.

        Somebody's clone has the label too: the oldest issue is ours, since ids only grow.
        """
        found: dict[str, list[Json]] = {}
        wanted = sorted(set(keys))
        for chunk in _chunks(wanted, PAGE):
            labels = ", ".join(jql_string(key) for key in chunk)
            jql = f"labels in ({labels}) ORDER BY created ASC"
            for issue in self._client.search(jql, ("labels",)):
                for key in {*(issue["fields"].get("labels") or ())} & {*chunk}:
                    found.setdefault(key, []).append(issue)
        refs = {}
        for key, issues in found.items():
            ours, *copies = sorted(issues, key=lambda issue: int(issue["id"]))
            others = tuple(dict.fromkeys(str(c["key"]) for c in copies if c["id"] != ours["id"]))
            refs[key] = replace(self.refer(key, ours), duplicates=others)
        return refs

    def status(self, refs: Collection[EpicRef]) -> Mapping[str, StatusOutcome]:
        """The state of each epic: Cloud has a fetch of many ids, Data Center is asked for each."""
        outcomes: dict[str, StatusOutcome] = {}
        browsable: dict[str, TrackerError | None] = {}
        for chunk in _chunks(sorted(refs, key=lambda ref: ref.key), PAGE):
            issues = self._fetch(chunk) if self._client.config.is_cloud else self._look_up(chunk)
            for ref in chunk:
                issue = issues.get(ref.id)
                if isinstance(issue, TrackerError):
                    outcomes[ref.key] = issue
                else:
                    outcomes[ref.key] = (
                        self._status(ref, issue) if issue else self._missing(ref, browsable)
                    )
        return outcomes

    def comments(self, ref: EpicRef) -> Iterator[Json]:
        """Its comments, newest first."""
        path = f"/issue/{ref.id}/comment"
        yield from self._client.pages(path, ("comments",), orderBy="-created")

    def _fetch(self, refs: Sequence[EpicRef]) -> Mapping[str, Json | TrackerError | None]:
        body = {"issueIdsOrKeys": [ref.id for ref in refs], "fields": [*_STATUS_FIELDS]}
        answer = self._client.ask("/issue/bulkfetch", body, issues=list)
        issues: dict[str, Json | TrackerError | None] = {
            str(issue["id"]): issue for issue in answer["issues"]
        }
        for ref in refs:
            # Recorded by hand under its key, which another one may have replaced.
            if not ref.id.isdigit():
                issues[ref.id] = self._client.issue(ref.id, _status_params())
        for error in answer.get("issueErrors") or ():
            why = self._client.said({"errorMessages": [error.get("errorMessage") or "no reason"]})
            issues[str(error.get("id"))] = UnavailableError(f"jira: not readable now: {why}")
        return issues

    def _look_up(self, refs: Sequence[EpicRef]) -> Mapping[str, Json | None]:
        """Each by its id: the search index lags, and a version must not."""
        return {ref.id: self._client.issue(ref.id, _status_params()) for ref in refs}

    def _status(self, ref: EpicRef, issue: Json) -> StatusOutcome:
        url = self.refer(ref.key, issue).url
        fields = issue["fields"]
        name = str((fields.get("status") or {}).get("name") or "")
        version = str(fields.get("updated") or "")
        if _is_archived(issue):
            closed_at = moment(fields["archiveddate"])
            return EpicStatus(False, "archived", url, closed_at, version)
        if not _is_done(issue):
            return EpicStatus(True, name, url, version=version)
        # Each may be missing or stale (a resolution that outlived reopening): the later one holds.
        moments = [fields.get("resolutiondate"), fields.get("statuscategorychangedate")]
        closed_at = max((moment(one) for one in moments if one), default=None)
        return EpicStatus(False, name, url, closed_at, version)

    def _missing(self, ref: EpicRef, browsable: dict[str, TrackerError | None]) -> StatusOutcome:
        """Deleted, unless it may just be that we can't see it.

        Jira says 404 to both. Where its project is there and we may browse it, it is deleted.
        """
        project = self.project_key(ref)
        if project not in browsable:
            browsable[project] = self._hindrance(project)
        error = browsable[project]
        return error or EpicStatus(is_open=False, status_name="deleted", url=ref.url)

    def _hindrance(self, project: str) -> TrackerError | None:
        try:
            if not self.not_granted(self._schemas.project(project)["key"], "BROWSE_PROJECTS"):
                return None
        except TrackerError as error:
            return error
        user = f"the user of {self._client.config.token_env}"
        return ForbiddenError(f"jira: {user} can't browse {project}; grant Browse Projects")

    def not_granted(self, project: str, *permissions: str) -> list[str]:
        """Those of `permissions` that the project doesn't grant us, by one request."""
        params = {"projectKey": project, "permissions": ",".join(permissions)}
        granted = self._client.get("/mypermissions", params).get("permissions") or {}
        return [one for one in permissions if not (granted.get(one) or {}).get("havePermission")]


def _status_params() -> dict[str, str]:
    return {"fields": ",".join(_STATUS_FIELDS)}


def jql_string(text: str) -> str:
    """`text` as a string of JQL."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def is_done(fields: Mapping[str, Any]) -> bool:
    """Whether an issue's status is of the category Done, whatever the status is called."""
    category = (fields.get("status") or {}).get("statusCategory") or {}
    return category.get("key") == "done"


def _is_done(issue: Json) -> bool:
    return is_done(issue["fields"])


def _is_archived(issue: Json) -> bool:
    return bool(issue["fields"].get("archiveddate"))


def _chunks(items: Sequence[Any], size: int) -> Iterator[Sequence[Any]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]
