"""A Jira that breaks, refuses and forgets: no epic twice, no evidence twice, no secret told."""

from __future__ import annotations

import base64
from dataclasses import replace
from typing import Any

import pytest
from orchestration.trackers.jira import JiraTracker, client

from orchestration.http import Patience
from orchestration.trackers.protocol import (
    AmbiguousError,
    ConflictError,
    EpicRef,
    EpicStatus,
    ForbiddenError,
    RejectedError,
    TrackerError,
    UnavailableError,
)

from .jira_helpers import FIGURES, asked, change, draft, drafts, jira, only, opened
from .loopback import IMPATIENT, Answer, Fault
from .vendor_jira import Jira
from .vendor_jira_state import PAGE, TOKEN, USER, refusal
from .window_helpers import window_clock

FAULTS: tuple[Fault, ...] = ("reset", "429_bare", "half_body", "html", "redirect", "expired")
BEFORE_BULK = 7  # The project, its types, /field, and four pages of fields.
SECRETS = (TOKEN, base64.b64encode(f"{USER}:{TOKEN}".encode()).decode())
SHORT_META = 4  # With all fields on one page.


@pytest.fixture(params=["cloud", "data_center"])
def vendor(request: pytest.FixtureRequest) -> Jira:
    return Jira(is_cloud=request.param == "cloud")


def test_the_bulk_request_is_where_these_tests_take_it_to_be(vendor: Jira) -> None:
    with jira(vendor) as tracker:
        opened(tracker)
    assert asked(vendor).index("POST /issue/bulk") == BEFORE_BULK


@pytest.mark.parametrize("fault", ["half_body", "slow_drip"])
def test_a_time_out_after_creating_is_ambiguous_and_found_later(vendor: Jira, fault: Fault) -> None:
    vendor.faults = {BEFORE_BULK: fault}
    epics = drafts(3)
    with jira(vendor, replace(IMPATIENT, reply_seconds=0.2)) as tracker:
        with pytest.raises(AmbiguousError):
            tracker.create(epics)
        assert len(vendor.issues) == 3
        assert tracker.find([epic.key for epic in epics]) == {}
        vendor.tick(tracker.search_lag_seconds)
        found = tracker.find([epic.key for epic in epics])
    assert found.keys() == {epic.key for epic in epics}
    assert len(vendor.issues) == 3


@pytest.mark.parametrize("fault", ["reset", "500", "html"])
def test_what_may_have_been_created_is_not_sent_again(vendor: Jira, fault: Fault) -> None:
    vendor.faults = {BEFORE_BULK: fault}
    with jira(vendor) as tracker, pytest.raises(AmbiguousError):
        tracker.create([draft()])
    assert asked(vendor).count("POST /issue/bulk") == 1


@pytest.mark.parametrize("fault", ["429", "429_bare"])
def test_a_storm_of_429_is_waited_out_or_told(vendor: Jira, fault: Fault) -> None:
    waits: list[float] = []
    patience = replace(IMPATIENT, sleep=waits.append)
    vendor.faults = dict.fromkeys(range(BEFORE_BULK, BEFORE_BULK + 3), fault)
    with jira(vendor, patience) as tracker:
        opened(tracker)
        assert waits == ([2.0] * 3 if fault == "429" else [0.0] * 3)
        vendor.faults = dict.fromkeys(range(100), fault)
        with pytest.raises(UnavailableError):
            tracker.create([draft("paydown-b-c1")])
    assert len(vendor.issues) == 1


def test_nothing_is_sent_after_the_longest_call(monkeypatch: pytest.MonkeyPatch) -> None:
    """The ledger gives an epic to another run when this call can do nothing any more."""
    vendor = Jira()
    clock = window_clock(monkeypatch)
    busy = Answer({}, 429, {"Retry-After": "100"})
    vendor.refusals = dict.fromkeys(range(BEFORE_BULK, BEFORE_BULK + 9), busy)
    with jira(vendor, Patience(attempts=9, backoff=lambda _: 0.0, sleep=clock.sleep)) as tracker:
        with pytest.raises(UnavailableError, match="asks to wait 100 s"):
            tracker.create([draft()])
        assert clock.now <= client.SEND_WITHIN_SECONDS
        # Slow answers to questions count as well.
        vendor.refusals.clear()
        vendor.before = lambda _: clock.sleep(100)
        with pytest.raises(UnavailableError, match="too slowly"):
            tracker.create([draft(project_key="PAY", parent=EpicRef("x", "1", "x"))])
    assert not vendor.issues


def live(tracker: JiraTracker, vendor: Jira) -> None:
    """What the publisher does to one epic over its life, as often as it takes."""
    key = "paydown-pay-c1"
    ref = None
    for _ in range(6):
        try:
            ref = ref or tracker.find([key]).get(key)
            if ref is None:
                outcome = tracker.create([draft(key)]).get(key)
                ref = outcome if isinstance(outcome, EpicRef) else None
        except TrackerError as error:
            is_silent(error)
        vendor.tick(tracker.search_lag_seconds)
    assert ref
    for number, step in enumerate((tracker.update, tracker.close)):
        new = replace(FIGURES, score=25 + number)
        written = replace(FIGURES, score=24 + number)
        is_retry = False
        for _ in range(6):
            attempt = change(number, figures=new, written=written, is_retry=is_retry)
            try:
                # Nothing of ours may ever look like a person's.
                assert not step(ref, attempt)
                break
            except AmbiguousError as error:
                is_silent(error)
                is_retry = True
            except TrackerError as error:
                is_silent(error)
        else:
            pytest.fail("never done")


def secrets_of(vendor: Jira) -> tuple[str, ...]:
    return SECRETS if vendor.is_cloud else SECRETS[:1]


def is_silent(error: object) -> None:
    assert not [secret for secret in SECRETS if secret in str(error)]


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_at_any_request_makes_nothing_twice(vendor: Jira, fault: Fault) -> None:
    vendor.meta_cap = 100
    with jira(vendor) as tracker:
        live(tracker, vendor)
    total = len(vendor.requests)
    assert total > 12
    for number in range(total):
        one = Jira(is_cloud=vendor.is_cloud)
        one.meta_cap = 100
        one.faults = {number: fault}

        if fault == "expired":
            # Only this once: the token is good again when the next run comes.
            one.refusals, one.faults = {number: Answer({"message": "no"}, 401)}, {}
        with jira(one, replace(IMPATIENT, attempts=2)) as tracker:
            live(tracker, one)
        issue = only(one)
        assert list(map(marks, issue.comments)) == [0, 1], (number, fault)
        assert issue.fields["customfield_10202"] == 26
        assert issue.fields["status"] == "Done"


def marks(comment: Any) -> int:
    return next(number for number in (0, 1) if f"change-{number:012}" in str(comment["body"]))


@pytest.mark.parametrize("status", [400, 404, 409, 502])
def test_a_refusal_at_any_request_makes_nothing_twice(vendor: Jira, status: int) -> None:
    vendor.meta_cap = 100
    with jira(vendor) as tracker:
        live(tracker, vendor)
    for number in range(len(vendor.requests)):
        one = Jira(is_cloud=vendor.is_cloud)
        one.meta_cap = 100
        body = PAGE if number % 2 else {"errorMessages": [f"no {secrets_of(one)}"]}
        one.refusals = {number: Answer(body, status, {"Content-Type": "text/html"})}
        # What a refusal says of a project or a type holds for the rest of a run.
        for _ in range(2):
            with jira(one, replace(IMPATIENT, attempts=2)) as tracker:
                try:
                    live(tracker, one)
                    break
                except AssertionError:
                    assert number <= SHORT_META
                    assert not one.issues
        assert sorted(map(marks, only(one).comments)) == [0, 1]


@pytest.mark.parametrize(
    ("status", "kind"),
    [(409, ConflictError), (412, ConflictError), (400, RejectedError)],
)
def test_what_a_refused_comment_is_told_as(
    vendor: Jira, status: int, kind: type[TrackerError]
) -> None:
    with jira(vendor) as tracker:
        ref = opened(tracker)
        vendor.refusals = {len(vendor.requests) + 1: refusal("no", status=status)}
        with pytest.raises(kind):
            tracker.update(ref, change())
    assert only(vendor).comments == []


@pytest.mark.parametrize(
    ("step", "asked_for"),
    [
        ("update", "ADD_COMMENTS,EDIT_ISSUES"),
        ("close", "ADD_COMMENTS,EDIT_ISSUES,TRANSITION_ISSUES"),
    ],
)
def test_an_issue_that_is_forbidden_alone_is_rejected_and_no_reason_to_stop(
    vendor: Jira, step: str, asked_for: str
) -> None:
    with jira(vendor) as tracker:
        ref = opened(tracker)
        vendor.locked = {ref.id}
        vendor.rename("100", "DEBT")
        vendor.requests.clear()
        with pytest.raises(RejectedError, match=r"browse/MOD-1 .*security level.*archived"):
            getattr(tracker, step)(ref, change())
        question = vendor.requests[-1]
        assert [one.path[-14:] for one in vendor.requests].count("/mypermissions") == 1
    assert (question.one("projectKey"), question.one("permissions")) == ("DEBT", asked_for)
    assert only(vendor).comments == []


@pytest.mark.parametrize("lost", ["ADD_COMMENTS", "EDIT_ISSUES", "question", "token"])
def test_an_issue_is_not_forbidden_alone_where_its_project_grants_nothing_or_can_t_be_asked(
    vendor: Jira, lost: str
) -> None:
    with jira(vendor) as tracker:
        ref = opened(tracker)
        vendor.locked = {ref.id}
        vendor.permissions.discard(lost)
        comment = len(vendor.requests) + 1
        if lost == "question":
            vendor.refusals = {comment + 1: refusal("no", status=404)}
        if lost == "token":
            vendor.refusals = dict.fromkeys(range(comment, comment + 9), refusal(status=401))
        with pytest.raises(ForbiddenError, match="JIRA_TOKEN"):
            tracker.update(ref, change())
    assert only(vendor).comments == []


@pytest.mark.parametrize("status", [400, 403, 409, 412])
def test_whatever_fails_after_the_comment_leaves_the_outcome_unknown(
    vendor: Jira, status: int
) -> None:
    with jira(vendor) as tracker:
        ref = opened(tracker)
        vendor.refusals = {len(vendor.requests) + 2: refusal("no", status=status)}
        with pytest.raises(AmbiguousError, match="the comment is there"):
            tracker.update(ref, change())
        assert tracker.update(ref, change(is_retry=True)) == frozenset()
    assert len(only(vendor).comments) == 1
    assert only(vendor).fields["customfield_10202"] == 25


def test_a_run_that_died_between_comment_and_fields_is_finished_by_the_next(
    vendor: Jira,
) -> None:
    with jira(vendor) as tracker:
        ref = opened(tracker)
        vendor.refusals = {len(vendor.requests) + 2: refusal("no", status=409)}
        with pytest.raises(AmbiguousError):
            tracker.update(ref, change())
    # The next run has other figures, and what was written last is still what was written last.
    with jira(vendor) as later:
        new = replace(FIGURES, score=31)
        assert later.update(ref, change(2, figures=new)) == frozenset()
    assert only(vendor).fields["customfield_10202"] == 31


def test_the_right_to_create_is_lost_in_a_run(vendor: Jira) -> None:
    with jira(vendor) as tracker:
        opened(tracker)
        vendor.permissions.remove("CREATE_ISSUES")
        epics = drafts(2)
        outcomes = tracker.create(epics)
        assert [type(one) for one in outcomes.values()] == [ForbiddenError] * 2
        assert "may not create issues" in str(outcomes[epics[0].key])
    with jira(vendor) as later:
        outcome = later.create(epics)[epics[0].key]
        assert isinstance(outcome, RejectedError)
        assert "may its user create issues there?" in str(outcome)
    assert len(vendor.issues) == 1


def test_the_right_to_comment_is_lost_in_a_run(vendor: Jira) -> None:
    with jira(vendor) as tracker:
        ref = opened(tracker)
        vendor.permissions -= {"ADD_COMMENTS"}
        with pytest.raises(ForbiddenError, match="JIRA_TOKEN"):
            tracker.update(ref, change())
        assert only(vendor).fields["customfield_10202"] == 24
        vendor.permissions |= {"ADD_COMMENTS"}
        vendor.permissions -= {"EDIT_ISSUES", "TRANSITION_ISSUES"}
        tracker.update(ref, change())
        assert len(tracker.notes) == 3
        with pytest.raises(RejectedError, match="can't be closed"):
            tracker.close(ref, change(2))
    assert len(only(vendor).comments) == 1


@pytest.mark.parametrize("lost", [slice(1), slice(0)])
def test_an_answer_that_doesn_t_say_what_became_of_each_is_ambiguous(
    vendor: Jira, lost: slice
) -> None:
    """Some issues created, one refused, and fewer told of than there must be."""
    epics = drafts(3)
    told = [{"id": "10000", "key": "MOD-1"}, {"id": "10001", "key": "MOD-2"}][lost]
    why = {"status": 400, "elementErrors": {"errors": {"summary": "no"}}, "failedElementNumber": 1}
    vendor.refusals = {BEFORE_BULK: Answer({"issues": told, "errors": [why]}, 201)}
    with jira(vendor) as tracker:
        outcomes = tracker.create(epics)
    assert outcomes.keys() == {epics[1].key}
    assert isinstance(outcomes[epics[1].key], RejectedError)


def test_a_request_that_is_refused_as_a_whole_is_told_of_each(vendor: Jira) -> None:
    vendor.refusals = {BEFORE_BULK: refusal("Invalid payload")}
    epics = drafts(2)
    with jira(vendor) as tracker:
        outcomes = tracker.create(epics)
    assert outcomes.keys() == {epic.key for epic in epics}
    for outcome in outcomes.values():
        assert isinstance(outcome, RejectedError)
        assert "Invalid payload" in str(outcome)


def test_an_empty_success_is_ambiguous(vendor: Jira) -> None:
    vendor.refusals = {BEFORE_BULK: Answer(b"", 201)}
    with jira(vendor) as tracker, pytest.raises(AmbiguousError):
        tracker.create([draft()])


def test_a_failing_second_request_keeps_what_the_first_one_created(vendor: Jira) -> None:
    owners = {"team-payments": {"assignee": "gone"}}
    epics = [draft("paydown-a-c1"), draft("paydown-b-c1", owner="team-search")]
    vendor.faults = {BEFORE_BULK + 1: "half_body"}
    with jira(vendor, owners=owners) as tracker:
        outcomes = tracker.create(epics)
        assert isinstance(outcomes["paydown-b-c1"], EpicRef)
        assert isinstance(outcomes["paydown-a-c1"], AmbiguousError)
        vendor.tick(60)
        assert len(tracker.find(["paydown-a-c1", "paydown-b-c1"])) == 2


def test_a_search_that_goes_round_in_circles_ends() -> None:
    vendor = Jira()
    page = Answer({"issues": [], "nextPageToken": "token-7"})
    vendor.refusals = dict.fromkeys(range(50), page)
    with jira(vendor) as tracker, pytest.raises(UnavailableError, match="circles"):
        tracker.find(["paydown-a-c1"])


def test_no_error_tells_a_secret(vendor: Jira) -> None:
    words = " ".join(secrets_of(vendor))
    with jira(vendor) as tracker:
        ref = opened(tracker)
        for status in (400, 401, 403, 404, 409, 429, 500):
            answer = Answer({"errorMessages": [words], "errors": {"summary": words}}, status)
            vendor.refusals = dict.fromkeys(range(1000), answer)
            for attempt in (
                lambda: tracker.create([draft("paydown-b-c1")]),
                lambda: tracker.update(ref, change()),
                lambda: tracker.close(ref, change()),
                lambda: tracker.find([ref.key]),
                lambda: tracker.status([ref]),
                lambda: tracker.untouched([ref]),
                lambda: tracker.save_board_query("x"),
            ):
                try:
                    told = str(attempt())
                except TrackerError as error:
                    told = str(error)
                is_silent(told)
            for one in tracker.check():
                is_silent(one.message)
        assert not [secret for secret in SECRETS if secret in repr(vars(tracker))]


def test_status_survives_what_can_t_be_read_now() -> None:
    vendor = Jira()
    with jira(vendor) as tracker:
        first, second = opened(tracker), opened(tracker, draft("paydown-b-c1"))
        body = {
            "issues": [],
            "issueErrors": [{"id": first.id, "errorMessage": "timed out"}],
        }
        vendor.refusals = {len(vendor.requests): Answer(body)}
        states = tracker.status([first, second])
    assert isinstance(states[first.key], UnavailableError)
    assert isinstance(states[second.key], EpicStatus)


@pytest.mark.parametrize("said", [{}, [], None])
def test_nothing_is_concluded_from_an_answer_that_is_not_jiras(vendor: Jira, said: Any) -> None:
    with jira(vendor) as tracker:
        ref = opened(tracker)
    vendor.tick(3600)
    for ask in (
        lambda tracker: tracker.find([ref.key])[ref.key].id,
        lambda tracker: tracker.status([ref])[ref.key],
        lambda tracker: tracker.untouched([ref])[ref.key],
    ):
        with jira(vendor) as tracker:
            vendor.requests.clear()
            right, total = ask(tracker), len(vendor.requests)
        for number in range(total):
            vendor.requests.clear()
            vendor.refusals = {number: Answer(said)}
            with jira(vendor) as tracker:
                try:
                    told = ask(tracker)
                except TrackerError as error:
                    told = error
            assert isinstance(told, UnavailableError) or told == right, (number, told)
        vendor.refusals.clear()


@pytest.mark.parametrize("said", [{}, [], None])
def test_an_answer_that_is_not_jiras_makes_nothing_twice(vendor: Jira, said: Any) -> None:
    vendor.meta_cap = 100
    with jira(vendor) as tracker:
        live(tracker, vendor)
    for number, request in enumerate(vendor.requests):
        if request.method != "GET":
            continue
        one = Jira(is_cloud=vendor.is_cloud)
        one.meta_cap = 100
        one.refusals = {number: Answer(said)}
        with jira(one, replace(IMPATIENT, attempts=2)) as tracker:
            live(tracker, one)
        assert sorted(map(marks, only(one).comments)) == [0, 1], (number, said)
