"""How requests to a server can fail. Messages say what to do and contain no secret."""

from __future__ import annotations

from typing import Any

TRY_AGAIN = "the next run tries again"


class SourceError(Exception):
    """The server can't be asked further now; the next run continues where this one stopped."""


class AccessError(SourceError):
    """The server refused the credentials (401) or the right to see or do something (403).

    Nothing was done, and nothing will be until a person helps. `data`: the server's answer, if it
    is JSON; it may name a right that is missing for one record only.
    """

    def __init__(self, message: str, data: Any = None) -> None:
        super().__init__(message)
        self.data = data


class UnavailableError(SourceError):
    """The server gave no usable answer, despite retries; nothing was done."""


class RefusedError(SourceError):
    """The server understood and refused; a person must change the request or the settings.

    `status` (3xx, 4xx; 0 if it wasn't even asked), and the server's answer as JSON.
    """

    def __init__(self, message: str, status: int = 0, data: Any = None) -> None:
        super().__init__(message)
        self.status = status
        self.data = data


class ConflictError(RefusedError):
    """Somebody else changed the same thing at the same moment (409, 412); nothing was done."""


class UnknownOutcomeError(SourceError):
    """A write was sent and no complete answer came: it may have been done."""
