"""How talking to a server ends other than well. Messages say what to do and hold no secret."""

from __future__ import annotations

from typing import Any

TRY_AGAIN = "the next run asks again"


class SourceError(Exception):
    """The server can't be read further now; the next sync goes on where this one stopped."""


class AccessError(SourceError):
    """The server refused the credentials (401) or the right to see something (403).

    `data`: its words as JSON where they are. They may name a right that only one record misses.
    """

    def __init__(self, message: str, data: Any = None) -> None:
        super().__init__(message)
        self.data = data


class UnavailableError(SourceError):
    """The server gave no usable answer, however often it was asked."""


class RefusedError(SourceError):
    """The server understood and said no: `status` (4xx), and its words as JSON where they are."""

    def __init__(self, message: str, status: int, data: Any = None) -> None:
        super().__init__(message)
        self.status = status
        self.data = data


class UnknownOutcomeError(SourceError):
    """A write was sent and no complete answer came: it may have been done."""
