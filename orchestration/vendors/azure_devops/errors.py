"""Turns refusals by Azure DevOps into errors that name the fix."""

from __future__ import annotations

from typing import Any

from orchestration.http import AccessError, RefusedError, SourceError
from orchestration.trackers.text import one_line
from orchestration.vendors.tracker_client import Json

_TEXT_LIMIT = 400
# No project has this name or id: nothing else in this run can work.
_NO_PROJECT = ("TF200016", "VS800075", "ProjectDoesNotExist")
_FIXES = {
    "TF401347": "correct the area or iteration path in `owners` or `extra_fields`",
    "unknown identity": "correct `assigned_to` in `owners`: that person may have left",
    "TF401232": "restore that work item, or let the token's owner read it",
    "TF51535": "correct the field's reference name in `fields` or `extra_fields`",
}


def explained(error: AccessError | RefusedError) -> SourceError:
    """The error in Azure DevOps' words, with the fix; AccessError if it concerns all epics."""
    data: Json = error.data if isinstance(error.data, dict) else {}
    text = one_line(data.get("message") or "", _TEXT_LIMIT)
    if isinstance(error, AccessError):
        if "TF237111" in text:
            # Work items may not be edited in this area, but perhaps in others.
            fix = "let the token's owner edit work items in that area, or correct `area_path`"
            return RefusedError(f"azure_devops: {text}; {fix} in `owners`", 403)
        return AccessError(f"{error} ({text})" if text else str(error))
    if any(mark in f"{data.get('message')} {data.get('typeKey')}" for mark in _NO_PROJECT):
        return AccessError(
            f"azure_devops: {text} Where it was renamed, set `project` to its new name or its id "
            "(docs/guides/azure-devops.md says what that changes)"
        )
    if rules := _broken_rules(data):
        return RefusedError(f"azure_devops: {'; '.join(rules)}", error.status)
    if not text:
        return type(error)(
            f"{error}; check that `url` is an organization or a collection", error.status
        )
    fixes = [fix for mark, fix in _FIXES.items() if mark in text]
    words = "; ".join([f"azure_devops: answered {error.status}: {text}", *fixes])
    return type(error)(words, error.status)


def _broken_rules(data: Json) -> list[str]:
    """Each broken rule of a field (TF401320), in words."""
    properties: Any = data.get("customProperties")
    if not isinstance(properties, dict):
        return []
    words = []
    for one in properties.get("RuleValidationErrors") or [properties]:
        named = {name.lower(): one_line(value or "", 200) for name, value in one.items()}
        if field := named.get("fieldreferencename"):
            text = named.get("errormessage") or one_line(data.get("message") or "", 200)
            words.append(
                f"the field {field} is required but not filled: give it a value in "
                "`extra_fields`, or a default in the process"
                if "invalidempty" in named.get("fieldstatusflags", "").lower()
                else f"the field {field} rejects its value: {text}"
            )
    return words
