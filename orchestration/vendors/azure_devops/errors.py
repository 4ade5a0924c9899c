"""What Azure DevOps says when it says no, as an error of the protocol that names the fix."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

from orchestration.http import AccessError, RefusedError
from orchestration.trackers import protocol
from orchestration.trackers.text import one_line
from orchestration.vendors.tracker_client import CONFLICTS, Json, as_tracker_errors

_SAID_LIMIT = 400
# The project is not there under this name or id: nothing else in this run can work.
_NO_PROJECT = ("TF200016", "VS800075", "ProjectDoesNotExist")
_FIXES = {
    "TF401347": "correct the area or iteration path in `owners` or `extra_fields`",
    "unknown identity": "correct `assigned_to` in `owners`: that person may have left",
    "TF401232": "restore that work item, or let the token's owner read it",
    "TF51535": "correct the field's reference name in `fields` or `extra_fields`",
}


class ForbiddenPlaceError(protocol.RejectedError):
    """Work items may not be edited in one area (TF237111); in others they may."""


@contextmanager
def azure_devops_errors() -> Generator[None]:
    """Errors of `Http` as the protocol's, in words."""
    with as_tracker_errors():
        try:
            yield
        except RefusedError as error:
            raise _refusal(error) from None
        except AccessError as error:
            raise _no_access(error) from None


def is_without_project(error: RefusedError) -> bool:
    """Whether it is the project that doesn't exist, and not something in it."""
    data = _said(error)
    return any(mark in f"{data.get('message')} {data.get('typeKey')}" for mark in _NO_PROJECT)


def _said(error: RefusedError | AccessError) -> Json:
    return error.data if isinstance(error.data, dict) else {}


def _refusal(error: RefusedError) -> protocol.TrackerError:
    """For a 4xx other than 401 and 403."""
    said = one_line(_said(error).get("message") or "", _SAID_LIMIT)
    if is_without_project(error):
        return protocol.ForbiddenError(
            f"azure_devops: {said} Where it was renamed, set `project` to its new name or its id "
            "(docs/guides/azure-devops.md says what that changes)"
        )
    answered = f"azure_devops: answered {error.status}"
    if error.status in CONFLICTS:
        return protocol.ConflictError(f"{answered}: {said}")
    if rules := _broken_rules(_said(error)):
        return protocol.RejectedError(f"azure_devops: {'; '.join(rules)}")
    if not said:
        fix = "see that `url` is an organization or a collection"
        return protocol.RejectedError(f"{answered} without a reason; {fix}")
    fixes = [fix for mark, fix in _FIXES.items() if mark in said]
    return protocol.RejectedError("; ".join([f"{answered}: {said}", *fixes]))


def _no_access(error: AccessError) -> protocol.TrackerError:
    """For a 401, a 403 or a page to sign in; it says which right is missing."""
    said = one_line(_said(error).get("message") or "", _SAID_LIMIT)
    if "TF237111" in said:
        return ForbiddenPlaceError(
            f"azure_devops: {said}; let the token's owner edit work items in that area, or "
            "correct `area_path` in `owners`"
        )
    return protocol.ForbiddenError(f"{error} ({said})" if said else str(error))


def _broken_rules(data: Json) -> list[str]:
    """Each broken rule of a field (TF401320), in words."""
    properties: Any = data.get("customProperties")
    if not isinstance(properties, dict):
        return []
    words = []
    for one in properties.get("RuleValidationErrors") or [properties]:
        named = {name.lower(): one_line(value or "", 200) for name, value in one.items()}
        if field := named.get("fieldreferencename"):
            said = named.get("errormessage") or one_line(data.get("message") or "", 200)
            words.append(
                f"the field {field} is required and nobody fills it: give it a value in "
                "`extra_fields`, or a default in the process"
                if "invalidempty" in named.get("fieldstatusflags", "").lower()
                else f"the field {field} doesn't take its value: {said}"
            )
    return words
