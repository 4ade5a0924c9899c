"""The query that a board of open epics is made of, as a tracker keeps it under a name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

Outcome: TypeAlias = Literal["created", "there", "replaced", "differs"]


@dataclass(frozen=True)
class SavedFilter:
    """What became of it.

    query: what is kept there now. outcome: `created` or `replaced` by this call; `there` with
    this very query; `differs`: there with another one, which stays.
    """

    name: str
    url: str
    query: str
    outcome: Outcome

    def sentence(self) -> str:
        """What was done, for people."""
        match self.outcome:
            case "created":
                return f"created {self.name}: {self.query} ({self.url})"
            case "there":
                return f"{self.name} was there: {self.query} ({self.url})"
            case "replaced":
                return f"{self.name} has paydown's query again: {self.query} ({self.url})"
            case "differs":
                return (
                    f"{self.name} was there with a query of its own, which stays "
                    f"(--overwrite replaces it): {self.query} ({self.url})"
                )
