"""The window in which a tracker's call may still send, and what a refused wait leaves behind."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from orchestration.http import Http, SendWindow, UnavailableError, UnknownOutcomeError

from .loopback import IMPATIENT, Answer, Request, Vendor, serving
from .window_helpers import Clock, window_clock


class Counter(Vendor):
    """Counts what it did, and answers as it is told."""

    def __init__(self) -> None:
        super().__init__()
        self.done = 0
        self.answers: list[Answer] = []

    def answer(self, request: Request) -> Answer:
        given = self.answers.pop(0) if self.answers else Answer({})
        # Whatever but a limit leaves it open whether it was done.
        self.done += given.status != 429
        return given


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return window_clock(monkeypatch)


@pytest.fixture
def vendor() -> Counter:
    return Counter()


@pytest.fixture
def window(clock: Clock) -> SendWindow:
    return SendWindow("here", 100.0, clock.sleep)


@pytest.fixture
def write(vendor: Counter, window: SendWindow) -> Iterator[Callable[[], object]]:
    patience = replace(IMPATIENT, sleep=window.sleep)
    with serving(vendor) as url:
        http = Http("here", url, credentials={}, access_hint="", patience=patience)
        yield lambda: http.write("POST", "/x", {})


def busy(seconds: int, status: int = 429) -> Answer:
    return Answer({}, status, {"Retry-After": str(seconds)})


def test_a_window_ends_with_its_call(window: SendWindow, clock: Clock) -> None:
    window.sleep(1000)
    with window.limited():
        window.sleep(60)
        window.check()
        with pytest.raises(UnavailableError, match="here: asks to wait 60 s"):
            window.sleep(60)
        assert clock.now == 1060
        clock.now += 41
        with pytest.raises(UnavailableError, match="too slowly"):
            window.check()
    window.check()


def test_a_machine_that_stood_still_while_it_waited_sends_nothing(clock: Clock) -> None:
    slept = SendWindow("here", 100.0, lambda seconds: clock.sleep(20 * seconds))
    with slept.limited(), pytest.raises(UnavailableError, match="too slowly"):
        slept.sleep(10)


def test_a_wait_that_is_refused_after_limits_only_leaves_nothing_done(
    vendor: Counter, window: SendWindow, write: Callable[[], object]
) -> None:
    vendor.answers = [busy(60), busy(60)]
    with window.limited(), pytest.raises(UnavailableError, match="asks to wait 60 s"):
        write()
    assert (len(vendor.requests), vendor.done) == (2, 0)


@pytest.mark.parametrize("first", [[], [busy(60)]])
def test_what_may_have_been_done_stays_unknown_however_long_the_server_asks_to_wait(
    vendor: Counter, window: SendWindow, write: Callable[[], object], first: list[Answer]
) -> None:
    """No wait follows it, so none can be refused and hide it."""
    vendor.answers = [*first, busy(600, status=503)]
    with window.limited(), pytest.raises(UnknownOutcomeError, match="503"):
        write()
    assert vendor.done == 1


def test_a_pause_that_was_asked_for_still_holds_after_a_call_that_could_not_wait(
    vendor: Counter, window: SendWindow, write: Callable[[], object], clock: Clock
) -> None:
    vendor.answers = [busy(600, status=200)]
    with window.limited():
        write()
        for _ in range(2):
            with pytest.raises(UnavailableError, match="asks to wait"):
                write()
    assert (len(vendor.requests), vendor.done) == (1, 1)
    write()
    assert clock.now > 500
