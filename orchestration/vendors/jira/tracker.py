"""The tracker `jira`: epics as issues; see `orchestration.trackers.protocol`."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Mapping, Sequence

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
from orchestration.vendors.base import Context
from orchestration.vendors.jira.changes import Changes
from orchestration.vendors.jira.check import Doctor
from orchestration.vendors.jira.client import LONGEST_CALL_SECONDS, Client
from orchestration.vendors.jira.fields import Schemas
from orchestration.vendors.jira.issues import BATCH, Issue, Issues, send
from orchestration.vendors.jira.reading import Reader
from orchestration.vendors.jira.settings import JiraTrackerConfig
from orchestration.vendors.tracker_errors import as_tracker_errors

_log = logging.getLogger(__name__)


class JiraTracker:
    """Epics in Jira. Build it with `JiraTrackerConfig.tracker`.

    Ids of fields and types are asked for with the first draft and kept, so an instance serves one
    run. What it leaves out, such as a mapped field that isn't on the screen, it says once, in the
    log and in `notes`.
    """

    batch_size = BATCH
    longest_call_seconds = LONGEST_CALL_SECONDS
    # Jira itself would create a key twice.
    is_idempotent = False

    def __init__(self, config: JiraTrackerConfig, context: Context) -> None:
        self.name = config.tracker_name
        self.search_lag_seconds = float(config.search_lag_seconds)
        self.notes: list[str] = []
        self._config = config
        self._client = Client(config, context, as_tracker_errors)
        self._schemas = Schemas(self._client)
        self._reader = Reader(self._client, self._schemas)
        self._issues = Issues(config, self._schemas, self._reader.issue_key)
        self._changes = Changes(config, self._client, self._schemas, self._reader)

    def find(self, keys: Collection[str]) -> Mapping[str, EpicRef]:
        return self._reader.find(keys)

    def check(self) -> Sequence[Check]:
        return Doctor(self._config, self._client, self._schemas, self._issues, self._reader).check()

    def preview(self, drafts: Sequence[EpicDraft]) -> Mapping[str, PreviewOutcome]:
        """What would be sent, held against the fields that Jira says the project takes."""
        prepared = {draft.key: self._prepare(draft) for draft in drafts}
        return {
            key: Preview(issue.body, tuple(issue.notes)) if isinstance(issue, Issue) else issue
            for key, issue in prepared.items()
        }

    def create(self, drafts: Sequence[EpicDraft]) -> Mapping[str, CreateOutcome]:
        outcomes: dict[str, CreateOutcome] = {}
        issues: list[Issue] = []
        with self._client.window.limited():
            for draft in drafts:
                issue = self._prepare(draft)
                if isinstance(issue, Issue):
                    issues.append(issue)
                else:
                    outcomes[draft.key] = issue
            if issues:
                try:
                    sent, issues = send(self._client, issues, self._reader.refer)
                except RejectedError as error:
                    sent = {issue.draft.key: error for issue in issues}
                outcomes |= self._forbidden(issues, sent)
        self._note(note for issue in issues for note in issue.notes)
        return outcomes

    def update(self, ref: EpicRef, change: EpicChange) -> None:
        with self._client.window.limited():
            self._note(self._changes.send(ref, change, is_closing=False))

    def close(self, ref: EpicRef, change: EpicChange) -> None:
        with self._client.window.limited():
            self._note(self._changes.send(ref, change, is_closing=True))

    def status(self, refs: Collection[EpicRef]) -> Mapping[str, StatusOutcome]:
        return self._reader.status(refs)

    def _prepare(self, draft: EpicDraft) -> Issue | RejectedError:
        """The draft's issue, or why it has none; errors that aren't about the draft are raised."""
        try:
            return self._issues.prepare(draft)
        except RejectedError as error:
            return error

    def _forbidden(
        self, issues: Sequence[Issue], outcomes: Mapping[str, CreateOutcome]
    ) -> Mapping[str, CreateOutcome]:
        """`outcomes`, where a missing permission is not taken for a bad draft.

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
