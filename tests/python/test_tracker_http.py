"""The window in which a tracker's call may still send, and what a refused wait leaves behind."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import pytest

from orchestration.http import Http, SendWindow, UnavailableError, UnknownOutcomeError
from orchestration.vendors.base import Context
from orchestration.vendors.jira.client import Client
from orchestration.vendors.jira.settings import JiraSite, JiraSourceConfig, JiraTrackerConfig

from .loopback import IMPATIENT, Answer, Request, Vendor, serving
from .window_helpers import Clock, window_clock


class Server(Vendor):
    """Answers as it is told, and otherwise well."""

    answers: tuple[Answer, ...] = ()

    def answer(self, request: Request) -> Answer:
        first, *rest = self.answers or (Answer({}),)
        self.answers = tuple(rest)
        return first


@dataclass
class World:
    clock: Clock
    window: SendWindow
    server: Server
    http: Http

    def write(self) -> None:
        self.http.write("POST", "/x", {})


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    clock, server = window_clock(monkeypatch), Server()
    window = SendWindow("here", 100.0, clock.sleep)
    patience = replace(IMPATIENT, sleep=window.sleep)
    with serving(server) as url:
        http = Http(
            "here", url, credentials={}, access_hint="", settings="tracker.yaml", patience=patience
        )
        yield World(clock, window, server, http)


def busy(seconds: int, status: int = 429) -> Answer:
    return Answer({}, status, {"Retry-After": str(seconds)})


def test_a_window_ends_with_its_call(world: World) -> None:
    window, clock = world.window, world.clock
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


def test_a_machine_that_stood_still_while_it_waited_sends_nothing(world: World) -> None:
    slept = SendWindow("here", 100.0, lambda seconds: world.clock.sleep(20 * seconds))
    with slept.limited(), pytest.raises(UnavailableError, match="too slowly"):
        slept.sleep(10)


@pytest.mark.parametrize(
    ("answers", "kind", "words"),
    [
        # Limits only: nothing was done.
        ((busy(60), busy(60)), UnavailableError, "asks to wait 60 s"),
        # What may have been done stays unknown: no wait follows that could be refused and hide it.
        ((busy(600, 503),), UnknownOutcomeError, "503"),
        ((busy(60), busy(600, 503)), UnknownOutcomeError, "503"),
    ],
)
def test_what_a_refused_wait_leaves_behind(
    world: World, answers: tuple[Answer, ...], kind: type[Exception], words: str
) -> None:
    world.server.answers = answers
    with world.window.limited(), pytest.raises(kind, match=words):
        world.write()
    assert len(world.server.requests) == len(answers)


def test_a_pause_that_was_asked_for_still_holds_after_a_call_that_could_not_wait(
    world: World,
) -> None:
    world.server.answers = (busy(600, status=200),)
    with world.window.limited():
        world.write()
        for _ in range(2):
            with pytest.raises(UnavailableError, match="asks to wait"):
                world.write()
    assert len(world.server.requests) == 1
    world.write()
    assert world.clock.now > 500


@pytest.mark.parametrize(
    ("site", "file"),
    [
        (JiraSourceConfig(url="http://127.0.0.1:9"), "sources.yaml"),
        (JiraTrackerConfig(url="http://127.0.0.1:9", project="MOD"), "tracker.yaml"),
    ],
)
def test_a_dead_address_is_reported_with_the_file_that_holds_it(site: JiraSite, file: str) -> None:
    environment = {"JIRA_USER": "somebody", "JIRA_TOKEN": "secret-0123"}
    client = Client(site, Context(environment=environment, patience=IMPATIENT))
    with pytest.raises(UnavailableError, match=f"correct the url in {file}"):
        client.get("/myself")
