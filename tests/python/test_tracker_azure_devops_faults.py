"""The Azure DevOps tracker when the network, the server or the token fails."""

from __future__ import annotations

import base64
import random
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from orchestration.trackers.azure_devops import AzureDevOpsConfig, AzureDevOpsTracker
from orchestration.trackers.azure_devops.config import SEND_WITHIN_SECONDS
from pydantic import ValidationError

from orchestration.trackers.protocol import (
    AmbiguousError,
    ConflictError,
    EpicRef,
    ForbiddenError,
    RejectedError,
    TrackerError,
    UnavailableError,
)
from orchestration.vendors.base import Context

from .azure_devops_helpers import (
    FIELDS,
    KEY,
    SETTINGS,
    change,
    comments,
    draft,
    fields,
    opened,
    status,
    tracker_at,
)
from .loopback import FAULTS, IMPATIENT, Answer, Fault, Request, serving
from .vendor_azure_devops import PAT, PROJECT, AzureDevOps
from .window_helpers import window_clock

BASIC = base64.b64encode(f":{PAT}".encode()).decode()


@pytest.fixture
def vendor() -> AzureDevOps:
    return AzureDevOps()


@pytest.fixture
def url(vendor: AzureDevOps) -> Iterator[str]:
    with serving(vendor) as address:
        yield address


@pytest.fixture
def tracker(vendor: AzureDevOps, url: str) -> AzureDevOpsTracker:
    """A tracker that knows the types already."""
    one = tracker_at(url)
    one.rehearse([draft()])
    vendor.requests.clear()
    return one


def refused(work: Callable[[], object]) -> TrackerError:
    """The error of `work`, with no secret in it."""
    with pytest.raises(TrackerError) as told:
        work()
    assert PAT not in repr(told.value)
    assert BASIC not in repr(told.value)
    return told.value


@pytest.mark.parametrize("fault", ["half_body", "slow_drip"])
def test_created_but_never_answered_is_found_again(
    vendor: AzureDevOps, tracker: AzureDevOpsTracker, fault: Fault
) -> None:
    vendor.faults[0] = fault
    assert isinstance(refused(lambda: tracker.create([draft()])), AmbiguousError)
    assert len(vendor.requests) == 1
    assert len(vendor.items) == 1
    assert tracker.find([KEY]) == {}
    vendor.tick(tracker.search_lag_seconds)
    assert tracker.find([KEY])[KEY].id == "4711"


@pytest.mark.parametrize("fault", ["reset", "500", "html"])
def test_what_may_have_been_done_is_not_done_again(
    vendor: AzureDevOps, tracker: AzureDevOpsTracker, fault: Fault
) -> None:
    vendor.faults = dict.fromkeys(range(9), fault)
    assert isinstance(refused(lambda: tracker.create([draft()])), AmbiguousError)
    assert len(vendor.requests) == 1


def test_an_answer_that_is_no_work_item_is_ambiguous(
    vendor: AzureDevOps, tracker: AzureDevOpsTracker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vendor, "answer", lambda _: Answer({"hello": "proxy"}))
    assert isinstance(refused(lambda: tracker.create([draft()])), AmbiguousError)
    assert isinstance(refused(lambda: tracker.find([KEY])), UnavailableError)


def test_a_storm_of_429_is_waited_out(vendor: AzureDevOps, tracker: AzureDevOpsTracker) -> None:
    vendor.storm = 3
    opened(tracker)
    assert len(vendor.requests) == 4
    vendor.storm = 99
    error = refused(lambda: tracker.create([draft("later")]))
    assert isinstance(error, UnavailableError)
    assert len(vendor.items) == 1


def test_nothing_listens() -> None:
    with serving(AzureDevOps()) as url:
        tracker = tracker_at(url)
    assert isinstance(refused(lambda: tracker.create([draft()])), UnavailableError)


def test_a_token_that_ends_within_a_run_ends_the_run(
    vendor: AzureDevOps, tracker: AzureDevOpsTracker
) -> None:
    ref = opened(tracker)
    vendor.is_signed_out = True
    before = len(vendor.requests)
    for work in (
        lambda: tracker.create([draft("next")]),
        lambda: tracker.update(ref, change()),
        lambda: tracker.close(ref, change()),
        lambda: tracker.find([KEY]),
        lambda: tracker.status([ref]),
        lambda: tracker.untouched([ref]),
        lambda: tracker.rehearse([draft()]),
        tracker.save_board_query,
    ):
        error = refused(work)
        assert isinstance(error, ForbiddenError), error
        assert "renew AZURE_DEVOPS_TOKEN" in str(error)
    # Each asked once: a sign-in page is no answer to wait for.
    assert len(vendor.requests) == before + 8
    checks = tracker.check()
    assert [(check.name, check.is_ok) for check in checks] == [("connection", False)]
    assert len(vendor.items) == 1


def test_the_way_to_a_sign_in_page_is_forbidden_too(
    vendor: AzureDevOps, tracker: AzureDevOpsTracker, monkeypatch: pytest.MonkeyPatch
) -> None:
    away = {"Location": "https://login.example.com/_signin?realm=dev"}
    monkeypatch.setattr(vendor, "answer", lambda _: Answer({}, 302, away))
    assert isinstance(refused(lambda: tracker.create([draft()])), ForbiddenError)


def test_an_area_that_is_forbidden_stops_only_its_owner(
    vendor: AzureDevOps, tracker: AzureDevOpsTracker
) -> None:
    vendor.read_only_areas = {f"{PROJECT}\\Edge"}
    outcome = tracker.create([draft()])[KEY]
    assert isinstance(outcome, RejectedError)
    assert "`area_path`" in str(outcome)
    opened(tracker, draft("another", owner="group:default/other"))
    # Without an area of its own it is the whole project.
    vendor.read_only_areas = {PROJECT}
    one = draft("third", owner="group:default/other")
    assert isinstance(refused(lambda: tracker.create([one])), ForbiddenError)


def test_a_right_that_is_missing_is_named(
    vendor: AzureDevOps, tracker: AzureDevOpsTracker, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = {"message": "TF401289: The current user does not have permissions to create tags."}
    monkeypatch.setattr(vendor, "answer", lambda _: Answer(said, 403))
    error = refused(lambda: tracker.create([draft()]))
    assert isinstance(error, ForbiddenError)
    assert "TF401289" in str(error)


def test_a_renamed_project_ends_the_run(vendor: AzureDevOps, tracker: AzureDevOpsTracker) -> None:
    vendor.rename_project(PROJECT, "Modern times")
    for work in (lambda: tracker.create([draft()]), lambda: tracker.find([KEY])):
        error = refused(work)
        assert isinstance(error, ForbiddenError)
        assert "set `project` to its new name or its id" in str(error)
    assert vendor.items == {}


def test_an_owner_who_left_is_reported(vendor: AzureDevOps, url: str) -> None:
    owners = {draft().owner: {"assigned_to": "left@example.com"}}
    outcome = tracker_at(url, owners=owners).create([draft()])[KEY]
    assert isinstance(outcome, RejectedError)
    assert "the field System.AssignedTo doesn't take its value" in str(outcome)


def test_a_page_instead_of_an_organization_says_what_to_correct(url: str) -> None:
    config = AzureDevOpsConfig.model_validate({"url": f"{url}/wrong", **SETTINGS})
    tracker = config.tracker(Context(environment={"AZURE_DEVOPS_TOKEN": PAT}, patience=IMPATIENT))
    assert "`url` is an organization" in str(refused(lambda: tracker.find([KEY])))


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_at_any_request_of_a_change_tells_it_once(fault: Fault) -> None:
    for number in range(2):
        vendor = AzureDevOps()
        with serving(vendor) as url:
            tracker = tracker_at(url)
            ref = opened(tracker)
            vendor.requests.clear()
            vendor.faults[number] = fault
            try:
                tracker.update(ref, change())
            except TrackerError:
                vendor.renew()
                assert tracker.update(ref, change(is_retry=True)) == frozenset()
            assert len(comments(vendor, ref)) == 1
            assert fields(vendor, ref)["Custom.Score"] == 27


@pytest.mark.parametrize("seed", range(12))
def test_changes_in_a_storm_are_told_once_and_people_keep_their_edits(seed: int) -> None:
    dice = random.Random(seed)
    vendor = AzureDevOps()
    with serving(vendor) as url:
        tracker = tracker_at(url)
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
        written = draft().figures
        for number in range(4):
            one = change(f"change-{number}", written=written)
            for _ in range(60):
                try:
                    tracker.update(ref, one)
                    break
                except (AmbiguousError, UnavailableError):
                    one = change(f"change-{number}", written=written, is_retry=True)
            written = one.figures
    told = "".join(comments(vendor, ref))
    assert [told.count(f"change-{number}<") for number in range(4)] == [1, 1, 1, 1]
    history = vendor.updates[int(ref.id)]
    budgets = [u["fields"]["Custom.Budget"] for u in history if "Custom.Budget" in u["fields"]]
    by_hand = [n for n, budget in enumerate(budgets) if budget["newValue"] == 9_999]
    assert fields(vendor, ref)["Custom.Budget"] == (9_999 if by_hand else 7_200)
    assert fields(vendor, ref)["Custom.Score"] == 27


def test_a_server_that_echoes_the_token_gives_nothing_away(
    vendor: AzureDevOps, tracker: AzureDevOpsTracker, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = {"message": f"bad Basic {BASIC}, which is {PAT}"}
    monkeypatch.setattr(vendor, "answer", lambda _: Answer(said, 400))
    outcome = tracker.create([draft()])[KEY]
    assert isinstance(outcome, RejectedError)
    assert str(outcome).endswith("bad Basic ***, which is ***")
    refused(lambda: tracker.find([KEY]))
    monkeypatch.setattr(vendor, "answer", lambda _: Answer(said, 403))
    refused(lambda: tracker.find([KEY]))
    for secret in (BASIC, PAT):
        for before in range(400 - len(secret), 400):
            cut = {"message": "x" * before + secret}
            monkeypatch.setattr(vendor, "answer", lambda _, cut=cut: Answer(cut, 400))
            assert secret[:5] not in str(refused(lambda: tracker.find([KEY])))


def test_nothing_is_written_when_the_lease_may_be_over(
    vendor: AzureDevOps,
    tracker: AzureDevOpsTracker,
    url: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ref = opened(tracker)
    clock = window_clock(monkeypatch)
    # Answers to questions count: two of them, and it is too late to write.
    vendor.before = lambda _: clock.sleep(70)
    fresh = tracker_at(url)
    for work in (
        lambda: fresh.create([draft("late")]),
        lambda: tracker.update(ref, change(is_retry=True)),
        lambda: tracker.close(ref, change(is_retry=True)),
    ):
        assert isinstance(refused(work), UnavailableError)
    assert list(vendor.items) == [int(ref.id)]
    assert comments(vendor, ref) == []


@pytest.mark.parametrize("what", ["create", "update", "close"])
def test_no_wait_outlives_the_lease_and_a_pause_that_is_too_long_leaves_nothing_done(
    vendor: AzureDevOps, url: str, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    clock = window_clock(monkeypatch)
    ref = opened(tracker_at(url))
    tracker = tracker_at(url, patience=replace(IMPATIENT, attempts=99, sleep=clock.sleep))
    tracker.rehearse([draft()])
    vendor.storm = 999
    error = refused(
        {
            "create": lambda: tracker.create([draft("late")]),
            "update": lambda: tracker.update(ref, change()),
            "close": lambda: tracker.close(ref, change()),
        }[what]
    )
    assert isinstance(error, UnavailableError)
    assert "asks to wait 3 s, which is too long" in str(error)
    assert 110 < clock.now <= SEND_WITHIN_SECONDS
    assert list(vendor.items) == [int(ref.id)]
    assert comments(vendor, ref) == []
    # Whatever only reads may wait longer.
    vendor.storm = 50
    tracker.status([ref])
    assert clock.now > 200


@pytest.mark.parametrize("fault", ["half_body", "500"])
def test_a_change_that_may_be_done_stays_ambiguous_at_the_end_of_its_time(
    vendor: AzureDevOps, url: str, monkeypatch: pytest.MonkeyPatch, fault: Fault
) -> None:
    """Held back first, then sent, and its answer is lost when there is no time to wait for more."""
    clock = window_clock(monkeypatch)
    tracker = tracker_at(url, patience=replace(IMPATIENT, attempts=99, sleep=clock.sleep))
    ref = opened(tracker)

    def before(request: Request) -> None:
        if request.method == "PATCH":
            vendor.storm = 39
            vendor.faults[len(vendor.requests) + 38] = fault
            vendor.before = lambda _: None

    vendor.before = before
    assert isinstance(refused(lambda: tracker.update(ref, change())), AmbiguousError)
    assert clock.now > 110
    vendor.renew()
    assert tracker.update(ref, change(is_retry=True)) == frozenset()
    assert len(comments(vendor, ref)) == 1


@pytest.mark.parametrize("status", [409, 412])
def test_a_parent_that_others_edit_is_a_conflict_of_its_story_only(
    vendor: AzureDevOps, tracker: AzureDevOpsTracker, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    said = {"message": "TF26071: This work item has been changed by someone else."}
    with monkeypatch.context() as patch:
        patch.setattr(vendor, "answer", lambda _: Answer(said, status))
        outcome = tracker.create([draft()])[KEY]
    assert isinstance(outcome, ConflictError)
    assert "TF26071" in str(outcome)
    opened(tracker)


def test_a_token_that_is_not_set_is_named() -> None:
    config = AzureDevOpsConfig(url="https://dev.azure.com/acme", project=PROJECT)
    with pytest.raises(ForbiddenError, match="AZURE_DEVOPS_TOKEN is not set"):
        config.tracker(Context(environment={}))


def test_a_lease_lasts_longer_than_any_call_and_no_longer_than_needed() -> None:
    config = AzureDevOpsConfig(url="https://dev.azure.com/acme", project=PROJECT)
    tracker = config.tracker(Context(environment={"AZURE_DEVOPS_TOKEN": PAT}))
    assert tracker.name == "azure_devops:dev.azure.com/acme/modernization"
    # 120 s to send in, a connection, a reply and a last silence of it, 60 s to finish.
    assert tracker.longest_call_seconds == 310
    assert not tracker.is_idempotent


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"url": "https://me:pat@dev.azure.com/acme"}, "user name or password"),
        ({"url": "dev.azure.com/acme"}, "is not a web address"),
        ({"project": "acme/Modernization"}, "is no project's name"),
        ({"token_env": PAT}, "not the name of an environment variable"),
        ({"fields": {"score": "Score"}}, "pattern"),
        ({"extra_fields": {"System.Title": "x"}}, "written by paydown itself"),
        ({"query_name": "a/b"}, "holds a slash"),
        ({"colour": "red"}, "Extra inputs"),
    ],
)
def test_settings_that_can_not_work_are_refused(settings: dict[str, Any], said: str) -> None:
    good = {"url": "https://dev.azure.com/acme", "project": PROJECT, "fields": FIELDS}
    AzureDevOpsConfig.model_validate(good)
    with pytest.raises(ValidationError, match=said):
        AzureDevOpsConfig.model_validate(good | settings)


def test_an_id_of_another_tracker_is_refused(tracker: AzureDevOpsTracker) -> None:
    odd = EpicRef(KEY, "../../4711", "")
    assert isinstance(tracker.status([odd])[KEY], RejectedError)
    assert "is no work item's number" in str(refused(lambda: tracker.update(odd, change())))
    assert status(tracker, opened(tracker)).is_open
