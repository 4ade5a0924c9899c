"""The mark of a change: its id in code font at the end of its comment, by which it is found."""

from __future__ import annotations

import re
from typing import Any

from orchestration.trackers.document import Document, Paragraph, Span
from orchestration.trackers.jira import adf, wiki

_CHANGE_ID = r"(?:change|close)-[0-9a-f]{12,}"
_IN_ADF = re.compile(_CHANGE_ID)
_IN_WIKI = re.compile(r"\{\{" + _CHANGE_ID + r"\}\}")


def mark(change_id: str) -> Document:
    """What a comment ends with, cut or not."""
    return (Paragraph((Span(change_id, is_code=True),)),)


def tells(body: Any, change_id: str) -> bool:
    """Whether a comment that Jira gave back is that change's."""
    if isinstance(body, str):
        return wiki.fixed_width(change_id) in body
    return change_id in adf.texts(body)


def is_marked(body: Any) -> bool:
    """Whether a comment that Jira gave back is the telling of any change of paydown's."""
    if isinstance(body, str):
        return _IN_WIKI.search(body) is not None
    return any(map(_IN_ADF.fullmatch, adf.texts(body, only_code=True)))
