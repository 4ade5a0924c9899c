"""What Jira knows of epics: found by label, their state by id, and whether a person was there."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from orchestration.http import Params
from orchestration.trackers.jira import history
from orchestration.trackers.jira.client import PAGE, Client, Json, answered
from orchestration.trackers.jira.fields import EPIC_LINK, FIGURES, Schemas
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

_STATUS_FIELDS = ("status", "resolutiondate", "statuscategorychangedate", "archiveddate")


class Reader:
    """Asks Jira about epics; writes nothing."""

    def __init__(self, client: Client, schemas: Schemas) -> None:
        self._client = client
        self._schemas = schemas
        self._issue_keys: dict[str, str] = {}

    def refer(self, key: str, issue: Json, *, was_there: bool = False) -> EpicRef:
        """The reference to an issue: by its id, which stays when its project gets another key."""
        self._issue_keys[str(issue["id"])] = issue["key"]
        url = self._client.config.browse_url(issue["key"])
        return EpicRef(key=key, id=str(issue["id"]), url=url, was_there=was_there)

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
            refs[key] = replace(self.refer(key, ours), others=others)
        return refs

    def status(self, refs: Collection[EpicRef]) -> Mapping[str, StatusOutcome]:
        """The state of each epic.

        Cloud has a fetch of many ids that doesn't lag. Data Center has none: there one search a
        page tells which epics are open, and every epic that it shows closed, or doesn't show
        (created this moment, deleted, archived), is read by its id. So what a later epic hangs
        on, that this one is closed, never comes from the index; an epic closed this moment is at
        worst told of new evidence.
        """
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

    def untouched(self, refs: Collection[EpicRef]) -> Mapping[str, bool | TrackerError]:
        """Whether each epic is as paydown alone made it; see `history`."""
        return {ref.key: self._untouched(ref) for ref in refs}

    def comments(self, ref: EpicRef) -> Iterator[Json]:
        """Its comments, newest first."""
        path = f"/issue/{ref.id}/comment"
        yield from self._client.pages(path, ("comments",), orderBy="-created")

    def was_changed(self, ref: EpicRef, field_id: str, field_name: str) -> bool:
        """Whether its history tells of a change of that field after it was created."""
        issue = self._find_with(ref, "status")
        return any(
            field_id == item.get("fieldId") or field_name == item.get("field")
            for change in self._changes(ref, issue)
            for item in change.get("items") or ()
        )

    def _find_with(self, ref: EpicRef, fields: str) -> Json:
        """An issue with its history."""
        return self.issue(ref, {"fields": fields, "expand": "changelog"})

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

    def _look_up(self, refs: Sequence[EpicRef]) -> Mapping[str, Json | TrackerError]:
        ids = ", ".join(ref.id if ref.id.isdigit() else jql_string(ref.id) for ref in refs)
        params = {
            "jql": f"id in ({ids})",
            "fields": ",".join(_STATUS_FIELDS),
            "maxResults": PAGE,
            # Otherwise an id that was deleted makes the whole query an error.
            "validateQuery": "false",
        }
        page = answered("/search", self._client.get("/search", params), issues=list)
        shown = {str(issue["id"]): issue for issue in page["issues"]}
        issues: dict[str, Json | TrackerError] = {}
        for ref in refs:
            issue = shown.get(ref.id)
            if issue is None or _is_done(issue) or _is_archived(issue):
                issue = self._client.issue(ref.id, _status_params())
            if issue is None:
                continue
            issues[ref.id] = issue
            if ref.id not in shown:
                # Too new for the index; or its whole project was archived, which it doesn't tell.
                try:
                    self._schemas.project(issue["key"].rsplit("-", 1)[0])
                except RejectedError as error:
                    issues[ref.id] = error
        return issues

    def _status(self, ref: EpicRef, issue: Json) -> StatusOutcome:
        url = self.refer(ref.key, issue).url
        fields = issue["fields"]
        name = str((fields.get("status") or {}).get("name") or "")
        if _is_archived(issue):
            closed_at = moment(fields["archiveddate"])
            return EpicStatus(is_open=False, status_name="archived", url=url, closed_at=closed_at)
        if not _is_done(issue):
            return EpicStatus(is_open=True, status_name=name, url=url)
        # Each may be missing or stale (a resolution that outlived reopening): the later one holds.
        moments = [fields.get("resolutiondate"), fields.get("statuscategorychangedate")]
        closed_at = max((moment(one) for one in moments if one), default=None)
        return EpicStatus(is_open=False, status_name=name, url=url, closed_at=closed_at)

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

    def _untouched(self, ref: EpicRef) -> bool | TrackerError:
        try:
            issue = self._find_with(ref, "creator,comment,status")
            return history.is_untouched(
                issue["fields"].get("creator"),
                self._comments_of(ref, issue),
                self._changes(ref, issue),
                is_me=self._client.is_me,
                own_fields=self._own_fields(),
                is_done=_is_done(issue),
            )
        except UnavailableError:
            raise
        except TrackerError as error:
            return error

    def _own_fields(self) -> frozenset[str]:
        """Ids and names of the fields that hold figures, or the epic of a story."""
        ids = {*self._schemas.of_kind(EPIC_LINK)}
        for what in FIGURES:
            if name := getattr(self._client.config.fields, what):
                ids |= {*self._schemas.ids(name)}
        return self._schemas.words(ids)

    def _changes(self, ref: EpicRef, issue: Json) -> list[Json]:
        log = answered(f"/issue/{ref.id}", issue.get("changelog"), histories=list)
        changes = log["histories"]
        if len(changes) >= int(log.get("total") or 0):
            return changes
        if not self._client.config.is_cloud:
            raise RejectedError(f"jira: the history of {ref.url} is too long to be read")
        return [*self._client.pages(f"/issue/{ref.id}/changelog", ("values",))]

    def _comments_of(self, ref: EpicRef, issue: Json) -> list[Json]:
        field = issue["fields"].get("comment") or {}
        comments = field.get("comments")
        is_all = comments is not None and len(comments) >= int(field.get("total") or 0)
        return comments if is_all else [*self.comments(ref)]


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
