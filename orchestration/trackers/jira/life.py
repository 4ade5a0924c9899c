"""Tells an open epic of new evidence, keeps its figures true, and closes it."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import Any

from orchestration.trackers.jira import marks
from orchestration.trackers.jira.client import Client, Json
from orchestration.trackers.jira.fields import OWNED, JiraField, Schemas, put, read_field
from orchestration.trackers.jira.issues import render
from orchestration.trackers.jira.reading import Reader, is_done
from orchestration.trackers.jira.transitions import Transition, choose
from orchestration.trackers.protocol import (
    AmbiguousError,
    EpicChange,
    EpicRef,
    ForbiddenError,
    RejectedError,
    TrackerError,
)

_TO_UPDATE = ("ADD_COMMENTS", "EDIT_ISSUES")
_TO_CLOSE = (*_TO_UPDATE, "TRANSITION_ISSUES")


class Life:
    """Changes epics that exist.

    The comment goes first, the fields after it, so whatever fails after the comment is an unknown
    outcome and not a refusal: the next attempt must look for the mark.
    """

    def __init__(self, client: Client, schemas: Schemas, reader: Reader) -> None:
        self._client = client
        self._schemas = schemas
        self._reader = reader

    def update(self, ref: EpicRef, change: EpicChange) -> list[str]:
        """One GET, one comment, at most one PUT; more only for a retry. Returns notes."""
        with self._forbidden_alone(ref, _TO_UPDATE):
            fields, notes = self._fields(self._read(ref), change)
            self._tell(ref, change)
        with _after_comment():
            self._write(ref, fields)
        return notes

    def close(self, ref: EpicRef, change: EpicChange) -> list[str]:
        """As `update`, then the transition; where there is none, nothing is done at all."""
        with self._forbidden_alone(ref, _TO_CLOSE):
            issue = self._read(ref)
            transition = None if is_done(issue["fields"]) else self._transition(ref)
            fields, notes = self._fields(issue, change)
            self._tell(ref, change)
        with _after_comment():
            self._write(ref, fields)
            if transition:
                body: Json = {"transition": {"id": transition.id}}
                if transition.fields:
                    body["fields"] = transition.fields
                self._client.write("POST", f"/issue/{ref.id}/transitions", body)
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
                f"edits to the user of {self._client.config.token_env}; check its security level, "
                "the properties of its workflow's status, and whether it is archived"
            ) from None

    def _read(self, ref: EpicRef) -> Json:
        issue = self._reader.issue(ref, {"fields": "status", "expand": "editmeta"})
        self._reader.refer(ref.key, issue)
        return issue

    def _fields(self, issue: Json, change: EpicChange) -> tuple[Json, list[str]]:
        """Score and burn for the fields that hold them, and notes on those that can't."""
        editable = (issue.get("editmeta") or {}).get("fields") or {}
        fields: Json = {}
        notes = []
        for what in OWNED:
            name = getattr(self._client.config.fields, what)
            if name is None:
                continue
            found = next((one for one in self._schemas.ids(name) if one in editable), None)
            if found is None:
                notes.append(f"field for {what} can't be edited: put it on the edit screen")
                continue
            try:
                fields[found] = self._value(
                    read_field(found, editable[found]), getattr(change, what)
                )
            except ValueError as error:
                notes.append(f"field for {what} {error}; it stays as it is")
        return fields, notes

    def _value(self, found: JiraField, value: float | None) -> Any:
        if found.kind not in {"number", "string"} or found.is_long_text:
            raise ValueError("is no field for a number or a line of text")
        return None if value is None else put(found, value, lambda text: text)

    def _tell(self, ref: EpicRef, change: EpicChange) -> None:
        if change.is_retry and any(
            marks.tells(comment.get("body"), change.change_id)
            for comment in self._reader.comments(ref)
        ):
            return
        tail = marks.mark(change.change_id)
        body = {"body": render(self._client.config, change.body, tail)}
        self._client.write("POST", f"/issue/{ref.id}/comment", body)

    def _write(self, ref: EpicRef, fields: Json) -> None:
        if fields:
            self._client.write("PUT", f"/issue/{ref.id}", {"fields": fields})

    def _transition(self, ref: EpicRef) -> Transition:
        answer = self._client.get(f"/issue/{ref.id}/transitions", {"expand": "transitions.fields"})
        wanted = self._client.config.done_transition
        return choose(answer.get("transitions") or (), wanted, ref.url)


@contextmanager
def _after_comment() -> Generator[None]:
    """Within it, every fault leaves the change half made."""
    try:
        yield
    except TrackerError as error:
        raise AmbiguousError(f"{error} (the comment is there; the rest is tried again)") from None
