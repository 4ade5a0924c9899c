"""A clock for the window in which a tracker's call may send."""

from __future__ import annotations

import pytest

from orchestration.http import window


class Clock:
    """Stands for the module `time`; seconds pass only when somebody waits."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def window_clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The clock that windows go by from now on."""
    clock = Clock()
    monkeypatch.setattr(window, "time", clock)
    return clock
