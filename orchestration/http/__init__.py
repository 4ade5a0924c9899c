"""Talking to other systems over HTTP; knows no vendor.

client.py   one client: retries, limits, deadlines, secrets left out of messages
answers.py  what an answer has besides its data
window.py   the last moment at which a write may still be sent
errors.py   how a request can fail
"""

from orchestration.http.answers import Reply
from orchestration.http.client import Http, Params, Patience
from orchestration.http.errors import (
    TRY_AGAIN,
    AccessError,
    ConflictError,
    RefusedError,
    SourceError,
    UnavailableError,
    UnknownOutcomeError,
)
from orchestration.http.window import SendWindow, longest_call_seconds

__all__ = [
    "TRY_AGAIN",
    "AccessError",
    "ConflictError",
    "Http",
    "Params",
    "Patience",
    "RefusedError",
    "Reply",
    "SendWindow",
    "SourceError",
    "UnavailableError",
    "UnknownOutcomeError",
    "longest_call_seconds",
]
