"""Whether a change is in the history of a work item."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Mapping
from typing import Any

_TAG = re.compile(r"<[^>]*>")


def is_told(updates: Iterable[Mapping[str, Any]], change_id: str) -> bool:
    """Whether a comment of any time, edited or deleted since or not, bears the change's mark."""
    mark = re.compile(rf"(?<![\w-]){re.escape(change_id)}(?![\w-])")
    return any(mark.search(_comment(update)) for update in updates)


def _comment(update: Mapping[str, Any]) -> str:
    """The text of an update's comment; the server may have written its HTML anew."""
    told = ((update.get("fields") or {}).get("System.History") or {}).get("newValue") or ""
    return " ".join(html.unescape(_TAG.sub("", str(told))).split())
