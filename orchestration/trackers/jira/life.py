"""Tells an open epic of new evidence, keeps its figures true, and closes it."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from orchestration.trackers.jira import marks
from orchestration.trackers.jira.client import Client, Json
from orchestration.trackers.jira.fields import FIGURES, JiraField, Schemas, put, read_field, same
from orchestration.trackers.jira.issues import figures_of, render
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


@dataclass
class _Edits:
    """What to write into fields, whose figures a person has taken over, and what to know."""

    fields: Json = field(default_factory=dict)
    of_people: set[str] = field(default_factory=set)
    notes: list[str] = field(default_factory=list)


class Life:
    """Changes epics that are there.

    The comment goes first, the fields after it. If we are killed in between, the retry finds the
    comment by its mark, and each field still holds what was written before, so it is written now.
    The other way round a run that dies before its comment would leave figures that the ledger
    doesn't know of, and the next run would take them for a person's. Whatever fails after the
    comment is therefore an unknown outcome and not a refusal: the next try must look for the mark.
    """

    def __init__(self, client: Client, schemas: Schemas, reader: Reader) -> None:
        self._client = client
        self._schemas = schemas
        self._reader = reader

    def update(self, ref: EpicRef, change: EpicChange) -> tuple[frozenset[str], list[str]]:
        """One GET, one comment, at most one PUT; more only for a retry, or for a field found empty.

        Returns the figures that are a person's now, and notes.
        """
        ids = self._figure_ids()
        with self._forbidden_alone(ref, _TO_UPDATE):
            edits = self._edits(ref, self._read(ref, ids), ids, change)
            self._tell(ref, change)
        with _after_comment():
            self._write(ref, edits)
        return frozenset(edits.of_people), edits.notes

    def close(self, ref: EpicRef, change: EpicChange) -> list[str]:
        """As `update`, then the transition; where there is none, nothing is done at all."""
        ids = self._figure_ids()
        with self._forbidden_alone(ref, _TO_CLOSE):
            issue = self._read(ref, ids)
            transition = None if is_done(issue["fields"]) else self._transition(ref)
            edits = self._edits(ref, issue, ids, change)
            self._tell(ref, change)
        with _after_comment():
            self._write(ref, edits)
            if transition:
                body: Json = {"transition": {"id": transition.id}}
                if transition.fields:
                    body["fields"] = transition.fields
                self._client.write("POST", f"/issue/{ref.id}/transitions", body)
        return edits.notes

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

    def _figure_ids(self) -> Mapping[str, tuple[str, ...]]:
        """Ids of the fields that may hold each figure; names need not be unique."""
        names = self._client.config.fields
        return {
            what: self._schemas.ids(name)
            for what in FIGURES
            if (name := getattr(names, what)) is not None
        }

    def _read(self, ref: EpicRef, ids: Mapping[str, tuple[str, ...]]) -> Json:
        wanted = ["status", *(one for some in ids.values() for one in some)]
        params = {"fields": ",".join(dict.fromkeys(wanted)), "expand": "editmeta"}
        issue = self._reader.issue(ref, params)
        self._reader.refer(ref.key, issue)
        return issue

    def _edits(
        self,
        ref: EpicRef,
        issue: Json,
        ids: Mapping[str, tuple[str, ...]],
        change: EpicChange,
    ) -> _Edits:
        edits = _Edits()
        if change.written is None:
            return edits
        editable = (issue.get("editmeta") or {}).get("fields") or {}
        written, now = figures_of(change.written), figures_of(change.figures)
        for what, candidates in ids.items():
            found = next((one for one in candidates if one in editable), None)
            if found is None:
                edits.notes.append(f"field for {what} can't be edited: put it on the edit screen")
                continue
            current = issue["fields"].get(found)
            if same(current, now[what]):
                continue
            entry = read_field(found, editable[found])
            if not same(current, written[what]) and not self._never_filled(ref, current, entry):
                edits.of_people.add(what)
                continue
            try:
                edits.fields[found] = self._value(entry, now[what])
            except ValueError as error:
                edits.notes.append(f"field for {what} {error}; it stays as it is")
        return edits

    def _never_filled(self, ref: EpicRef, current: Any, entry: JiraField) -> bool:
        """Whether an empty field is so because it was mapped, or put on the screen, only since.

        A person who clears a field leaves that in the history.
        """
        is_empty = current in (None, "")
        return is_empty and not self._reader.was_changed(ref, entry.id, entry.name)

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

    def _write(self, ref: EpicRef, edits: _Edits) -> None:
        if edits.fields:
            self._client.write("PUT", f"/issue/{ref.id}", {"fields": edits.fields})

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
