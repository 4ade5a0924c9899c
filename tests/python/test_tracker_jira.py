"""Epics in a loopback Jira, Cloud and Data Center: its fields, screens, ways and refusals."""

from __future__ import annotations

from typing import Any

import pytest

from orchestration.http import (
    AccessError,
    ConflictError,
    RefusedError,
    SourceError,
    UnknownOutcomeError,
)
from orchestration.trackers.protocol import EpicStatus

from .tracker_helpers import (
    JIRA_FIELDS,
    KEY,
    OWNER,
    asked,
    change,
    draft,
    opened,
    serving_tracker,
    status,
)
from .vendor_jira import Jira, refusal


@pytest.fixture(params=["cloud", "data_center"])
def vendor(request: pytest.FixtureRequest) -> Jira:
    return Jira(is_cloud=request.param == "cloud")


def only(vendor: Jira) -> Any:
    """The one issue that there is."""
    (issue,) = vendor.issues.values()
    return issue


def test_what_an_epic_fills(vendor: Jira) -> None:
    person = "5b10:ana" if vendor.is_cloud else "ana"
    vendor.required = {"customfield_10206"}
    with serving_tracker(
        vendor,
        owners={OWNER: {"assignee": person, "component": "Payments"}},
        priorities={"promote_to_epic": "High"},
        fields={**JIRA_FIELDS, "risk_id": "customfield_10205", "team": "Context"},
        field_values={"Cost center": "r&d"},
        labels=["modernization"],
    ) as tracker:
        assert tracker.name.startswith("jira:127.0.0.1:")
        assert tracker.name.endswith("/MOD")
        ref = opened(tracker)
        assert tracker.notes == []
    issue = only(vendor)
    assert (ref.id, ref.url.rsplit("/", 2)[1:]) == (issue.id, ["browse", "MOD-1"])
    expected = {
        "summary": "Modernize gateway to silver",
        "labels": ["incident-modernization", KEY, "modernization"],
        "duedate": "2026-09-30",
        "priority": {"name": "High"},
        "components": [{"name": "Payments"}],
        "assignee": {"accountId" if vendor.is_cloud else "name": person},
        "customfield_10201": 14.4,
        "customfield_10202": 24,
        "customfield_10203": "4000",
        "customfield_10204": {"value": "Silver"},
        "customfield_10205": ["RISK-7"],
        "customfield_10206": {"value": "R&D"},
    }
    assert {name: issue.fields[name] for name in expected} == expected
    if vendor.is_cloud:
        assert issue.fields["description"]["content"][2]["type"] == "taskList"
        assert issue.fields["customfield_10207"]["type"] == "doc"
    else:
        assert "* ☐ retries back off" in issue.fields["description"]
        assert issue.fields["customfield_10207"] == OWNER.replace(":", "&#58;")
        assert issue.fields["customfield_10901"] == "Modernize gateway to silver"
    assert issue.properties["paydown"]["key"] == KEY


def test_stories_go_below_their_epic(vendor: Jira) -> None:
    with serving_tracker(vendor) as tracker:
        epic = opened(tracker)
        first = opened(tracker, draft(f"{KEY}-refactor", parent=epic))
        asked(vendor)
    with serving_tracker(vendor) as later:
        # The project got another key since: what the reference's address says is old.
        vendor.rename("100", "DEBT")
        second = opened(later, draft(f"{KEY}-config", parent=epic))
    assert asked(vendor).count(f"GET /issue/{epic.id}") == (0 if vendor.is_cloud else 1)
    name = "parent" if vendor.is_cloud else "customfield_10902"
    stories = [vendor.issues[one.id].fields for one in (first, second)]
    parents = [{"id": epic.id}] * 2 if vendor.is_cloud else ["MOD-1", "DEBT-1"]
    assert [story[name] for story in stories] == parents
    assert stories[0]["issuetype"] == {"id": "10002"}
    assert "customfield_10901" not in stories[0]


def test_a_service_may_ask_for_an_allowed_project(vendor: Jira) -> None:
    with serving_tracker(vendor, other_projects=["PAY"]) as tracker:
        for key in ("MOD", "PAY", "ELSE"):
            tracker.create(draft(key, project_key=key))
        assert tracker.notes == [
            "the service asks for project ELSE: add it to `other_projects` to allow that"
        ]
    assert [issue.key for issue in vendor.issues.values()] == ["MOD-1", "PAY-1", "MOD-2"]


def test_a_failing_second_request_leaves_the_outcome_unknown(vendor: Jira) -> None:
    with serving_tracker(vendor, owners={OWNER: {"assignee": "gone"}}) as tracker:
        tracker.preview(draft())
        vendor.faults = {len(vendor.requests) + 1: "half_body"}
        with pytest.raises(UnknownOutcomeError):
            tracker.create(draft())
        vendor.tick(60)
        assert tracker.find([KEY])


def test_a_configured_value_that_jira_refuses_is_not_dropped(vendor: Jira) -> None:
    said = "customfield_10206: is not valid.; set the field in `field_values`"
    with (
        serving_tracker(vendor, field_values={"Cost center": {"value": "Sales"}}) as tracker,
        pytest.raises(RefusedError, match=said),
    ):
        tracker.create(draft())
    assert not vendor.issues


def test_what_is_not_on_the_screen_is_reported_once(vendor: Jira) -> None:
    shown = {"summary", "labels", "customfield_10202"}
    vendor.create_screen = shown | {"customfield_10901", "customfield_10902"}
    with serving_tracker(vendor, fields={**JIRA_FIELDS, "team": "Squad"}) as tracker:
        opened(tracker)
        ref = opened(tracker, draft("paydown-b-c1"))
        off = "is not on the screen, or does not exist"
        named = {"SLO Burn": "slo_burn", "Budget": "budget_usd", "Squad": "team"}
        named["Maturity"] = "target_maturity"
        assert tracker.notes == [
            "Description is not on the screen of Epic",
            f"field 'duedate' {off}",
            *(f"field {name!r} for {what} {off}" for name, what in named.items()),
        ]
    assert shown <= vendor.issues[ref.id].fields.keys()
    assert not {"description", "duedate", "customfield_10201"} & vendor.issues[ref.id].fields.keys()


def test_a_screen_without_labels_is_refused_since_nothing_would_be_found_again(
    vendor: Jira,
) -> None:
    vendor.create_screen = {"summary", "description"}
    with serving_tracker(vendor) as tracker, pytest.raises(RefusedError, match="lacks Labels"):
        tracker.create(draft())
    assert not vendor.issues


def test_of_two_fields_with_one_name_the_one_on_the_screen_is_filled(vendor: Jira) -> None:
    # Listed first, but in use elsewhere.
    vendor.fields = {"customfield_1": vendor.fields["customfield_10201"], **vendor.fields}
    vendor.create_screen = vendor.edit_screen = {*vendor.fields} - {"customfield_1"}
    with serving_tracker(vendor) as tracker:
        tracker.update(opened(tracker), change(slo_burn=15.5))
    assert only(vendor).fields["customfield_10201"] == 15.5
    assert "customfield_1" not in only(vendor).fields


def test_a_figure_off_the_edit_screen_is_reported_once(vendor: Jira) -> None:
    vendor.edit_screen = {"summary", "customfield_10202"}
    with serving_tracker(vendor) as tracker:
        ref = opened(tracker)
        tracker.update(ref, change())
        tracker.update(ref, change(3))
        (note,) = tracker.notes
        assert note.startswith("field for slo_burn can't be edited: put it")
    assert only(vendor).fields["customfield_10202"] == 27


@pytest.mark.parametrize(("wanted", "reached"), [("", "Done"), ("rejected", "Rejected")])
def test_closing_takes_the_way_to_done(vendor: Jira, wanted: str, reached: str) -> None:
    with serving_tracker(vendor, done_transition=wanted) as tracker:
        tracker.close(opened(tracker), change())
    assert only(vendor).fields["status"] == reached
    (moved,) = [one for one in vendor.requests if one.path.endswith("transitions") and one.body]
    resolution = {"resolution": {"name": "Done"}} if reached == "Done" else None
    assert moved.body.get("fields") == resolution


def test_a_way_to_done_that_requires_more_is_not_ours(vendor: Jira) -> None:
    vendor.workflow = {"To Do": ("Done",)}
    entry = {"required": True, "name": "Root cause", "schema": {"type": "string"}}
    vendor.transition_fields["customfield_7"] = entry
    with serving_tracker(vendor) as tracker:
        ref = opened(tracker)
        with pytest.raises(RefusedError, match=r"requires 'Root cause' \(customfield_7\); close"):
            tracker.close(ref, change())
    assert only(vendor).comments == []


def test_when_an_epic_was_closed(vendor: Jira) -> None:
    with serving_tracker(vendor) as tracker:
        ref = opened(tracker)
        # A resolution that outlived reopening.
        vendor.edit(only(vendor), resolutiondate="2026-06-01T10:00:00.000+0200")
        vendor.move_to(only(vendor), "Rejected")
        vendor.tick(60)
        closed_at = status(tracker, ref).closed_at
    assert closed_at
    if vendor.is_cloud:
        assert (vendor.clock - closed_at).total_seconds() == pytest.approx(60, abs=0.01)
    else:
        assert closed_at.isoformat() == "2026-06-01T08:00:00+00:00"


def test_an_archived_project_is_reported_and_nothing_is_taken_as_closed(vendor: Jira) -> None:
    with serving_tracker(vendor) as tracker:
        ref = opened(tracker)
        vendor.tick(60)
        vendor.projects["100"].is_archived = True
    with serving_tracker(vendor) as later:
        state = later.status([ref])[ref.key]
        if vendor.is_cloud:
            assert isinstance(state, RefusedError)
            assert "project MOD is archived" in str(state)
        else:
            # Its issues can still be read by their ids there.
            assert isinstance(state, EpicStatus)
            assert state.is_open
        for work in (lambda: later.create(draft("b")), lambda: later.update(ref, change())):
            with pytest.raises(RefusedError):
                work()


def test_without_the_right_to_browse_nothing_is_taken_as_deleted(vendor: Jira) -> None:
    with serving_tracker(vendor) as tracker:
        ref = opened(tracker)
        vendor.tick(60)
        vendor.permissions.clear()
        state = tracker.status([ref])[ref.key]
    assert isinstance(state, AccessError)
    assert "can't browse MOD" in str(state)


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
        with pytest.raises(RefusedError, match=r"browse/MOD-1 .*security level.*archived"):
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
        with pytest.raises(AccessError, match="JIRA_TOKEN"):
            tracker.update(ref, change())
    assert only(vendor).comments == []


@pytest.mark.parametrize("code", [400, 403, 409, 412])
def test_whatever_fails_after_the_comment_leaves_the_outcome_unknown(
    vendor: Jira, code: int
) -> None:
    with serving_tracker(vendor) as tracker:
        ref = opened(tracker)
        vendor.refusals = {len(vendor.requests) + 2: refusal("no", status=code)}
        with pytest.raises(UnknownOutcomeError, match="the comment was added"):
            tracker.update(ref, change())
        tracker.update(ref, change(is_retry=True))
    assert len(only(vendor).comments) == 1
    assert only(vendor).fields["customfield_10202"] == 25


@pytest.mark.parametrize(
    ("code", "kind"), [(409, ConflictError), (412, ConflictError), (400, RefusedError)]
)
def test_how_a_refused_comment_is_reported(
    vendor: Jira, code: int, kind: type[SourceError]
) -> None:
    with serving_tracker(vendor) as tracker:
        ref = opened(tracker)
        vendor.refusals = {len(vendor.requests) + 1: refusal("no", status=code)}
        with pytest.raises(kind):
            tracker.update(ref, change())
    assert only(vendor).comments == []


def test_rights_that_are_lost_in_a_run(vendor: Jira) -> None:
    with serving_tracker(vendor) as tracker:
        ref = opened(tracker)
        vendor.permissions -= {"CREATE_ISSUES", "EDIT_ISSUES", "TRANSITION_ISSUES"}
        with pytest.raises(AccessError, match="may not create issues"):
            tracker.create(draft("b"))
        tracker.update(ref, change())
        assert len(tracker.notes) == 2
        with pytest.raises(RefusedError, match="can't be closed"):
            tracker.close(ref, change(2))
    with (
        serving_tracker(vendor) as later,
        pytest.raises(RefusedError, match=r"may its user create issues there\?"),
    ):
        later.create(draft("b"))
    assert len(only(vendor).comments) == 1
