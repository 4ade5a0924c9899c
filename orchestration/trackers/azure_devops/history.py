"""What the history of a work item tells: whether a change is in it, and who else was there."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Mapping
from typing import Any

from orchestration.trackers.azure_devops.patch import TOLD_BY
from orchestration.trackers.protocol import RejectedError

# What every change writes besides what was changed.
_BOOKKEEPING = frozenset(
    f"System.{name}"
    for name in (
        "Rev", "AuthorizedDate", "RevisedDate", "ChangedDate", "ChangedBy", "Watermark",
        "AuthorizedAs", "PersonId", "RelatedLinkCount", "CommentCount",
    )
)  # fmt: skip
_TAG = re.compile(r"<[^>]*>")


def identity(connection: Mapping[str, Any]) -> str:
    """The id of the token's owner. RejectedError where the server doesn't say."""
    user = connection.get("authenticatedUser")
    if not isinstance(user, dict) or not user.get("id"):
        raise RejectedError("azure_devops: the server doesn't say whose token this is")
    return str(user["id"]).lower()


def is_told(updates: Iterable[Mapping[str, Any]], change_id: str) -> bool:
    """Whether a comment of any time, edited or deleted since or not, bears the change's mark."""
    mark = re.compile(rf"(?<![\w-]){re.escape(change_id)}(?![\w-])")
    return any(mark.search(_comment(update)) for update in updates)


def is_untouched(updates: Iterable[Mapping[str, Any]], me: str) -> bool:
    """Whether every update was paydown's: the first, changes with a mark, links to its stories.

    An update counts only if made by the token's owner or whoever opened the work item (a token
    may have been replaced by another account's). Their identity alone isn't enough: a person
    whose token paydown uses edits by hand too. Comments are updates as well.
    """
    ours = {me}
    for number, update in enumerate(updates):
        who = str((update.get("revisedBy") or {}).get("id", "")).lower()
        if number == 0:
            ours.add(who)
        elif who not in ours or not (TOLD_BY.strip() in _comment(update) or _is_link(update)):
            return False
    return True


def _comment(update: Mapping[str, Any]) -> str:
    """The text of an update's comment; the server may have written its HTML anew."""
    told = ((update.get("fields") or {}).get("System.History") or {}).get("newValue") or ""
    return " ".join(html.unescape(_TAG.sub("", str(told))).split())


def _is_link(update: Mapping[str, Any]) -> bool:
    relations = update.get("relations") or {}
    if set(update.get("fields") or ()) - _BOOKKEEPING or not relations.keys() <= {"added"}:
        return False
    added = relations.get("added") or ()
    return bool(added) and all(
        str(one.get("rel", "")).startswith("System.LinkTypes.Hierarchy-") for one in added
    )
