"""A deadline for sending: after it, a writer that lost its claim can no longer do anything."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from contextlib import contextmanager

from orchestration.http.client import CONNECT_SECONDS, READ_SECONDS
from orchestration.http.errors import UnavailableError

# A server finishes a request even if nobody waits for it any more.
FINISH_SECONDS = 60.0


class SendWindow:
    """How long after its start a call may still send, however long the server asks to wait.

    The ledger gives an epic to another run once this call can no longer do anything. Its errors
    mean that nothing was sent since the last answer. One call at a time; `name` is for messages.
    """

    def __init__(self, name: str, seconds: float, sleep: Callable[[float], None]) -> None:
        self._name = name
        self._seconds = seconds
        self._sleep = sleep
        self._send_before = float("inf")

    @contextmanager
    def limited(self) -> Generator[None]:
        """One call; outside of it there is no limit."""
        self._send_before = time.monotonic() + self._seconds
        try:
            yield
        finally:
            self._send_before = float("inf")

    def check(self) -> None:
        """UnavailableError if it is too late to write."""
        if time.monotonic() > self._send_before:
            raise UnavailableError(f"{self._name}: answers too slowly; the next run tries again")

    def sleep(self, seconds: float) -> None:
        """Wait before the next request; UnavailableError if it would then be too late."""
        if time.monotonic() + seconds > self._send_before:
            raise UnavailableError(
                f"{self._name}: asks to wait {seconds:,.0f} s, which is too long"
            )
        self._sleep(seconds)
        # The machine may have been suspended meanwhile.
        self.check()


def longest_call_seconds(window_seconds: float, reply_seconds: float) -> float:
    """After this long, nothing that was sent within a window can still take effect.

    A request sent at the last moment is given up at most one silence after the time for its reply
    is over.
    """
    silence = min(READ_SECONDS, reply_seconds)
    return window_seconds + CONNECT_SECONDS + reply_seconds + silence + FINISH_SECONDS
