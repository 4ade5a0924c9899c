"""Epics and stories that are opened in a loopback Jira, Cloud and Data Center."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from orchestration.trackers.jira import JiraTracker
from orchestration.trackers.jira.client import LONGEST_CALL_SECONDS

from orchestration.trackers.protocol import (
    EpicRef,
    ForbiddenError,
    RejectedError,
    Tracker,
    UnavailableError,
)

from .jira_helpers import (
    FIELDS,
    FIGURES,
    asked,
    change,
    draft,
    drafts,
    jira,
    only,
    opened,
    refs_of,
    settings,
)
from .vendor_jira import Jira


@pytest.fixture(params=["cloud", "data_center"])
def vendor(request: pytest.FixtureRequest) -> Jira:
    return Jira(is_cloud=request.param == "cloud")


def test_what_an_epic_fills(vendor: Jira) -> None:
    owners = {"team-payments": {"assignee": "5b10:ana" if vendor.is_cloud else "ana"}}
    owners["team-payments"]["component"] = "Payments"
    given: dict[str, Any] = {
        "owners": owners,
        "priorities": {"promote_to_epic": "High"},
        "fields": {**FIELDS, "risk_id": "customfield_10205", "team": "Context"},
        "field_values": {"Cost center": "r&d"},
        "labels": ["modernization"],
    }
    vendor.required = {"customfield_10206"}
    with jira(vendor, **given) as tracker:
        named: Tracker = tracker
        assert named.name.startswith("jira:127.0.0.1:")
        assert named.name.endswith("/MOD")
        assert (named.batch_size, named.search_lag_seconds) == (50, 60.0)
        assert named.longest_call_seconds == LONGEST_CALL_SECONDS
        assert not named.is_idempotent
        ref = opened(tracker)
        assert tracker.notes == []
    issue = only(vendor)
    assert (ref.id, ref.was_there) == (issue.id, False)
    assert ref.url.endswith("/browse/MOD-1")
    fields = issue.fields
    assert fields["summary"] == "Modernize pay to silver: score 24"
    assert fields["labels"] == ["incident-modernization", "paydown-pay-c1", "modernization"]
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
        assert fields["description"]["content"][3]["type"] == "taskList"
        assert fields["customfield_10207"]["type"] == "doc"
    else:
        assert "* ☐ retries back off" in fields["description"]
        assert fields["customfield_10207"] == "team-payments"
        assert fields["customfield_10901"] == "Modernize pay to silver: score 24"
    assert issue.properties["paydown"]["key"] == "paydown-pay-c1"


def test_many_epics_take_a_request_a_batch(vendor: Jira) -> None:
    epics = drafts(120)
    with jira(vendor) as tracker:
        refs = []
        for start in range(0, 120, tracker.batch_size):
            refs += refs_of(tracker.create(epics[start : start + tracker.batch_size]))
    requests = asked(vendor)
    assert requests.count("POST /issue/bulk") == 3
    # The project, its types (one page), fields by name, and the fields of a type by fours.
    pages = -(-len(vendor.on_create("Epic")) // vendor.meta_cap)
    assert len(requests) == 3 + 3 + pages
    assert sorted(refs, key=lambda ref: ref.key) == refs
    assert {vendor.issues[ref.id].properties["paydown"]["key"] for ref in refs} == {
        ref.key for ref in refs
    }
    assert all(ref.key in vendor.issues[ref.id].fields["labels"] for ref in refs)


def test_stories_go_below_their_epic(vendor: Jira) -> None:
    with jira(vendor) as tracker:
        epic = opened(tracker)
        story = opened(tracker, draft("paydown-pay-c1-refactor", parent=epic))
        asked(vendor)
    with jira(vendor) as later:
        # The project got another key since: what the reference's address says is old.
        vendor.rename("100", "DEBT")
        other = opened(later, draft("paydown-pay-c1-config", parent=epic))
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
    with jira(vendor, other_projects=["PAY"]) as tracker:
        keys = ("MOD", "PAY", "ELSE")
        epics = [draft(f"paydown-{key.lower()}-c1", project_key=key) for key in keys]
        refs_of(tracker.create(epics))
        assert tracker.notes == [
            "the service asks for project ELSE: add it to `other_projects` to allow that"
        ]
    assert [issue.key for issue in vendor.issues.values()] == ["MOD-1", "PAY-1", "MOD-2"]


def test_one_bad_draft_leaves_the_others_alone(vendor: Jira) -> None:
    epics = drafts(4)
    with jira(vendor) as tracker:
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


def test_an_owner_who_left_doesn_t_keep_the_epic_from_being_opened(vendor: Jira) -> None:
    owners = {"team-payments": {"assignee": "gone", "component": "Payments"}}
    vendor.allowed["components"] = ["Other"]
    epics = [draft("paydown-a-c1"), draft("paydown-b-c1", owner="team-search")]
    with jira(vendor, owners=owners) as tracker:
        refs = refs_of(tracker.create(epics))
        assert len(refs) == len(vendor.issues) == 2
        assert any("left out: assignee: User cannot be assigned" in one for one in tracker.notes)
        assert "field 'Component/s' takes Other, and not 'Payments'; it stays empty" in (
            tracker.notes
        )
    assert [one for one in asked(vendor) if one == "POST /issue/bulk"] == ["POST /issue/bulk"] * 2
    assert all("assignee" not in issue.fields for issue in vendor.issues.values())


def test_a_required_field_that_nobody_fills_is_named_with_its_remedy(vendor: Jira) -> None:
    vendor.required = {"customfield_10206"}
    with jira(vendor) as tracker:
        outcome = tracker.create([draft()])["paydown-pay-c1"]
    assert isinstance(outcome, RejectedError)
    assert "requires 'Cost center' (customfield_10206, one of R&D, Run)" in str(outcome)
    assert "`field_values`" in str(outcome)
    assert "POST /issue/bulk" not in asked(vendor)


def test_a_configured_value_that_jira_refuses_is_not_dropped(vendor: Jira) -> None:
    with jira(vendor, field_values={"Cost center": {"value": "Sales"}}) as tracker:
        outcome = tracker.create([draft()])["paydown-pay-c1"]
    assert isinstance(outcome, RejectedError)
    assert "customfield_10206: Option" in str(outcome)
    assert not vendor.issues


def test_what_is_not_on_the_screen_is_said_once(vendor: Jira) -> None:
    vendor.create_screen = {
        "summary", "labels", "customfield_10202", "customfield_10901", "customfield_10902",
    }  # fmt: skip
    with jira(vendor, fields={**FIELDS, "team": "Squad"}) as tracker:
        opened(tracker)
        opened(tracker, draft("paydown-b-c1"))
        assert tracker.notes == [
            "Description is not on the screen of Epic",
            "Due date is not on the screen",
            "field 'SLO Burn' for slo_burn is not on the screen",
            "field 'Budget' for budget_usd is not on the screen",
            "field 'Squad' for team does not exist, or is hidden from us",
            "field 'Maturity' for target_maturity is not on the screen",
        ]
    assert only_fields(vendor) == {"summary", "labels", "customfield_10202"}


def only_fields(vendor: Jira) -> set[str]:
    ours = {"status", "created", "project", "issuetype", "customfield_10901"}
    return {name for issue in vendor.issues.values() for name in issue.fields} - ours


def test_a_screen_without_labels_is_refused_since_nothing_would_be_found_again(
    vendor: Jira,
) -> None:
    vendor.create_screen = {"summary", "description"}
    with jira(vendor) as tracker:
        outcome = tracker.create([draft()])["paydown-pay-c1"]
    assert isinstance(outcome, RejectedError)
    assert "lacks Labels" in str(outcome)
    assert not vendor.issues


def test_of_two_fields_with_one_name_the_one_on_the_screen_is_filled(vendor: Jira) -> None:
    # Listed first, but in use elsewhere.
    vendor.fields = {"customfield_1": vendor.fields["customfield_10201"], **vendor.fields}
    vendor.create_screen = {*vendor.fields} - {"customfield_1"}
    vendor.edit_screen = vendor.create_screen
    with jira(vendor) as tracker:
        ref = opened(tracker)
        new = replace(FIGURES, slo_burn=15.5)
        tracker.update(ref, change(figures=new))
    assert only(vendor).fields["customfield_10201"] == 15.5
    assert "customfield_1" not in only(vendor).fields


def test_rehearsing_sends_nothing_and_shows_what_would_be(vendor: Jira) -> None:
    with jira(vendor) as tracker:
        epic = draft(owner="team-search", target_maturity="platinum")
        rehearsal = tracker.rehearse([epic])[epic.key]
        assert not isinstance(rehearsal, Exception)
        assert rehearsal.notes == (
            "field 'Maturity' takes Bronze, Silver, Gold, and not 'platinum'; it stays empty",
        )
        assert {one.split()[0] for one in asked(vendor)} == {"GET"}
        ref = opened(tracker, epic)
        (sent,) = [one for one in vendor.requests if one.method == "POST"]
    assert sent.body == {"issueUpdates": [rehearsal.request]}
    assert ref.key == epic.key
    vendor.required = {"customfield_10206"}
    with jira(vendor) as tracker:
        assert isinstance(tracker.rehearse([epic])[epic.key], RejectedError)


def test_a_secret_that_is_missing_is_named() -> None:
    vendor = Jira()
    config = settings("http://127.0.0.1:9", vendor)
    with pytest.raises(ForbiddenError, match="JIRA_TOKEN is not set"):
        JiraTracker(config, {"JIRA_USER": "a@b.c"})


def test_a_jira_that_is_not_there_is_unavailable() -> None:
    with jira(Jira()) as tracker:
        pass
    with pytest.raises(UnavailableError):
        tracker.create([draft()])
    with pytest.raises(UnavailableError):
        tracker.find(["paydown-a-c1"])
