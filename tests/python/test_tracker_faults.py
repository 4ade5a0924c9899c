"""Trackers that break, refuse and forget: no epic twice, no evidence twice, no secret shown."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from orchestration.http import (
    AccessError,
    Patience,
    RefusedError,
    SourceError,
    UnavailableError,
    UnknownOutcomeError,
)
from orchestration.trackers.protocol import EpicRef, Tracker
from orchestration.vendors.azure_devops.client import SEND_WITHIN_SECONDS as AZURE_WINDOW
from orchestration.vendors.jira.client import SEND_WITHIN_SECONDS as JIRA_WINDOW

from . import tracker_helpers
from .loopback import IMPATIENT, Answer, Fault, serving
from .tracker_helpers import (
    KEY,
    REMOTE,
    SECRETS,
    change,
    comments,
    draft,
    numbers,
    opened,
    secrets_of,
    serving_tracker,
    tracker_at,
    vendor_of,
)
from .vendor_azure_devops import AzureDevOps
from .vendor_jira import PAGE
from .window_helpers import window_clock

PATIENCE = replace(IMPATIENT, attempts=2)


@pytest.fixture(params=REMOTE)
def vendor(request: pytest.FixtureRequest) -> Any:
    return vendor_of(request.param)


@pytest.fixture
def tracker(vendor: Any) -> Any:
    """A tracker that knows the types already, so that the next request is the one that writes."""
    with serving_tracker(vendor) as one:
        one.preview(draft())
        vendor.requests.clear()
        yield one


def refused(work: Callable[[], object], kind: type[SourceError] = SourceError) -> SourceError:
    """The error of `work`, with no secret in it."""
    with pytest.raises(kind) as raised:
        work()
    is_silent(raised.value)
    return raised.value


def is_silent(error: object) -> None:
    assert not [secret for secret in SECRETS if secret in repr(error)]


@pytest.mark.parametrize("fault", ["half_body", "slow_drip"])
def test_created_but_never_answered_is_ambiguous_and_found_later(vendor: Any, fault: Fault) -> None:
    with serving_tracker(vendor, replace(IMPATIENT, reply_seconds=0.2)) as tracker:
        tracker.preview(draft())
        vendor.requests.clear()
        vendor.faults = {0: fault}
        refused(lambda: tracker.create(draft()), UnknownOutcomeError)
        assert tracker.find([KEY]) == {}
        vendor.tick(tracker.search_lag_seconds)
        assert tracker.find([KEY]).keys() == {KEY}
    assert len(vendor.things()) == 1


@pytest.mark.parametrize("fault", ["reset", "500", "html"])
def test_what_may_have_been_done_is_not_sent_again(
    vendor: Any, tracker: Tracker, fault: Fault
) -> None:
    vendor.faults = dict.fromkeys(range(9), fault)
    refused(lambda: tracker.create(draft()), UnknownOutcomeError)
    assert len(vendor.requests) == 1


@pytest.mark.parametrize(("fault", "wait"), [("429", 2.0), ("429_bare", 0.0)])
def test_a_storm_of_429_is_waited_out_or_reported(vendor: Any, fault: Fault, wait: float) -> None:
    waits: list[float] = []
    with serving_tracker(vendor, replace(IMPATIENT, sleep=waits.append)) as tracker:
        tracker.preview(draft())
        vendor.requests.clear()
        vendor.faults = dict.fromkeys(range(3), fault)
        opened(tracker)
        assert waits == [wait] * 3
        vendor.faults = dict.fromkeys(range(100), fault)
        refused(lambda: tracker.create(draft("b")), UnavailableError)
    assert len(vendor.things()) == 1


@pytest.mark.parametrize("what", ["create", "update", "close"])
def test_nothing_is_sent_when_the_lease_may_be_over(
    vendor: Any, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    """The ledger gives an epic to another run when this call can do nothing any more."""
    window = AZURE_WINDOW if isinstance(vendor, AzureDevOps) else JIRA_WINDOW
    clock = window_clock(monkeypatch)
    patience = Patience(attempts=99, backoff=lambda _: 0.0, sleep=clock.sleep)
    with serving(vendor) as url:
        ref = opened(tracker_at(vendor, url))
        tracker = tracker_at(vendor, url, patience)
        tracker.preview(draft())

        work: dict[str, Callable[[], object]] = {
            "create": lambda: tracker.create(draft("late")),
            "update": lambda: tracker.update(ref, change()),
            "close": lambda: tracker.close(ref, change()),
        }
        answer = vendor.answer
        vendor.answer = lambda _: Answer({}, 429, {"Retry-After": "3"})
        error = refused(work[what], UnavailableError)
        assert "asks to wait 3 s, which is too long" in str(error)
        assert window - 10 < clock.now <= window
        # Slow answers to questions count as well.
        vendor.answer = answer
        vendor.before = lambda _: clock.sleep(window * 0.6)
        later = tracker_at(vendor, url, patience)
        error = refused(lambda: later.create(draft("late")), UnavailableError)
        assert "too slowly" in str(error)
        # Whatever only reads may wait longer.
        tracker.status([ref])
    assert len(vendor.things()) == 1
    assert comments(vendor, ref) == []


def live(tracker: Any, vendor: Any) -> EpicRef | None:
    """What the publisher does to one epic over its life, as often as it takes."""
    ref = None
    for _ in range(6):
        try:
            ref = ref or tracker.find([KEY]).get(KEY)
            ref = ref or tracker.create(draft())
        except SourceError as error:
            is_silent(error)
        vendor.tick(tracker.search_lag_seconds)
    for number, step in enumerate((tracker.update, tracker.close)):
        is_retry = False
        for _ in range(6 if ref else 0):
            try:
                step(ref, change(number, is_retry=is_retry))
                break
            except SourceError as error:
                is_silent(error)
                is_retry = is_retry or isinstance(error, UnknownOutcomeError)
    return ref


def quick(kind: str) -> Any:
    vendor: Any = vendor_of(kind)
    vendor.meta_cap = 100
    return vendor


def refuse_one(vendor: Any, number: int, refusal: Answer) -> None:
    answer = vendor.answer
    vendor.answer = lambda request: (
        refusal if len(vendor.requests) == number + 1 else answer(request)
    )


@pytest.mark.parametrize("kind", REMOTE)
@pytest.mark.parametrize(
    "fault", ["reset", "429_bare", "half_body", "html", "redirect", 400, 401, 404, 409, 502]
)
def test_a_fault_at_any_request_makes_nothing_twice(kind: str, fault: Any) -> None:
    """Of a life from opening to closing; a number is the status of an answer with secrets in it."""
    whole = quick(kind)
    with serving_tracker(whole) as tracker:
        live(tracker, whole)
    assert len(whole.requests) > 8
    for number in range(len(whole.requests)):
        vendor = quick(kind)
        if isinstance(fault, str):
            vendor.faults = {number: fault}
        else:
            words = f"no {secrets_of(vendor)}"
            said = PAGE if number % 2 else {"errorMessages": [words], "message": words}
            refusal = Answer(said, fault, {"Content-Type": "text/html"})
            refuse_one(vendor, number, refusal)
        with serving_tracker(vendor, PATIENCE) as tracker:
            ref = live(tracker, vendor)
        assert ref, number
        assert len(vendor.things()) == 1
        text = "".join(comments(vendor, ref))
        assert [text.count(f"change-{n:012}") for n in (0, 1)] == [1, 1]
        with serving_tracker(vendor) as tracker:
            assert not tracker.status([ref])[KEY].is_open
        assert numbers(vendor, ref) == (25, 20)


def test_no_error_shows_a_secret_that_a_server_echoes(vendor: Any, tracker: Any) -> None:
    ref = opened(tracker)
    work: list[Callable[[], object]] = [
        lambda: tracker.find([KEY]),
        lambda: tracker.status([ref]),
        lambda: tracker.preview(draft("c", project_key="PAY")),
        lambda: tracker.create(draft("b")),
        lambda: tracker.update(ref, change()),
        lambda: tracker.close(ref, change()),
        tracker.check,
    ]
    words = " ".join(secrets_of(vendor))
    for code in (400, 401, 403, 404, 409, 429, 500):
        said = {"errorMessages": [words], "errors": {"summary": words}, "message": words}
        vendor.answer = lambda _, said=said, code=code: Answer(said, code)
        for attempt in work:
            try:
                is_silent(attempt())
            except SourceError as error:
                is_silent(error)
    # Of a secret that is cut, not even the beginning is shown.
    for secret in secrets_of(vendor):
        for before in range(280, 400):
            cut = {"errorMessages": ["x" * before + secret], "message": "x" * before + secret}
            vendor.answer = lambda _, cut=cut: Answer(cut, 400)
            assert secret[:5] not in str(refused(lambda: tracker.find([KEY])))


def test_a_token_that_ends_within_a_run_ends_the_run(vendor: Any, tracker: Any) -> None:
    ref = opened(tracker)
    vendor.is_signed_out = vendor.is_expired = True
    for work in (
        lambda: tracker.create(draft("next")),
        lambda: tracker.update(ref, change()),
        lambda: tracker.close(ref, change()),
        lambda: tracker.find([KEY]),
        lambda: tracker.status([ref]),
    ):
        before = len(vendor.requests)
        assert "_TOKEN" in str(refused(work, AccessError))
        # Asked once, and whether the project grants it: a sign-in page is no answer to wait for.
        assert len(vendor.requests) <= before + 2
    (check,) = tracker.check()
    assert (check.name, check.is_ok) == ("connection", False)
    assert len(vendor.things()) == 1


def test_an_answer_of_something_else_is_ambiguous_or_unavailable(vendor: Any, tracker: Any) -> None:
    vendor.answer = lambda _: Answer({"hello": "proxy"})
    refused(lambda: tracker.create(draft()), UnknownOutcomeError)
    refused(lambda: tracker.find([KEY]), UnavailableError)
    vendor.answer = lambda _: Answer(b"", 201)
    refused(lambda: tracker.create(draft()), UnknownOutcomeError)


def test_a_secret_that_is_missing_is_named(vendor: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tracker_helpers, "ENVIRONMENT", {"JIRA_USER": "a@b.c"})
    error = refused(lambda: tracker_at(vendor, "http://127.0.0.1:9"), AccessError)
    assert "_TOKEN is not set" in str(error)


def test_rejections_are_of_the_epics_of_the_call_alone(vendor: Any, tracker: Tracker) -> None:
    parent = EpicRef("x", "999999", "https://x/MOD-9")
    refused(lambda: tracker.create(draft(parent=parent)), RefusedError)
    opened(tracker)
