"""What the doctor finds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

SHOWN_PROBLEMS = 20


@dataclass(frozen=True)
class Finding:
    """One line of the doctor. `bad` needs a person, `note` is worth knowing."""

    state: Literal["ok", "note", "bad"]
    subject: str
    text: str
