"""Adds evidence to an open epic, writes its score and burn, and closes it."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from orchestration.trackers.adf import adf_texts
from orchestration.trackers.protocol import (
    AmbiguousError,
    EpicChange,
    EpicRef,
    ForbiddenError,
    RejectedError,
    TrackerError,
)
from orchestration.trackers.wiki import fixed_width
from orchestration.vendors.jira.client import Client, Json
from orchestration.vendors.jira.fields import JiraField, Schemas, listed, put, read_field
from orchestration.vendors.jira.issues import render
from orchestration.vendors.jira.reading import Reader, is_done
from orchestration.vendors.jira.settings import JiraTrackerConfig

_TO_UPDATE = ("ADD_COMMENTS", "EDIT_ISSUES")
_TO_CLOSE = (*_TO_UPDATE, "TRANSITION_ISSUES")


class Changes:
    """Changes epics that exist.

    The comment goes first, the fields after it, so whatever fails after the comment is an unknown
    outcome and not a refusal: the next attempt must look for the mark.
    """

    def __init__(
        self, config: JiraTrackerConfig, client: Client, schemas: Schemas, reader: Reader
    ) -> None:
        self._config = config
        self._client = client
        self._schemas = schemas
        self._reader = reader

    def send(self, ref: EpicRef, change: EpicChange, *, is_closing: bool) -> list[str]:
        """One GET, one comment, at most one PUT, and a transition; one GET more for a retry.

        Where no transition leads to Done, nothing is done at all. Returns notes.
        """
        with self._forbidden_alone(ref, _TO_CLOSE if is_closing else _TO_UPDATE):
            issue = self._reader.issue(ref, {"fields": "status", "expand": "editmeta"})
            transition = None
            if is_closing and not is_done(issue["fields"]):
                transition = self._transition(ref)
            fields, notes = self._fields(issue, change)
            self._comment(ref, change)
        with _after_comment():
            if fields:
                self._client.write("PUT", f"/issue/{ref.id}", {"fields": fields})
            if transition:
                self._client.write("POST", f"/issue/{ref.id}/transitions", transition)
        return notes

    @contextmanager
    def _forbidden_alone(self, ref: EpicRef, permissions: Sequence[str]) -> Generator[None]:
        """Within it, what is forbidden is so of this one epic, if its project grants all.

        Jira says 403 to both, and only the loss of a right ends the run.
        """
        try:
            yield
        except ForbiddenError as error:
            try:
                missing = self._reader.not_granted(self._reader.project_key(ref), *permissions)
            except TrackerError:
                raise error from None
            if missing:
                raise
            raise RejectedError(
                f"jira: {ref.url} alone is forbidden, though its project grants comments and "
                f"edits to the user of {self._config.token_env}; check its security level, "
                "the properties of its workflow's status, and whether it is archived"
            ) from None

    def _fields(self, issue: Json, change: EpicChange) -> tuple[Json, list[str]]:
        """Score and burn for the fields that hold them, and notes on those that can't."""
        editable = (issue.get("editmeta") or {}).get("fields") or {}
        fields: Json = {}
        notes = []
        for what, value in (("slo_burn", change.slo_burn), ("score", change.score)):
            name = getattr(self._config.fields, what)
            if name is None:
                continue
            found = next((one for one in self._schemas.ids(name) if one in editable), None)
            if found is None:
                notes.append(f"field for {what} can't be edited: put it on the edit screen")
                continue
            field = read_field(found, editable[found])
            if field.kind not in {"number", "string"} or field.is_long_text:
                notes.append(f"field for {what} takes no number or line of text; it stays as it is")
                continue
            fields[found] = None if value is None else put(field, value, str)
        return fields, notes

    def _comment(self, ref: EpicRef, change: EpicChange) -> None:
        """Add the comment, which ends with the change's id in code font, cut or not."""
        path = f"/issue/{ref.id}/comment"
        if change.is_retry:
            newest_first = self._client.pages(path, ("comments",), orderBy="-created")
            if any(_holds(one.get("body"), change.change_id) for one in newest_first):
                return
        body = render(self._config, change.body, f"`{change.change_id}`")
        self._client.write("POST", path, {"body": body})

    def _transition(self, ref: EpicRef) -> Json:
        answer = self._client.get(f"/issue/{ref.id}/transitions", {"expand": "transitions.fields"})
        wanted = self._config.done_transition
        return choose_transition(answer.get("transitions") or (), wanted, ref.url)


def choose_transition(transitions: Sequence[Mapping[str, Any]], wanted: str, url: str) -> Json:
    """The transition called `wanted` (or leading to that status), or the first to Done, to be sent.

    A resolution that its screen requires is filled; ways that require anything else are not ours.

    Raises:
        RejectedError: there is no such way.
    """
    blocked: list[JiraField] = []
    for one in transitions:
        to = one.get("to") or {}
        names = {str(one.get("name")).casefold(), str(to.get("name")).casefold()}
        if not is_done({"status": to}) or (wanted and wanted.casefold() not in names):
            continue
        fields: Json = {}
        missing = []
        for field_id, entry in (one.get("fields") or {}).items():
            found = read_field(field_id, entry)
            if not found.is_required or found.has_default:
                continue
            if field_id == "resolution" and found.allowed_names:
                done = (name for name in found.allowed_names if name.casefold() == "done")
                fields[field_id] = {"name": next(done, found.allowed_names[0])}
            else:
                missing.append(found)
        if not missing:
            body: Json = {"transition": {"id": str(one["id"])}}
            return body | ({"fields": fields} if fields else {})
        blocked += missing
    if blocked:
        raise RejectedError(
            f"jira: {url} can't be closed: the way to Done requires {listed(blocked)}; "
            "close it by hand, or make that optional"
        )
    offered = ", ".join(str(one.get("name")) for one in transitions) or "none"
    raise RejectedError(
        f"jira: {url} can't be closed from its present status (ways from there: {offered}); "
        "set `done_transition`, or close it by hand"
    )


def _holds(body: Any, change_id: str) -> bool:
    """Whether a comment that Jira gave back is that change's."""
    if isinstance(body, str):
        return fixed_width(change_id) in body
    return change_id in adf_texts(body)


@contextmanager
def _after_comment() -> Generator[None]:
    """Within it, every error leaves the change half made."""
    try:
        yield
    except TrackerError as error:
        raise AmbiguousError(f"{error} (the comment is there; the rest is tried again)") from None
