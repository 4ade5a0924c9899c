"""How a sync ends other than well. Every message says what to do; none holds a secret."""

from __future__ import annotations


class SourceError(Exception):
    """The source can't be read further now; the next sync goes on where this one stopped."""


class AccessError(SourceError):
    """The source refused the credentials (401) or the right to see something (403)."""


class UnavailableError(SourceError):
    """The source did not answer, or not sensibly, however often it was asked."""
