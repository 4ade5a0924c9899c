"""How talking to a server ends other than well. Messages say what to do and hold no secret."""

from __future__ import annotations

from typing import Any

TRY_AGAIN = "the next run asks again"


class SourceError(Exception):
    """The server can't be asked further now; the next run goes on where this one stopped."""


class AccessError(SourceError):
    """The server refused the credentials (401) or the right to see or do something (403).

    Nothing was done, and nothing will be until a person helps. `data`: the server's words as JSON
    where they are. They may name a right that only one record misses.
    """

    def __init__(self, message: str, data: Any = None) -> None:
        super().__init__(message)
        self.data = data


class UnavailableError(SourceError):
    """The server gave no usable answer, however often it was asked; nothing was done."""


class RefusedError(SourceError):
    """The server understood and said no, until a person changes what is asked, or the settings.

    `status` (3xx, 4xx; 0 where it wasn't even asked), and the server's words as JSON.
    """

    def __init__(self, message: str, status: int = 0, data: Any = None) -> None:
        super().__init__(message)
        self.status = status
        self.data = data


class ConflictError(RefusedError):
    """Somebody else changed the same thing at the same moment (409, 412); nothing was done."""


class UnknownOutcomeError(SourceError):
    """A write was sent and no complete answer came: it may have been done."""
