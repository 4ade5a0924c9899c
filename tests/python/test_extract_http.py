"""The HTTP client against a loopback server that misbehaves in every way."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import pytest

from orchestration.http import (
    AccessError,
    Http,
    Patience,
    SourceError,
    UnavailableError,
)
from orchestration.http.client import SHOWN_CHARACTERS

from .loopback import FAULTS, IMPATIENT, Answer, Fault, Request, Vendor, serving

TOKEN = "tok-3f9a77"  # noqa: S105


class Echo(Vendor):
    def __init__(self, headers: dict[str, str] | None = None) -> None:
        super().__init__()
        self.headers = headers or {}

    def answer(self, request: Request) -> Answer:
        if request.path == "/missing":
            return Answer({"error": "none"}, 404)
        if request.path == "/wrong":
            return Answer({"error": f"no, {request.headers['authorization']}"}, 400)
        return Answer({"query": request.query, "body": request.body}, headers=dict(self.headers))


def client(url: str, patience: Patience = IMPATIENT) -> Http:
    return Http(
        "echo",
        url,
        credentials={"Authorization": f"Token {TOKEN}"},
        access_hint="renew ECHO_TOKEN",
        patience=patience,
    )


def test_asks_and_decodes() -> None:
    vendor = Echo()
    with serving(vendor) as url:
        http = client(url)
        reply = http.get("/x", [("ids[]", "a"), ("ids[]", "b")])
        assert reply.data["query"] == [["ids[]", "a"], ["ids[]", "b"]]
        assert http.post("/x", {"a": 1}).data["body"] == {"a": 1}
        assert http.find("/missing") is None
        assert http.requests == 3
    assert vendor.requests[0].headers["authorization"] == f"Token {TOKEN}"


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_once_is_survived_or_told_clearly(fault: Fault) -> None:
    vendor = Echo()
    vendor.faults = {1: fault}
    with serving(vendor) as url:
        http = client(url)
        http.get("/1")
        if fault in ("redirect", "expired"):
            with pytest.raises(SourceError) as told:
                http.get("/2")
            assert TOKEN not in str(told.value)
            expected = "renew ECHO_TOKEN" if fault == "expired" else "127.0.0.9:9"
            assert expected in str(told.value)
            assert isinstance(told.value, AccessError) == (fault == "expired")
        else:
            assert http.get("/2").data["query"] == []
            assert http.requests == 3


@pytest.mark.parametrize("fault", ["reset", "429", "500", "half_body", "slow_drip", "html"])
def test_a_fault_that_stays_ends_in_a_clear_error(fault: Fault) -> None:
    vendor = Echo()
    vendor.faults = dict.fromkeys(range(99), fault)
    with serving(vendor) as url:
        http = client(url)
        with pytest.raises(UnavailableError, match=r"echo: GET /1: .* 4 times over"):
            http.get("/1")
        assert http.requests == 4


def test_no_server_at_all_is_told() -> None:
    with pytest.raises(UnavailableError, match="ConnectionError"):
        client("http://127.0.0.1:9").get("/1")


def test_waits_as_long_as_the_server_asks() -> None:
    waits: list[float] = []
    patience = Patience(attempts=4, backoff=lambda _: 0.25, sleep=waits.append)
    vendor = Echo()
    vendor.faults = {0: "429", 1: "429_bare"}
    with serving(vendor) as url:
        client(url, patience).get("/1")
    assert waits == [2.25, 0.25]


def test_a_wait_that_is_too_long_ends_the_sync() -> None:
    vendor = Echo()
    vendor.faults = {0: "429"}
    patience = Patience(max_wait_seconds=1, backoff=lambda _: 0.0, sleep=lambda _: None)
    with serving(vendor) as url, pytest.raises(UnavailableError, match="asks to wait 2 s"):
        client(url, patience).get("/1")


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"ratelimit-remaining": "0", "ratelimit-reset": "12"}, 12),
        ({"x-ratelimit-remaining": "0", "x-ratelimit-reset": "a moment in 300 s"}, 300),
        ({"ratelimit-remaining": "1", "ratelimit-reset": "12"}, None),
        ({"ratelimit-remaining": "x", "ratelimit-reset": "y"}, None),
    ],
)
def test_nothing_left_waits_for_the_reset(headers: dict[str, str], expected: float | None) -> None:
    waits: list[float] = []
    in_300_s = str(int(time.time()) + 300)
    vendor = Echo({k: in_300_s if v == "a moment in 300 s" else v for k, v in headers.items()})
    with serving(vendor) as url:
        http = client(url, Patience(sleep=waits.append))
        http.get("/1")
        assert waits == []
        http.get("/2")
    assert waits == ([] if expected is None else [pytest.approx(expected, abs=30)])


def test_no_secret_in_an_error() -> None:
    with serving(Echo()) as url, pytest.raises(SourceError) as told:
        client(url).get("/wrong")
    assert "answered 400" in str(told.value)
    assert TOKEN not in str(told.value)


def test_no_part_of_a_secret_in_an_error_that_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    vendor = Echo()
    with serving(vendor) as url:
        for before in range(SHOWN_CHARACTERS - len(TOKEN), SHOWN_CHARACTERS):
            answer = Answer(b"x" * before + TOKEN.encode(), 400)
            monkeypatch.setattr(vendor, "answer", lambda _, answer=answer: answer)
            with pytest.raises(SourceError) as told:
                client(url).get("/1")
            assert TOKEN[:3] not in str(told.value)


def test_takes_no_credentials_out_of_a_netrc(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password else\n")
    monkeypatch.setenv("NETRC", str(netrc))
    vendor = Echo()
    with serving(vendor) as url:
        client(url).get("/1")
    assert vendor.requests[0].headers["authorization"] == f"Token {TOKEN}"


def test_a_pause_asked_for_with_a_good_answer_is_kept() -> None:
    vendor = Echo({"Retry-After": "7"})
    slept: list[float] = []
    with serving(vendor) as url:
        http = client(url, replace(IMPATIENT, sleep=slept.append))
        http.get("/1")
        assert slept == []
        http.get("/2")
    assert len(slept) == 1
    assert 6 < slept[0] <= 7


class SignIn(Vendor):
    def answer(self, request: Request) -> Answer:
        return Answer(b"<html>Sign in</html>", 203, {"Content-Type": "text/html"})


def test_a_page_to_sign_in_is_a_matter_of_access() -> None:
    with serving(SignIn()) as url:
        http = client(url)
        with pytest.raises(AccessError, match="page to sign in; renew ECHO_TOKEN"):
            http.get("/1")
        assert http.requests == 1
