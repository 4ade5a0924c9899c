"""The tracker `jira`: epics as issues; see `orchestration.trackers.protocol`."""

from __future__ import annotations

import logging
from collections.abc import Collection, Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from orchestration.http import AccessError, RefusedError, SourceError, UnknownOutcomeError
from orchestration.trackers import protocol
from orchestration.trackers.adf import adf_texts
from orchestration.trackers.wiki import fixed_width
from orchestration.vendors.base import Context
from orchestration.vendors.jira.check import checks
from orchestration.vendors.jira.client import LONGEST_CALL_SECONDS, Client
from orchestration.vendors.jira.fields import (
    JiraField,
    Schemas,
    find_field,
    listed,
    put,
    read_field,
)
from orchestration.vendors.jira.issues import Issues, render, send
from orchestration.vendors.jira.reading import Reader, is_done
from orchestration.vendors.jira.settings import JiraTrackerConfig
from orchestration.vendors.tracker_client import Json

_log = logging.getLogger(__name__)
_TO_UPDATE = ("ADD_COMMENTS", "EDIT_ISSUES")
_TO_CLOSE = (*_TO_UPDATE, "TRANSITION_ISSUES")


class JiraTracker:
    """Epics in Jira. Build it with `JiraTrackerConfig.tracker`.

    Ids of fields and types are requested with the first draft and kept, so an instance serves one
    run. What it leaves out, such as a mapped field that isn't on the screen, it reports once, in
    the log and in `notes`.
    """

    longest_call_seconds = LONGEST_CALL_SECONDS
    # Jira itself doesn't prevent duplicates of a key.
    is_idempotent = False

    def __init__(self, config: JiraTrackerConfig, context: Context) -> None:
        self.name = config.tracker_name
        self.search_lag_seconds = float(config.search_lag_seconds)
        self.notes: list[str] = []
        self._config = config
        self._client = Client(config, context)
        schemas = Schemas(self._client)
        self._reader = Reader(self._client, schemas)
        self._issues = Issues(config, schemas, self._reader)

    def find(self, keys: Collection[str]) -> Mapping[str, protocol.EpicRef]:
        return self._reader.find(keys)

    def check(self) -> Sequence[protocol.Check]:
        return [*checks(self._config, self._client, self._issues)]

    def status(self, refs: Collection[protocol.EpicRef]) -> Mapping[str, protocol.StatusOutcome]:
        return self._reader.status(refs)

    def preview(self, draft: protocol.EpicDraft) -> protocol.Preview:
        """What would be sent, checked against the project's fields in Jira."""
        issue = self._issues.prepare(draft)
        return protocol.Preview(issue.body, tuple(issue.notes))

    def create(self, draft: protocol.EpicDraft) -> protocol.EpicRef:
        with self._client.window.limited():
            issue = self._issues.prepare(draft)
            try:
                return self._reader.refer(draft.key, send(self._client, issue))
            except RefusedError as error:
                # Without the right to create, Jira also answers 400, in the user's language.
                if self._reader.is_granted(issue.screen.project_key, "CREATE_ISSUES") is False:
                    why = f"{error} (and its user may not create issues there)"
                    raise AccessError(why) from None
                raise
            finally:
                self._note(issue.notes)

    def update(self, ref: protocol.EpicRef, change: protocol.EpicChange) -> None:
        with self._client.window.limited():
            self._send(ref, change, is_closing=False)

    def close(self, ref: protocol.EpicRef, change: protocol.EpicChange) -> None:
        with self._client.window.limited():
            self._send(ref, change, is_closing=True)

    def _send(
        self, ref: protocol.EpicRef, change: protocol.EpicChange, *, is_closing: bool
    ) -> None:
        """One GET, one comment, at most one PUT, and a transition; one GET more for a retry.

        If no transition leads to Done, nothing is done. The comment goes first, so any later
        failure is an unknown outcome: the next attempt must look for the mark.
        """
        with self._forbidden_alone(ref, _TO_CLOSE if is_closing else _TO_UPDATE):
            issue = self._reader.issue(ref, {"fields": "status", "expand": "editmeta"})
            transition = None
            if is_closing and not is_done(issue["fields"]):
                transition = self._transition(ref)
            fields = self._figures(issue, change)
            self._comment(ref, change)
        try:
            if fields:
                self._client.write("PUT", f"/issue/{ref.id}", {"fields": fields})
            if transition:
                self._client.write("POST", f"/issue/{ref.id}/transitions", transition)
        except SourceError as error:
            why = f"{error} (the comment was added; the rest is tried again)"
            raise UnknownOutcomeError(why) from None

    @contextmanager
    def _forbidden_alone(
        self, ref: protocol.EpicRef, permissions: Sequence[str]
    ) -> Generator[None]:
        """Limits a 403 inside it to this one epic, if the project grants all rights.

        Jira answers 403 in both cases, and only the loss of a right ends the run.
        """
        try:
            yield
        except AccessError:
            if not self._reader.is_granted(self._reader.project_key(ref), *permissions):
                raise
            raise RefusedError(
                f"jira: {ref.url} alone is forbidden, though its project grants comments and "
                f"edits to the user of {self._config.token_env}; check its security level, "
                "the properties of its workflow's status, and whether it is archived"
            ) from None

    def _figures(self, issue: Json, change: protocol.EpicChange) -> Json:
        """Score and burn for their fields; notes if those can't be set."""
        entries = (issue.get("editmeta") or {}).get("fields") or {}
        editable = [read_field(*entry) for entry in entries.items()]
        fields: Json = {}
        for what, value in (("slo_burn", change.slo_burn), ("score", change.score)):
            name = self._config.fields.named().get(what)
            if name is None:
                continue
            field = find_field(editable, name)
            if field and field.kind in {"number", "string"} and not field.is_long_text:
                fields[field.id] = None if value is None else put(field, value, str)
            else:
                why = "put it, as a number or a line of text, on the edit screen"
                self._note([f"field for {what} can't be edited: {why}"])
        return fields

    def _comment(self, ref: protocol.EpicRef, change: protocol.EpicChange) -> None:
        """Add the comment, which ends with the change's id in code font, even if cut."""
        path = f"/issue/{ref.id}/comment"
        if change.is_retry:
            newest_first = self._client.pages(path, "comments", orderBy="-created")
            if any(_holds(one.get("body"), change.change_id) for one in newest_first):
                return
        body = render(self._config, change.body, f"`{change.change_id}`")
        self._client.write("POST", path, {"body": body})

    def _transition(self, ref: protocol.EpicRef) -> Json:
        answer = self._client.get(f"/issue/{ref.id}/transitions", {"expand": "transitions.fields"})
        wanted = self._config.done_transition
        return _choose(answer.get("transitions") or (), wanted, ref.url)

    def _note(self, notes: Iterable[str]) -> None:
        for note in notes:
            if note not in self.notes:
                self.notes.append(note)
                _log.warning("jira: %s", note)


def _choose(transitions: Sequence[Mapping[str, Any]], wanted: str, url: str) -> Json:
    """The request for the transition `wanted` (its name or target status), or the first to Done.

    A required resolution is filled. RefusedError if all transitions require more, or there is none.
    """
    blocked: list[JiraField] = []
    for one in transitions:
        to = one.get("to") or {}
        names = {str(one.get("name")).casefold(), str(to.get("name")).casefold()}
        if not is_done({"status": to}) or (wanted and wanted.casefold() not in names):
            continue
        entries = (one.get("fields") or {}).items()
        missing = [f for f in (read_field(*entry) for entry in entries) if f.is_required]
        resolution = next((f.allowed for f in missing if f.id == "resolution"), ())
        if len(missing) == bool(resolution):
            body: Json = {"transition": {"id": str(one["id"])}}
            if resolution:
                done = (name for name in resolution if name.casefold() == "done")
                body["fields"] = {"resolution": {"name": next(done, resolution[0])}}
            return body
        blocked += [field for field in missing if field.id != "resolution" or not resolution]
    if blocked:
        raise RefusedError(
            f"jira: {url} can't be closed: the transition to Done requires {listed(blocked)}; "
            "close it by hand, or make that optional"
        )
    offered = ", ".join(str(one.get("name")) for one in transitions) or "none"
    raise RefusedError(
        f"jira: {url} can't be closed from its current status (transitions: {offered}); "
        "set `done_transition`, or close it by hand"
    )


def _holds(body: Any, change_id: str) -> bool:
    """Whether a comment from Jira is that of the change."""
    if isinstance(body, str):
        return fixed_width(change_id) in body
    return change_id in adf_texts(body)
