"""Opens epics and stories, many with one request, and says what became of each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from orchestration.trackers.protocol import (
    AmbiguousError,
    ConflictError,
    CreateOutcome,
    EpicRef,
    ForbiddenError,
    RejectedError,
    TrackerError,
    UnavailableError,
)
from orchestration.vendors.jira.client import Client, Json
from orchestration.vendors.jira.issues import Issue
from orchestration.vendors.tracker_errors import CONFLICTS

BATCH = 50


def send(
    client: Client, issues: Sequence[Issue], refer: Callable[[str, Json], EpicRef]
) -> tuple[dict[str, CreateOutcome], list[Issue]]:
    """Create `issues` by one request, and by a second one those with an optional field refused.

    The second request repeats only what Jira said it had not created. Returns the outcomes by
    key, and the issues as they were sent last, with notes.
    """
    outcomes, refused = _send(client, issues, refer)
    sent = {issue.draft.key: issue for issue in issues}
    lighter = []
    for issue, errors in refused:
        names = _droppable(issue, errors)
        if names:
            which, why = ", ".join(sorted(names)), client.explain(errors)
            lighter.append(issue.without(names, f"Jira refused {which}, so it was left out: {why}"))
    if lighter:
        try:
            again, _ = _send(client, lighter, refer)
        except TrackerError as error:
            # The first request's outcomes are known, and must not be lost to this.
            again = {issue.draft.key: error for issue in lighter}
        # What is absent from the second answer may have been created by it.
        for issue in lighter:
            del outcomes[issue.draft.key]
        outcomes |= again
        sent |= {issue.draft.key: issue for issue in lighter}
    return outcomes, list(sent.values())


def _send(
    client: Client, issues: Sequence[Issue], refer: Callable[[str, Json], EpicRef]
) -> tuple[dict[str, CreateOutcome], list[tuple[Issue, Json]]]:
    body = {"issueUpdates": [issue.body for issue in issues]}
    answer = client.write("POST", "/issue/bulk", body, is_bulk=True)
    if not isinstance(answer, dict):
        raise AmbiguousError("jira: POST /issue/bulk: answered without saying what it created")
    created, errors = answer.get("issues") or [], answer.get("errors") or []
    outcomes: dict[str, CreateOutcome] = {}
    refused = []
    failed = set()
    for error in errors:
        number = error.get("failedElementNumber")
        if not isinstance(number, int) or not 0 <= number < len(issues):
            continue
        failed.add(number)
        issue, why = issues[number], error.get("elementErrors") or {}
        outcomes[issue.draft.key] = _failure(error.get("status"), client.explain(why))
        if isinstance(outcomes[issue.draft.key], RejectedError):
            refused.append((issue, why))
    rest = [issue for number, issue in enumerate(issues) if number not in failed]
    # The created ones come in the order of the request. If there are more or fewer than should
    # be, nobody can tell which is which: their keys stay out of the answer, which is ambiguous.
    if len(rest) == len(created) and all(one.get("id") and one.get("key") for one in created):
        for issue, one in zip(rest, created, strict=True):
            outcomes[issue.draft.key] = refer(issue.draft.key, one)
    return outcomes, refused


def _failure(status: Any, why: str) -> TrackerError:
    words = f"jira: {why or 'refused, and gave no reason'}"
    if status in (401, 403):
        return ForbiddenError(words)
    if status in CONFLICTS:
        return ConflictError(words)
    if status == 429:
        return UnavailableError(words)
    if isinstance(status, int) and status >= 500:
        return AmbiguousError(words)
    return RejectedError(f"{words}; set the field in `field_values`, or correct the settings")


def _droppable(issue: Issue, why: Json) -> set[str]:
    """The fields that Jira refused, if the epic may go without all of them."""
    names = set(why.get("errors") or {})
    return names if names <= issue.optional and not why.get("errorMessages") else set()
