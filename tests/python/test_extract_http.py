"""The HTTP client against a loopback server that misbehaves in every way."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from orchestration.http import AccessError, Http, Patience, SourceError, UnavailableError
from orchestration.http.client import SHOWN_CHARACTERS

from .loopback import FAULTS, IMPATIENT, Answer, Fault, Request, Vendor, serving

TOKEN = "tok-3f9a77"  # noqa: S105
STOPS = ("redirect", "expired")


class Echo(Vendor):
    """Says what it was asked; `/wrong` refuses, and `instead` answers every question."""

    def __init__(self, headers: dict[str, str] | None = None) -> None:
        super().__init__()
        self.headers = headers or {}
        self.instead: Answer | None = None

    def now(self) -> datetime:
        return datetime(2015, 10, 21, 7, 28, tzinfo=UTC)

    def answer(self, request: Request) -> Answer:
        if request.path == "/missing":
            return Answer({"error": "none"}, 404)
        if request.path == "/wrong":
            return Answer({"error": f"no, {request.headers['authorization']}"}, 400)
        said = {"query": request.query, "body": request.body}
        return self.instead or Answer(said, headers=dict(self.headers))


def client(url: str, patience: Patience = IMPATIENT) -> Http:
    credentials = {"Authorization": f"Token {TOKEN}"}
    hint = "renew ECHO_TOKEN"
    return Http(
        "echo",
        url,
        credentials=credentials,
        access_hint=hint,
        settings="sources.yaml",
        patience=patience,
    )


def test_asks_and_decodes_with_its_own_credentials_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login somebody password else\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    vendor = Echo()
    with serving(vendor) as url:
        http = client(url)
        reply = http.get("/x", [("ids[]", "a"), ("ids[]", "b")])
        assert reply.data["query"] == [["ids[]", "a"], ["ids[]", "b"]]
        assert http.post("/x", {"a": 1}).data["body"] == {"a": 1}
        assert http.find("/missing") is None
        assert http.requests == 3
    assert {one.headers["authorization"] for one in vendor.requests} == {f"Token {TOKEN}"}


@pytest.mark.parametrize("fault", FAULTS)
def test_one_fault_is_survived_or_reported_clearly(fault: Fault) -> None:
    vendor = Echo()
    vendor.faults = {1: fault}
    with serving(vendor) as url:
        http = client(url)
        http.get("/1")
        if fault in STOPS:
            with pytest.raises(SourceError) as caught:
                http.get("/2")
            assert TOKEN not in str(caught.value)
            expected = "renew ECHO_TOKEN" if fault == "expired" else "127.0.0.9:9"
            assert expected in str(caught.value)
            assert isinstance(caught.value, AccessError) == (fault == "expired")
        else:
            assert http.get("/2").data["query"] == []
            assert http.requests == 3


@pytest.mark.parametrize("fault", [one for one in FAULTS if one not in (*STOPS, "429_bare")])
def test_a_persistent_fault_ends_in_a_clear_error(fault: Fault) -> None:
    vendor = Echo()
    vendor.faults = dict.fromkeys(range(99), fault)
    with serving(vendor) as url:
        http = client(url)
        with pytest.raises(UnavailableError, match=r"echo: GET /1: .* 4 times over; the next run"):
            http.get("/1")
        assert http.requests == 4


def test_an_unreachable_address_is_reported_with_its_setting() -> None:
    said = (
        r"nothing answers at http://127.0.0.1:9 \(Conn.*, 3 times over; "
        r"correct the url in sources\.yaml"
    )
    with pytest.raises(UnavailableError, match=said):
        client("http://127.0.0.1:9").get("/1")


def test_a_server_that_was_reached_once_is_tried_as_often_as_patience_allows() -> None:
    with serving(Echo()) as url:
        http = client(url)
        http.get("/1")
    http.url = "http://127.0.0.1:9"
    with pytest.raises(UnavailableError, match=r"nothing answers at .*, 4 times over"):
        http.get("/1")


IN_300_S = "in 300 s"


@pytest.mark.parametrize(
    ("status", "headers", "expected"),
    [
        (429, {"Retry-After": "2"}, 2.25),
        (429, {}, 0.25),
        (503, {"Retry-After": "Wed, 21 Oct 2015 07:29:00 GMT"}, 60.25),
        # Without a zone, and with the one that says that there is none.
        (503, {"Retry-After": "Wed, 21 Oct 2015 07:29:00"}, 60.25),
        (503, {"Retry-After": "Wed, 21 Oct 2015 07:29:00 -0000"}, 60.25),
        (503, {"Retry-After": "Wed, 21 Oct 2015 07:00:00 GMT"}, 0.25),
        (503, {"Retry-After": "soon"}, 0.25),
        (503, {"Retry-After": "nan"}, 0.25),
        (429, {"X-RateLimit-State": "THROTTLED", "X-RateLimit-Period-In-Sec": "60"}, 60.25),
        (200, {"Retry-After": "7"}, 7),
        (200, {"ratelimit-remaining": "0", "ratelimit-reset": "12"}, 12),
        (200, {"x-ratelimit-remaining": "0", "x-ratelimit-reset": IN_300_S}, 300),
        (200, {"ratelimit-remaining": "1", "ratelimit-reset": "12"}, None),
        (200, {"ratelimit-remaining": "x", "ratelimit-reset": "y"}, None),
    ],
)
def test_waits_as_long_as_the_server_asks(
    status: int, headers: dict[str, str], expected: float | None
) -> None:
    waits: list[float] = []
    moment = {IN_300_S: str(int(time.time()) + 300)}
    vendor = Echo({name: moment.get(value, value) for name, value in headers.items()})
    if status != 200:
        vendor.instead = Answer({}, status, headers)
    patience = Patience(attempts=2, backoff=lambda _: 0.25, sleep=waits.append)
    with serving(vendor) as url:
        http = client(url, patience)
        if status == 200:
            http.get("/1")
            # Only the next request waits.
            assert waits == []
            http.get("/2")
        else:
            with pytest.raises(UnavailableError, match="2 times over"):
                http.get("/1")
    tolerance = 20 if IN_300_S in headers.values() else 0.1
    assert waits == ([] if expected is None else [pytest.approx(expected, abs=tolerance)])


def test_a_wait_that_is_too_long_ends_the_sync() -> None:
    vendor = Echo()
    vendor.faults = {0: "429"}
    patience = replace(IMPATIENT, max_wait_seconds=1)
    with serving(vendor) as url, pytest.raises(UnavailableError, match="asks to wait 2 s"):
        client(url, patience).get("/1")


def test_no_secret_and_no_part_of_one_that_is_cut_in_an_error() -> None:
    vendor = Echo()
    with serving(vendor) as url:
        with pytest.raises(SourceError, match="answered 400") as caught:
            client(url).get("/wrong")
        assert TOKEN not in str(caught.value)
        for before in range(SHOWN_CHARACTERS - len(TOKEN), SHOWN_CHARACTERS):
            vendor.instead = Answer(b"x" * before + TOKEN.encode(), 400)
            with pytest.raises(SourceError) as caught:
                client(url).get("/1")
            assert TOKEN[:3] not in str(caught.value)


def test_a_page_to_sign_in_is_a_matter_of_access() -> None:
    vendor = Echo()
    vendor.instead = Answer(b"<html>Sign in</html>", 203, {"Content-Type": "text/html"})
    with serving(vendor) as url:
        http = client(url)
        with pytest.raises(AccessError, match="page to sign in; renew ECHO_TOKEN"):
            http.get("/1")
        assert http.requests == 1


def test_a_page_for_people_is_reported_by_its_title() -> None:
    """As an instance of ServiceNow that sleeps, or a proxy, answers with 200."""
    vendor = Echo()
    page = b"<html><head><title> Instance Hibernating page </title></head></html>"
    vendor.instead = Answer(page, headers={"Content-Type": "text/html"})
    words = r"text/html that is not JSON \(a page titled 'Instance Hibernating page'\)"
    with serving(vendor) as url, pytest.raises(UnavailableError, match=words):
        client(url).get("/x")
