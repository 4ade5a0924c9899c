"""Trackers that break, refuse and forget: no epic twice, no evidence twice, no secret shown."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from orchestration.http import Patience
from orchestration.trackers.protocol import (
    AmbiguousError,
    EpicRef,
    ForbiddenError,
    RejectedError,
    Tracker,
    TrackerError,
    UnavailableError,
)
from orchestration.vendors.azure_devops.client import SEND_WITHIN_SECONDS as AZURE_WINDOW
from orchestration.vendors.jira.client import SEND_WITHIN_SECONDS as JIRA_WINDOW

from .loopback import IMPATIENT, Answer, Fault, serving
from .tracker_helpers import (
    KEY,
    REMOTE,
    SECRETS,
    change,
    comments,
    draft,
    drafts,
    numbers,
    opened,
    secrets_of,
    serving_tracker,
    status,
    tracker_at,
    vendor_of,
)
from .vendor_azure_devops import AzureDevOps
from .vendor_jira import PAGE, Jira
from .window_helpers import window_clock

FAULTS: tuple[Fault, ...] = ("reset", "429_bare", "half_body", "html", "redirect", "expired")
PATIENCE = replace(IMPATIENT, attempts=2)


@pytest.fixture(params=REMOTE)
def vendor(request: pytest.FixtureRequest) -> Any:
    return vendor_of(request.param)


@pytest.fixture
def tracker(vendor: Any) -> Any:
    """A tracker that knows the types already, so that the next request is the one that writes."""
    with serving_tracker(vendor) as one:
        one.preview([draft()])
        vendor.requests.clear()
        yield one


def refused(work: Callable[[], object], kind: type[TrackerError] = TrackerError) -> TrackerError:
    """The error of `work`, with no secret in it."""
    with pytest.raises(kind) as raised:
        work()
    is_silent(raised.value)
    return raised.value


def is_silent(error: object) -> None:
    assert not [secret for secret in SECRETS if secret in repr(error)]


def count(vendor: Any) -> int:
    return len(vendor.things())


@pytest.mark.parametrize("fault", ["half_body", "slow_drip"])
def test_created_but_never_answered_is_ambiguous_and_found_later(vendor: Any, fault: Fault) -> None:
    with serving_tracker(vendor, replace(IMPATIENT, reply_seconds=0.2)) as tracker:
        tracker.preview([draft()])
        vendor.requests.clear()
        vendor.faults = {0: fault}
        epics = drafts(3)[: tracker.batch_size]
        refused(lambda: tracker.create(epics), AmbiguousError)
        assert count(vendor) == len(epics)
        keys = [epic.key for epic in epics]
        assert tracker.find(keys) == {}
        vendor.tick(tracker.search_lag_seconds)
        assert tracker.find(keys).keys() == {*keys}
    assert count(vendor) == len(epics)


@pytest.mark.parametrize("fault", ["reset", "500", "html"])
def test_what_may_have_been_done_is_not_sent_again(
    vendor: Any, tracker: Tracker, fault: Fault
) -> None:
    vendor.faults = dict.fromkeys(range(9), fault)
    refused(lambda: tracker.create([draft()]), AmbiguousError)
    assert len(vendor.requests) == 1


@pytest.mark.parametrize("fault", ["429", "429_bare"])
def test_a_storm_of_429_is_waited_out_or_reported(vendor: Any, fault: Fault) -> None:
    waits: list[float] = []
    with serving_tracker(vendor, replace(IMPATIENT, sleep=waits.append)) as tracker:
        tracker.preview([draft()])
        vendor.requests.clear()
        vendor.faults = dict.fromkeys(range(3), fault)
        opened(tracker)
        assert waits == ([2.0] * 3 if fault == "429" else [0.0] * 3)
        vendor.faults = dict.fromkeys(range(100), fault)
        refused(lambda: tracker.create([draft("b")]), UnavailableError)
    assert count(vendor) == 1


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
        work: dict[str, Callable[[], object]] = {
            "create": lambda: tracker.create([draft("late")]),
            "update": lambda: tracker.update(ref, change()),
            "close": lambda: tracker.close(ref, change()),
        }
        tracker.preview([draft()])
        answer = vendor.answer
        vendor.answer = lambda _: Answer({}, 429, {"Retry-After": "3"})
        error = refused(work[what], UnavailableError)
        assert "asks to wait 3 s, which is too long" in str(error)
        assert window - 10 < clock.now <= window
        # Slow answers to questions count as well.
        vendor.answer = answer
        vendor.before = lambda _: clock.sleep(window * 0.6)
        error = refused(
            lambda: tracker_at(vendor, url, patience).create([draft("late")]), UnavailableError
        )
        assert "too slowly" in str(error)
        # Whatever only reads may wait longer.
        tracker.status([ref])
    assert count(vendor) == 1
    assert comments(vendor, ref) == []


def live(tracker: Any, vendor: Any) -> EpicRef:
    """What the publisher does to one epic over its life, as often as it takes."""
    ref = None
    for _ in range(6):
        try:
            ref = ref or tracker.find([KEY]).get(KEY)
            if ref is None:
                outcome = tracker.create([draft()]).get(KEY)
                ref = outcome if isinstance(outcome, EpicRef) else None
        except TrackerError as error:
            is_silent(error)
        vendor.tick(tracker.search_lag_seconds)
    assert ref
    for number, step in enumerate((tracker.update, tracker.close)):
        is_retry = False
        for _ in range(6):
            try:
                step(ref, change(number, is_retry=is_retry))
                break
            except TrackerError as error:
                is_silent(error)
                is_retry = is_retry or isinstance(error, AmbiguousError)
        else:
            pytest.fail("never done")
    return ref


def lived(kind: str) -> int:
    """How many requests such a life takes."""
    vendor: Any = vendor_of(kind)
    vendor.meta_cap = 100
    with serving_tracker(vendor) as tracker:
        live(tracker, vendor)
    return len(vendor.requests)


def is_once(vendor: Any, ref: EpicRef) -> None:
    assert count(vendor) == 1
    said = "".join(comments(vendor, ref))
    assert [said.count(f"change-{number:012}") for number in (0, 1)] == [1, 1]


@pytest.mark.parametrize("kind", REMOTE)
@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_at_any_request_makes_nothing_twice(kind: str, fault: Fault) -> None:
    total = lived(kind)
    assert total > 8
    for number in range(total):
        vendor: Any = vendor_of(kind)
        vendor.meta_cap = 100
        vendor.faults = {number: fault}
        if fault == "expired":
            # Only this once: the token is good again when the next run comes.
            vendor.faults = {}
            answer = vendor.answer
            vendor.answer = lambda request, number=number, vendor=vendor, answer=answer: (
                Answer({"message": "no"}, 401)
                if len(vendor.requests) == number + 1
                else answer(request)
            )
        with serving_tracker(vendor, PATIENCE) as tracker:
            ref = live(tracker, vendor)
            assert not status(tracker, ref).is_open
        is_once(vendor, ref)
        assert numbers(vendor, ref) == (25, 20)


@pytest.mark.parametrize("kind", REMOTE)
@pytest.mark.parametrize("code", [400, 404, 409, 502])
def test_a_refusal_at_any_request_makes_nothing_twice(kind: str, code: int) -> None:
    for number in range(lived(kind)):
        vendor: Any = vendor_of(kind)
        vendor.meta_cap = 100
        said = {
            "errorMessages": [f"no {secrets_of(vendor)}"],
            "message": f"no {secrets_of(vendor)}",
        }
        refusal = Answer(PAGE if number % 2 else said, code, {"Content-Type": "text/html"})
        answer = vendor.answer
        vendor.answer = lambda request, number=number, vendor=vendor, answer=answer, no=refusal: (
            no if len(vendor.requests) == number + 1 else answer(request)
        )
        # What a refusal says of a project or a type holds for the rest of a run.
        for _ in range(2):
            with serving_tracker(vendor, PATIENCE) as tracker:
                try:
                    is_once(vendor, live(tracker, vendor))
                    break
                except AssertionError:
                    assert not vendor.things()
        else:
            pytest.fail("never opened")


def test_no_error_shows_a_secret_that_a_server_echoes(vendor: Any, tracker: Any) -> None:
    ref = opened(tracker)
    work: list[Callable[[], object]] = [
        lambda: tracker.find([KEY]),
        lambda: tracker.status([ref]),
        lambda: tracker.preview([draft("c", project_key="PAY")]),
        lambda: tracker.create([draft("b")]),
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
            except TrackerError as error:
                is_silent(error)
    # Of a secret that is cut, not even the beginning is shown.
    for secret in secrets_of(vendor):
        for before in range(280, 400):
            cut = {"errorMessages": ["x" * before + secret], "message": "x" * before + secret}
            vendor.answer = lambda _, cut=cut: Answer(cut, 400)
            assert secret[:5] not in str(refused(lambda: tracker.find([KEY])))


def test_a_token_that_ends_within_a_run_ends_the_run(vendor: Any, tracker: Any) -> None:
    ref = opened(tracker)
    vendor.is_signed_out = True
    vendor.is_expired = True
    for work in (
        lambda: tracker.create([draft("next")]),
        lambda: tracker.update(ref, change()),
        lambda: tracker.close(ref, change()),
        lambda: tracker.find([KEY]),
        lambda: tracker.status([ref]),
    ):
        before = len(vendor.requests)
        error = refused(work, ForbiddenError)
        assert "_TOKEN" in str(error)
        # Asked once, and whether the project grants it: a sign-in page is no answer to wait for.
        assert len(vendor.requests) <= before + 2
    (check,) = tracker.check()
    assert (check.name, check.is_ok) == ("connection", False)
    assert count(vendor) == 1


def test_an_answer_of_something_else_is_ambiguous_or_unavailable(vendor: Any, tracker: Any) -> None:
    vendor.answer = lambda _: Answer({"hello": "proxy"})
    if isinstance(vendor, Jira):
        assert tracker.create([draft()]) == {}
    else:
        refused(lambda: tracker.create([draft()]), AmbiguousError)
    refused(lambda: tracker.find([KEY]), UnavailableError)
    vendor.answer = lambda _: Answer(b"", 201)
    refused(lambda: tracker.create([draft()]), AmbiguousError)


@pytest.mark.parametrize("seed", range(6))
def test_changes_in_a_storm_are_added_once_and_people_keep_their_edits(seed: int) -> None:
    dice = random.Random(seed)
    vendor = AzureDevOps()
    with serving_tracker(vendor) as tracker:
        ref = opened(tracker)

        def meddle(_: object) -> None:
            if dice.random() < 0.2:
                vendor.edit(int(ref.id), System_Title=f"title {dice.random()}")
            if dice.random() < 0.1:
                vendor.edit(int(ref.id), Custom_Budget=9_999)

        vendor.before = meddle
        vendor.faults = {
            number: dice.choice(("reset", "half_body", "500", "429"))
            for number in range(200)
            if dice.random() < 0.3
        }
        for number in range(4):
            one = change(number)
            for _ in range(60):
                try:
                    tracker.update(ref, one)
                    break
                except (AmbiguousError, UnavailableError):
                    one = change(number, is_retry=True)
    said = "".join(comments(vendor, ref))
    assert [said.count(f"change-{number:012}<") for number in range(4)] == [1, 1, 1, 1]
    assert vendor.items[int(ref.id)]["fields"]["Custom.Budget"] in (4000, 9_999)
    assert numbers(vendor, ref)[0] == 27


@pytest.mark.parametrize("kind", REMOTE)
def test_a_secret_that_is_missing_is_named(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from . import tracker_helpers

    monkeypatch.setattr(tracker_helpers, "ENVIRONMENT", {"JIRA_USER": "a@b.c"})
    error = refused(lambda: tracker_at(vendor_of(kind), "http://127.0.0.1:9"), ForbiddenError)
    assert "_TOKEN is not set" in str(error)


@pytest.mark.parametrize("code", [409, 412])
def test_a_conflict_is_of_one_epic_only(code: int) -> None:
    vendor = AzureDevOps()
    vendor.conflict_status = code
    with serving_tracker(vendor) as tracker:
        ref = opened(tracker)

        def meddle(request: Any) -> None:
            if request.method == "PATCH":
                vendor.before = lambda _: None
                vendor.edit(int(ref.id), System_Title="mine")

        # An edit between reading and writing is kept.
        vendor.before = meddle
        tracker.update(ref, change())
        assert vendor.items[int(ref.id)]["fields"]["System.Title"] == "mine"
        assert len(comments(vendor, ref)) == 1
        assert isinstance(tracker.create([draft("b")])["b"], EpicRef)


def test_rejections_are_of_the_epics_of_the_call_alone(vendor: Any, tracker: Tracker) -> None:
    error = tracker.create([draft(parent=EpicRef("x", "999999", "https://x/MOD-9"))])[KEY]
    assert isinstance(error, RejectedError)
    opened(tracker)
