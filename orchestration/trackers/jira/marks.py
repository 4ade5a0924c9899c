"""The mark of a change: its id in code font at the end of its comment, by which it is found."""

from __future__ import annotations

from typing import Any

from orchestration.trackers.adf import adf_texts
from orchestration.trackers.wiki import fixed_width


def mark(change_id: str) -> str:
    """What a comment ends with, cut or not, as Markdown."""
    return f"`{change_id}`"


def tells(body: Any, change_id: str) -> bool:
    """Whether a comment that Jira gave back is that change's."""
    if isinstance(body, str):
        return fixed_width(change_id) in body
    return change_id in adf_texts(body)
