"""A Jira that refuses a part of what it is asked: of one epic, of all, or after the comment."""

from __future__ import annotations

from typing import Any

import pytest

from orchestration.trackers.protocol import (
    AmbiguousError,
    ConflictError,
    EpicRef,
    ForbiddenError,
    RejectedError,
    TrackerError,
)

from .loopback import Answer
from .tracker_helpers import OWNER, change, draft, drafts, opened, serving_tracker
from .vendor_jira import Jira, refusal

BEFORE_BULK = 7  # The project, its types, /field, and four pages of fields.


@pytest.fixture(params=["cloud", "data_center"])
def vendor(request: pytest.FixtureRequest) -> Jira:
    return Jira(is_cloud=request.param == "cloud")


def only(vendor: Jira) -> Any:
    """The one issue that there is."""
    (issue,) = vendor.issues.values()
    return issue


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
    with serving_tracker(vendor) as tracker:
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
    with serving_tracker(vendor) as tracker:
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
    with serving_tracker(vendor) as tracker:
        ref = opened(tracker)
        vendor.refusals = {len(vendor.requests) + 2: refusal("no", status=status)}
        with pytest.raises(AmbiguousError, match="the comment is there"):
            tracker.update(ref, change())
        assert tracker.update(ref, change(is_retry=True)) is None
    assert len(only(vendor).comments) == 1
    assert only(vendor).fields["customfield_10202"] == 25


def test_the_right_to_create_is_lost_in_a_run(vendor: Jira) -> None:
    with serving_tracker(vendor) as tracker:
        opened(tracker)
        vendor.permissions.remove("CREATE_ISSUES")
        epics = drafts(2)
        outcomes = tracker.create(epics)
        assert [type(one) for one in outcomes.values()] == [ForbiddenError] * 2
        assert "may not create issues" in str(outcomes[epics[0].key])
    with serving_tracker(vendor) as later:
        outcome = later.create(epics)[epics[0].key]
        assert isinstance(outcome, RejectedError)
        assert "may its user create issues there?" in str(outcome)
    assert len(vendor.issues) == 1


def test_the_right_to_comment_is_lost_in_a_run(vendor: Jira) -> None:
    with serving_tracker(vendor) as tracker:
        ref = opened(tracker)
        vendor.permissions -= {"ADD_COMMENTS"}
        with pytest.raises(ForbiddenError, match="JIRA_TOKEN"):
            tracker.update(ref, change())
        assert only(vendor).fields["customfield_10202"] == 24
        vendor.permissions |= {"ADD_COMMENTS"}
        vendor.permissions -= {"EDIT_ISSUES", "TRANSITION_ISSUES"}
        tracker.update(ref, change())
        assert len(tracker.notes) == 2
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
    with serving_tracker(vendor) as tracker:
        outcomes = tracker.create(epics)
    assert outcomes.keys() == {epics[1].key}
    assert isinstance(outcomes[epics[1].key], RejectedError)


def test_a_request_that_is_refused_as_a_whole_is_told_of_each(vendor: Jira) -> None:
    vendor.refusals = {BEFORE_BULK: refusal("Invalid payload")}
    epics = drafts(2)
    with serving_tracker(vendor) as tracker:
        outcomes = tracker.create(epics)
    assert outcomes.keys() == {epic.key for epic in epics}
    for outcome in outcomes.values():
        assert isinstance(outcome, RejectedError)
        assert "Invalid payload" in str(outcome)


def test_a_failing_second_request_keeps_what_the_first_one_created(vendor: Jira) -> None:
    owners = {OWNER: {"assignee": "gone"}}
    epics = [draft("paydown-a-c1"), draft("paydown-b-c1", owner="team-search")]
    vendor.faults = {BEFORE_BULK + 1: "half_body"}
    with serving_tracker(vendor, owners=owners) as tracker:
        outcomes = tracker.create(epics)
        assert isinstance(outcomes["paydown-b-c1"], EpicRef)
        assert isinstance(outcomes["paydown-a-c1"], AmbiguousError)
        vendor.tick(60)
        assert len(tracker.find(["paydown-a-c1", "paydown-b-c1"])) == 2


@pytest.mark.parametrize(
    ("status", "kind"),
    [(409, ConflictError), (412, ConflictError), (400, RejectedError)],
)
def test_what_a_refused_comment_is_told_as(
    vendor: Jira, status: int, kind: type[TrackerError]
) -> None:
    with serving_tracker(vendor) as tracker:
        ref = opened(tracker)
        vendor.refusals = {len(vendor.requests) + 1: refusal("no", status=status)}
        with pytest.raises(kind):
            tracker.update(ref, change())
    assert only(vendor).comments == []
