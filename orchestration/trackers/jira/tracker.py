"""The tracker `jira`: the protocol's methods over the modules that do one thing each."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any

from orchestration.http import Patience
from orchestration.trackers.jira import create
from orchestration.trackers.jira.board import Board
from orchestration.trackers.jira.check import Doctor
from orchestration.trackers.jira.client import LONGEST_CALL_SECONDS, Client
from orchestration.trackers.jira.config import JiraConfig
from orchestration.trackers.jira.fields import Schemas
from orchestration.trackers.jira.issues import Issue, Issues
from orchestration.trackers.jira.life import Life
from orchestration.trackers.jira.reading import Reader
from orchestration.trackers.protocol import (
    Check,
    CreateOutcome,
    EpicChange,
    EpicDraft,
    EpicRef,
    ForbiddenError,
    Preview,
    PreviewOutcome,
    RejectedError,
    StatusOutcome,
    TrackerError,
)

_log = logging.getLogger(__name__)


class JiraTracker:
    """Epics in Jira.

    Ids of fields and types are asked for with the first draft and kept, so an instance serves one
    run. What it leaves out, such as a mapped field that isn't on the screen, it says once, in the
    log and in `notes`.

    Raises:
        ForbiddenError: a secret is missing from `environment`.
    """

    batch_size = create.BATCH
    longest_call_seconds = LONGEST_CALL_SECONDS
    # Jira itself would create a key twice.
    is_idempotent = False

    def __init__(
        self,
        config: JiraConfig,
        environment: Mapping[str, str] | None = None,
        patience: Patience | None = None,
    ) -> None:
        secrets = os.environ if environment is None else environment
        self.name = config.tracker_name
        self.search_lag_seconds = float(config.search_lag_seconds)
        self.notes: list[str] = []
        self._config = config
        self._client = Client(config, secrets, patience or Patience())
        self._schemas = Schemas(self._client)
        self._reader = Reader(self._client, self._schemas)
        self._issues = Issues(config, self._schemas, self._reader.issue_key)
        self._life = Life(self._client, self._schemas, self._reader)
        self._board = Board(self._client)

    @property
    def requests(self) -> int:
        """How many requests were sent so far."""
        return self._client.requests

    def find(self, keys: Collection[str]) -> Mapping[str, EpicRef]:
        return self._reader.find(keys)

    def check(self) -> Sequence[Check]:
        return Doctor(self._client, self._schemas, self._issues, self._reader, self._board).check()

    def preview(self, drafts: Sequence[EpicDraft]) -> Mapping[str, PreviewOutcome]:
        """What would be sent, held against the fields that Jira says the project takes."""
        prepared = {draft.key: _or_error(self._issues.prepare, draft) for draft in drafts}
        return {
            key: Preview(issue.body, tuple(issue.notes)) if isinstance(issue, Issue) else issue
            for key, issue in prepared.items()
        }

    def create(self, drafts: Sequence[EpicDraft]) -> Mapping[str, CreateOutcome]:
        outcomes: dict[str, CreateOutcome] = {}
        issues: list[Issue] = []
        with self._client.window.limited():
            for draft in drafts:
                issue = _or_error(self._issues.prepare, draft)
                if isinstance(issue, Issue):
                    issues.append(issue)
                else:
                    outcomes[draft.key] = issue
            if issues:
                try:
                    sent, issues = create.send(self._client, issues, self._reader.refer)
                except RejectedError as error:
                    sent = {issue.draft.key: error for issue in issues}
                outcomes |= self._forbidden(issues, sent)
        self._note(note for issue in issues for note in issue.notes)
        return outcomes

    def update(self, ref: EpicRef, change: EpicChange) -> None:
        with self._client.window.limited():
            notes = self._life.update(ref, change)
        self._note(notes)

    def close(self, ref: EpicRef, change: EpicChange) -> None:
        with self._client.window.limited():
            notes = self._life.close(ref, change)
        self._note(notes)

    def status(self, refs: Collection[EpicRef]) -> Mapping[str, StatusOutcome]:
        return self._reader.status(refs)

    def _forbidden(
        self, issues: Sequence[Issue], outcomes: Mapping[str, CreateOutcome]
    ) -> Mapping[str, CreateOutcome]:
        """`outcomes`, where a refusal for want of permission is told from a bad draft.

        Jira calls both a 400, in its users' language.
        """
        if not outcomes or not all(isinstance(one, RejectedError) for one in outcomes.values()):
            return outcomes
        screens = {issue.draft.key: self._issues.screen(issue.draft) for issue in issues}
        denied = set()
        for project in {screen.project_key for screen in screens.values()}:
            try:
                if self._reader.not_granted(project, "CREATE_ISSUES"):
                    denied.add(project)
            except TrackerError:
                # That nothing was created stands, whatever the reason.
                continue
        return {
            key: ForbiddenError(f"{outcome} (and its user may not create issues there)")
            if screens[key].project_key in denied
            else outcome
            for key, outcome in outcomes.items()
        }

    def _note(self, notes: Iterable[str]) -> None:
        for note in notes:
            if note not in self.notes:
                self.notes.append(note)
                _log.warning("jira: %s", note)


def _or_error(prepare: Callable[[EpicDraft], Any], draft: EpicDraft) -> Any:
    """The draft's issue, or why it has none; faults that aren't about the draft are raised."""
    try:
        return prepare(draft)
    except RejectedError as error:
        return error
