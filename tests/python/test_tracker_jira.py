"""Epics in a loopback Jira, Cloud and Data Center: its fields, screens, ways and permissions."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from orchestration.trackers.protocol import EpicRef, EpicStatus, ForbiddenError, RejectedError

from .tracker_helpers import (
    JIRA_FIELDS,
    KEY,
    OWNER,
    asked,
    change,
    draft,
    drafts,
    opened,
    serving_tracker,
    status,
)
from .vendor_jira import Jira


@pytest.fixture(params=["cloud", "data_center"])
def vendor(request: pytest.FixtureRequest) -> Jira:
    return Jira(is_cloud=request.param == "cloud")


def only(vendor: Jira) -> Any:
    """The one issue that there is."""
    (issue,) = vendor.issues.values()
    return issue


def refs_of(outcomes: Any) -> list[EpicRef]:
    assert all(isinstance(one, EpicRef) for one in outcomes.values()), outcomes
    return list(outcomes.values())


def test_what_an_epic_fills(vendor: Jira) -> None:
    owners = {OWNER: {"assignee": "5b10:ana" if vendor.is_cloud else "ana"}}
    owners[OWNER]["component"] = "Payments"
    given: dict[str, Any] = {
        "owners": owners,
        "priorities": {"promote_to_epic": "High"},
        "fields": {**JIRA_FIELDS, "risk_id": "customfield_10205", "team": "Context"},
        "field_values": {"Cost center": "r&d"},
        "labels": ["modernization"],
    }
    vendor.required = {"customfield_10206"}
    with serving_tracker(vendor, **given) as tracker:
        named = tracker
        assert named.name.startswith("jira:127.0.0.1:")
        assert named.name.endswith("/MOD")
        assert (named.batch_size, named.search_lag_seconds) == (50, 60.0)
        ref = opened(tracker)
        assert tracker.notes == []
    issue = only(vendor)
    assert (ref.id, ref.is_adopted) == (issue.id, False)
    assert ref.url.endswith("/browse/MOD-1")
    fields = issue.fields
    assert fields["summary"] == "Modernize gateway to silver"
    assert fields["labels"] == ["incident-modernization", KEY, "modernization"]
    assert fields["duedate"] == "2026-09-30"
    assert fields["priority"] == {"name": "High"}
    assert fields["components"] == [{"name": "Payments"}]
    assert fields["assignee"] == ({"accountId": "5b10:ana"} if vendor.is_cloud else {"name": "ana"})
    assert fields["customfield_10201"] == 14.4
    assert fields["customfield_10202"] == 24
    assert fields["customfield_10203"] == "4000"
    assert fields["customfield_10204"] == {"value": "Silver"}
    assert fields["customfield_10205"] == ["RISK-7"]
    assert fields["customfield_10206"] == {"value": "R&D"}
    if vendor.is_cloud:
        assert fields["description"]["content"][2]["type"] == "taskList"
        assert fields["customfield_10207"]["type"] == "doc"
    else:
        assert "* ☐ retries back off" in fields["description"]
        assert fields["customfield_10207"] == OWNER.replace(":", "&#58;")
        assert fields["customfield_10901"] == "Modernize gateway to silver"
    assert issue.properties["paydown"]["key"] == KEY


def test_stories_go_below_their_epic(vendor: Jira) -> None:
    with serving_tracker(vendor) as tracker:
        epic = opened(tracker)
        story = opened(tracker, draft("paydown-gateway-1a2b3c4d-c1-refactor", parent=epic))
        asked(vendor)
    with serving_tracker(vendor) as later:
        # The project got another key since: what the reference's address says is old.
        vendor.rename("100", "DEBT")
        other = opened(later, draft("paydown-gateway-1a2b3c4d-c1-config", parent=epic))
    assert asked(vendor).count(f"GET /issue/{epic.id}") == (0 if vendor.is_cloud else 1)
    first, second = vendor.issues[story.id].fields, vendor.issues[other.id].fields
    assert first["issuetype"] == {"id": "10002"}
    if vendor.is_cloud:
        assert first["parent"] == second["parent"] == {"id": epic.id}
    else:
        assert first["customfield_10902"] == "MOD-1"
        assert second["customfield_10902"] == "DEBT-1"
        assert "customfield_10901" not in first


def test_a_service_may_ask_for_an_allowed_project(vendor: Jira) -> None:
    with serving_tracker(vendor, other_projects=["PAY"]) as tracker:
        keys = ("MOD", "PAY", "ELSE")
        epics = [draft(f"paydown-{key.lower()}-c1", project_key=key) for key in keys]
        refs_of(tracker.create(epics))
        assert tracker.notes == [
            "the service asks for project ELSE: add it to `other_projects` to allow that"
        ]
    assert [issue.key for issue in vendor.issues.values()] == ["MOD-1", "PAY-1", "MOD-2"]


def test_one_bad_draft_leaves_the_others_alone(vendor: Jira) -> None:
    epics = drafts(4)
    with serving_tracker(vendor) as tracker:
        opened(tracker)
        asked(vendor)
        # Required since the fields were read; what fills it for two of them is not our business.
        vendor.wrong_to_create, kept = (  # type: ignore[method-assign]
            lambda fields: (
                {"customfield_10206": "Cost center is required."}
                if fields["labels"][1][9:12] in ("001", "003")
                else kept(fields)
            ),
            vendor.wrong_to_create,
        )
        outcomes = tracker.create(epics)
    assert [type(outcomes[epic.key]) for epic in epics] == [
        EpicRef, RejectedError, EpicRef, RejectedError,
    ]  # fmt: skip
    assert "Cost center is required" in str(outcomes[epics[1].key])
    assert "field_values" in str(outcomes[epics[1].key])
    for epic in (epics[0], epics[2]):
        ref = outcomes[epic.key]
        assert isinstance(ref, EpicRef)
        assert epic.key in vendor.issues[ref.id].fields["labels"]
    assert asked(vendor) == ["POST /issue/bulk"]


def test_a_configured_value_that_jira_refuses_is_not_dropped(vendor: Jira) -> None:
    with serving_tracker(vendor, field_values={"Cost center": {"value": "Sales"}}) as tracker:
        outcome = tracker.create([draft()])[KEY]
    assert isinstance(outcome, RejectedError)
    assert "customfield_10206: Option" in str(outcome)
    assert not vendor.issues


def test_what_is_not_on_the_screen_is_said_once(vendor: Jira) -> None:
    vendor.create_screen = {
        "summary", "labels", "customfield_10202", "customfield_10901", "customfield_10902",
    }  # fmt: skip
    with serving_tracker(vendor, fields={**JIRA_FIELDS, "team": "Squad"}) as tracker:
        opened(tracker)
        opened(tracker, draft("paydown-b-c1"))
        assert tracker.notes == [
            "Description is not on the screen of Epic",
            "field 'duedate' is not on the screen",
            "field 'SLO Burn' for slo_burn is not on the screen",
            "field 'Budget' for budget_usd is not on the screen",
            "field 'Squad' for team is not on the screen",
            "field 'Maturity' for target_maturity is not on the screen",
        ]
    assert only_fields(vendor) == {"summary", "labels", "customfield_10202"}


def only_fields(vendor: Jira) -> set[str]:
    ours = {"status", "created", "updated", "project", "issuetype", "customfield_10901"}
    return {name for issue in vendor.issues.values() for name in issue.fields} - ours


def test_a_screen_without_labels_is_refused_since_nothing_would_be_found_again(
    vendor: Jira,
) -> None:
    vendor.create_screen = {"summary", "description"}
    with serving_tracker(vendor) as tracker:
        outcome = tracker.create([draft()])[KEY]
    assert isinstance(outcome, RejectedError)
    assert "lacks Labels" in str(outcome)
    assert not vendor.issues


def test_of_two_fields_with_one_name_the_one_on_the_screen_is_filled(vendor: Jira) -> None:
    # Listed first, but in use elsewhere.
    vendor.fields = {"customfield_1": vendor.fields["customfield_10201"], **vendor.fields}
    vendor.create_screen = {*vendor.fields} - {"customfield_1"}
    vendor.edit_screen = vendor.create_screen
    with serving_tracker(vendor) as tracker:
        ref = opened(tracker)
        tracker.update(ref, change(slo_burn=15.5))
    assert only(vendor).fields["customfield_10201"] == 15.5
    assert "customfield_1" not in only(vendor).fields


def test_an_epic_recorded_by_its_key_is_followed_too(vendor: Jira) -> None:
    with serving_tracker(vendor) as tracker:
        ref = replace(opened(tracker), id="MOD-1")
        story = opened(tracker, draft("paydown-gateway-1a2b3c4d-c1-config", parent=ref))
        vendor.tick(60)
        vendor.rename("100", "DEBT")
        assert status(tracker, ref).is_open
        tracker.update(ref, change())
    assert len(vendor.by_label(ref.key)[0].comments) == 1
    fields = vendor.issues[story.id].fields
    assert fields["parent" if vendor.is_cloud else "customfield_10902"] == (
        {"key": "MOD-1"} if vendor.is_cloud else "MOD-1"
    )


def test_a_figure_off_the_edit_screen_is_said_once(vendor: Jira) -> None:
    vendor.edit_screen = {"summary", "customfield_10202"}
    with serving_tracker(vendor) as tracker:
        ref = opened(tracker)
        tracker.update(ref, change())
        tracker.update(ref, change(3))
        assert tracker.notes == ["field for slo_burn can't be edited: put it on the edit screen"]
    assert only(vendor).fields["customfield_10202"] == 27


def test_closing_takes_the_way_to_done(vendor: Jira) -> None:
    with serving_tracker(vendor) as tracker:
        ref = opened(tracker)
        tracker.close(ref, change())
        issue = only(vendor)
        assert issue.fields["status"] == "Done"
        (comment,) = issue.comments
        assert "change-000000000001" in str(comment["body"])
        (moved,) = [one for one in vendor.requests if one.path.endswith("transitions") and one.body]
        assert moved.body["fields"] == {"resolution": {"name": "Done"}}
        # Closed already is fine, and a retry says it only once.
        tracker.close(ref, change(is_retry=True))
        assert len(issue.comments) == 1


def test_closing_by_another_name(vendor: Jira) -> None:
    with serving_tracker(vendor, done_transition="rejected") as tracker:
        ref = opened(tracker)
        tracker.close(ref, change())
    assert only(vendor).fields["status"] == "Rejected"


def test_when_an_epic_was_closed(vendor: Jira) -> None:
    with serving_tracker(vendor) as tracker:
        ref = opened(tracker)
        issue = only(vendor)
        # A resolution that outlived reopening.
        vendor.edit(issue, resolutiondate="2026-06-01T10:00:00.000+0200")
        vendor.move_to(issue, "Rejected")
        vendor.tick(60)
        state = tracker.status([ref])[ref.key]
    assert isinstance(state, EpicStatus)
    assert state.closed_at is not None
    if vendor.is_cloud:
        assert (vendor.clock - state.closed_at).total_seconds() == pytest.approx(60, abs=0.01)
    else:
        assert state.closed_at.isoformat() == "2026-06-01T08:00:00+00:00"


def test_an_archived_project_is_told_and_nothing_is_taken_for_closed(vendor: Jira) -> None:
    with serving_tracker(vendor) as tracker:
        ref = opened(tracker)
        vendor.tick(60)
        vendor.projects["100"].is_archived = True
    with serving_tracker(vendor) as later:
        state = later.status([ref])[ref.key]
        if vendor.is_cloud:
            assert isinstance(state, RejectedError)
            assert "project MOD is archived" in str(state)
        else:
            # Its issues can still be read by their ids there.
            assert status(later, ref).is_open
        outcome = later.create([draft("paydown-b-c1")])["paydown-b-c1"]
        assert isinstance(outcome, RejectedError)
        with pytest.raises(RejectedError):
            later.update(ref, change())


def test_without_the_right_to_browse_nothing_is_taken_for_deleted(vendor: Jira) -> None:
    with serving_tracker(vendor) as tracker:
        ref = opened(tracker)
        vendor.tick(60)
        vendor.permissions.clear()
        # The search of the real one shows nothing either.
        vendor.index.clear()
        state = tracker.status([ref])[ref.key]
    assert isinstance(state, ForbiddenError)
    assert "can't browse MOD" in str(state)
