"""Whether nobody but paydown was there: what an issue's comments and history tell. Pure.

That an account is ours isn't enough: a person whose token paydown uses edits by hand too.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from typing import Any

from orchestration.trackers.jira import marks
from orchestration.trackers.jira.client import Json

# How histories call the links between an epic and its stories.
_CUSTOM_LINKS = frozenset({"epic child", "epic link"})
_LINKS = frozenset({"issueparentassociation", "parent", "link"})
_CLOSING = frozenset({"status", "resolution"})


def is_untouched(
    creator: Any,
    comments: Iterable[Json],
    changes: Iterable[Json],
    *,
    is_me: Callable[[Any], bool],
    own_fields: Collection[str],
    is_done: bool,
) -> bool:
    """Whether all that happened is what paydown does.

    Our account opened it; each comment is ours and bears the mark of a change; each change is
    ours and of figures, of links to stories, or, where the issue is done now, a close of ours
    that nobody noted any more.

    own_fields: ids and names (in lower case) of the fields that paydown keeps true or links by.
    """
    return (
        is_me(creator)
        and all(
            is_me(comment.get("author"))
            and is_me(comment.get("updateAuthor"))
            and marks.is_marked(comment.get("body"))
            for comment in comments
        )
        and all(
            is_me(change.get("author"))
            and all(_is_own(item, own_fields, is_done) for item in change.get("items") or ())
            for change in changes
        )
    )


def _is_own(item: Json, own_fields: Collection[str], is_done: bool) -> bool:
    field_id, name = str(item.get("fieldId") or ""), str(item.get("field") or "").casefold()
    if field_id in own_fields or name in _CUSTOM_LINKS:
        return True
    if field_id.startswith("customfield_"):
        return False
    if name in own_fields:
        return True
    # A custom field may be called as Jira calls its own.
    is_jiras = item.get("fieldtype") != "custom"
    return is_jiras and (name in _LINKS or (is_done and name in _CLOSING))
