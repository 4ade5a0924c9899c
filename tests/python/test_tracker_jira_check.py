"""What doctor says of a Jira, the board's query and filter, the settings, and the requests."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from orchestration.trackers.jira import JiraConfig, JiraTracker
from pydantic import ValidationError

from orchestration.trackers.protocol import Check, EpicRef, RejectedError

from .jira_described import SPECS, undescribed
from .jira_helpers import ENVIRONMENT, FIELDS, FIGURES, asked, change, draft, jira, opened, settings
from .loopback import IMPATIENT, Answer, serving
from .vendor_jira import Jira

BOARD = (
    "project = MOD AND labels = incident-modernization AND statusCategory != Done "
    'ORDER BY priority DESC, "SLO Burn" DESC'
)


@pytest.fixture(params=["cloud", "data_center"])
def vendor(request: pytest.FixtureRequest) -> Jira:
    return Jira(is_cloud=request.param == "cloud")


def told(checks: Any) -> dict[str, Check]:
    return {one.name: one for one in checks}


def test_a_jira_that_is_ready(vendor: Jira) -> None:
    person = "5b10:ana" if vendor.is_cloud else "ana"
    given: dict[str, Any] = {
        "owners": {"team-payments": {"assignee": person, "component": "Payments"}},
        "priorities": {"promote_to_epic": "High"},
        "other_projects": ["PAY"],
    }
    with jira(vendor, **given) as tracker:
        checks = tracker.check()
    assert [one.name for one in checks] == [
        "connection",
        "project MOD", "permissions in MOD", "Epic in MOD", "Story in MOD", "owners in MOD",
        "project PAY", "permissions in PAY", "Epic in PAY", "Story in PAY", "owners in PAY",
        "board query",
    ]  # fmt: skip
    assert [one.message for one in checks] == ["ok"] * len(checks)
    reads = ("GET", "POST /jql/parse")
    assert [one for one in asked(vendor) if not one.startswith(reads)] == []


def no_permission(vendor: Jira) -> None:
    vendor.permissions -= {"EDIT_ISSUES", "ADD_COMMENTS"}


def no_field(vendor: Jira) -> None:
    del vendor.fields["customfield_10201"]


def not_on_screen(vendor: Jira) -> None:
    vendor.create_screen = {*vendor.fields} - {"customfield_10202"}


def required(vendor: Jira) -> None:
    vendor.required = {"customfield_10206"}


def archived(vendor: Jira) -> None:
    vendor.projects["100"].is_archived = True


def gone(vendor: Jira) -> None:
    del vendor.projects["100"]


def other_priorities(vendor: Jira) -> None:
    vendor.allowed["priority"] = ["P1", "P2"]


def owner_gone(vendor: Jira) -> None:
    del vendor.people["ana"]


@pytest.mark.parametrize(
    ("fault", "failing", "words"),
    [
        (no_permission, "permissions in MOD", "grant EDIT_ISSUES to the user of JIRA_TOKEN; grant"),
        (no_field, "Epic in MOD", "field 'SLO Burn' for slo_burn does not exist"),
        (no_field, "board query", "Field 'SLO Burn' does not exist"),
        (not_on_screen, "Epic in MOD", "field 'Debt Score' for score is not on the screen"),
        (required, "Epic in MOD", "requires 'Cost center' (customfield_10206, one of R&D, Run)"),
        (archived, "project MOD", "project MOD is archived"),
        (gone, "project MOD", "project MOD is not there, or hidden"),
        (other_priorities, "Epic in MOD", "'Priority' takes P1, P2, and not 'High'"),
        (owner_gone, "owners in MOD", "of team-payments can't be assigned epics"),
    ],
)
def test_what_is_missing_is_named_with_its_remedy(
    vendor: Jira, fault: Callable[[Jira], None], failing: str, words: str
) -> None:
    fault(vendor)
    person = "5b10:ana" if vendor.is_cloud else "ana"
    given: dict[str, Any] = {
        "owners": {"team-payments": {"assignee": person}},
        "priorities": {"promote_to_epic": "High"},
    }
    with jira(vendor, **given) as tracker:
        checks = told(tracker.check())
    assert not checks[failing].is_ok
    assert words in checks[failing].message
    assert checks["connection"].is_ok
    if failing != "project MOD":
        assert checks["project MOD"].is_ok
    else:
        assert "Epic in MOD" not in checks


def test_stories_need_no_fields_of_epics(vendor: Jira) -> None:
    vendor.epic_only = {"customfield_10201", "customfield_10202", "customfield_10206"}
    with jira(vendor, field_values={"Cost center": "Run"}) as tracker:
        assert [one for one in tracker.check() if not one.is_ok] == []


def test_a_story_that_can_t_be_put_below_its_epic_is_told() -> None:
    vendor = Jira(is_cloud=False)
    vendor.epic_only = {"customfield_10902"}
    with jira(vendor) as tracker:
        message = told(tracker.check())["Story in MOD"].message
    assert message.startswith("Epic Link is not on the create screen of Story")


def test_another_issue_type_is_asked_for(vendor: Jira) -> None:
    with jira(vendor, issue_type="Initiative") as tracker:
        message = told(tracker.check())["Initiative in MOD"].message
    assert "no issue type 'Initiative' (it has Epic, Story)" in message


def test_the_wrong_deployment_or_token_ends_the_check() -> None:
    for is_cloud in (True, False):
        vendor = Jira(is_cloud=is_cloud)
        with jira(vendor, deployment="data_center" if is_cloud else "cloud") as tracker:
            (check,) = tracker.check()
        assert not check.is_ok
    vendor = Jira()
    vendor.is_expired = True
    with jira(vendor) as tracker:
        (check,) = tracker.check()
    assert "check JIRA_TOKEN" in check.message
    # A Data Center that answers at Cloud's address, and one that is too old.
    vendor = Jira(is_cloud=False)
    vendor.refusals = {0: Answer({"deploymentType": "Cloud", "versionNumbers": [1001]})}
    with jira(vendor) as tracker:
        assert "correct `deployment`" in tracker.check()[0].message
    vendor = Jira(is_cloud=False)
    vendor.version = [8, 20, 1]
    with jira(vendor) as tracker:
        assert "it is version 8.20.1; paydown needs 9 or later" in tracker.check()[0].message


@pytest.mark.parametrize(
    ("given", "jql"),
    [
        ({}, BOARD),
        ({"project": "order"}, BOARD.replace("MOD", '"order"')),
        ({"fields": {"slo_burn": None}}, BOARD.replace(', "SLO Burn" DESC', "")),
        ({"fields": {"slo_burn": "customfield_77"}}, BOARD.replace('"SLO Burn"', "cf[77]")),
        ({"board_label": "a,b"}, BOARD.replace("incident-modernization", '"a,b"')),
    ],
)
def test_the_board_s_query_is_the_one_that_is_saved(vendor: Jira, given: Any, jql: str) -> None:
    with jira(vendor, **given) as tracker:
        assert tracker.save_board_query("Paydown").query == jql
    assert [one["jql"] for one in vendor.filters] == [jql]


def test_the_filter_is_saved_once(vendor: Jira) -> None:
    # Parts of the name, and another person's filter of the very name, over several pages.
    for number in range(9):
        vendor.add_filter(name=f"Paydown {number}", jql="x", owner=vendor.me)
    vendor.add_filter(name="Paydown", jql="x", owner=vendor.people["ana"], favourite=True)
    with jira(vendor) as tracker:
        first = tracker.save_board_query("Paydown")
        again = tracker.save_board_query("Paydown")
    assert (first.outcome, again.outcome) == ("created", "there")
    assert first.url == again.url
    assert first.url.endswith("/issues/?filter=510")
    assert len(vendor.filters) == 11


def test_a_filter_that_people_changed_stays_unless_it_is_to_be_overwritten(vendor: Jira) -> None:
    theirs = {"jql": "project = MOD", "description": "For the standup."}
    with jira(vendor) as tracker:
        tracker.save_board_query("Paydown")
        vendor.filters[0] |= theirs
        edited = tracker.save_board_query("Paydown")
        assert (edited.query, edited.outcome) == ("project = MOD", "differs")
        assert vendor.filters[0]["jql"] == "project = MOD"
        ours = tracker.save_board_query("Paydown", overwrite=True)
        assert (ours.query, ours.outcome) == (BOARD, "replaced")
        assert tracker.save_board_query("Paydown", overwrite=True).outcome == "there"
    (kept,) = vendor.filters
    assert (kept["name"], kept["jql"]) == ("Paydown", BOARD)
    assert (kept["description"], kept["favourite"]) == ("For the standup.", True)


def test_the_board_shows_the_epics_of_every_project() -> None:
    vendor = Jira()
    with jira(vendor, other_projects=["PAY", "in"]) as tracker:
        saved = tracker.save_board_query("Paydown")
    where = BOARD.replace("project = MOD", 'project in (MOD, PAY, "in")')
    assert saved.query == where


def test_a_filter_that_can_t_be_listed_is_told() -> None:
    vendor = Jira(is_cloud=False)
    vendor.add_filter(name="Paydown", jql=BOARD, owner=vendor.me)
    with jira(vendor) as tracker, pytest.raises(RejectedError, match="same name already exists"):
        tracker.save_board_query("Paydown")


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"url": "jira.example.com"}, "is not a web address"),
        ({"url": "https://me:secret@jira.example.com"}, "holds a user name"),
        ({"project": "MOD; x"}, "should match pattern"),
        ({"token_env": "tok-123"}, "not the name of an environment variable"),
        ({"labels": ["two words"]}, "holds a space"),
        ({"field_values": {"Summary": "x"}}, "is filled by paydown"),
        ({"field_values": {"Issue Type": "x"}}, "is filled by paydown"),
        ({"fields": {"slo_burnt": "x"}}, "Extra inputs"),
        ({"search_lag_seconds": -1}, "greater than or equal"),
        ({"deployment": "server"}, "'cloud' or 'data_center'"),
    ],
)
def test_settings_that_can_t_be_meant(wrong: Any, words: str) -> None:
    given = {"url": "https://jira.example.com", "project": "MOD"}
    JiraConfig.model_validate(given)
    with pytest.raises(ValidationError) as told:
        JiraConfig.model_validate(given | wrong)
    assert words in str(told.value)


def test_an_api_elsewhere_is_asked_and_people_are_sent_to_the_site() -> None:
    vendor = Jira()
    with serving(vendor) as url:
        config = settings("https://acme.example", vendor, api_url=url)
        tracker = JiraTracker(config, ENVIRONMENT, IMPATIENT)
        assert tracker.name == "jira:acme.example/MOD"
        assert opened(tracker).url == "https://acme.example/browse/MOD-1"


@pytest.mark.skipif(not SPECS.exists(), reason="Jira's descriptions are not at hand")
def test_requests_are_as_jira_describes_them(vendor: Jira) -> None:
    person = "5b10:ana" if vendor.is_cloud else "ana"
    given: dict[str, Any] = {
        "owners": {"team-payments": {"assignee": person}},
        "priorities": {"promote_to_epic": "High"},
        "fields": {**FIELDS, "team": "Context"},
    }
    with jira(vendor, **given) as tracker:
        tracker.check()
        ref = opened(tracker)
        story = opened(tracker, draft("paydown-pay-c1-config", parent=ref))
        vendor.tick(60)
        vendor.page_cap = vendor.history_cap = 1
        tracker.find([ref.key, story.key])
        told = change().figures
        tracker.update(ref, change())
        tracker.update(ref, change(2, figures=replace(FIGURES, score=26), written=told))
        tracker.update(ref, change(is_retry=True))
        tracker.untouched([ref])
        tracker.close(ref, change(3))
        vendor.delete(vendor.issues[story.id])
        vendor.tick(60)
        tracker.status([ref, story])
        tracker.save_board_query("Paydown")
        vendor.filters[0]["jql"] = "project = MOD"
        tracker.save_board_query("Paydown", overwrite=True)
    with jira(vendor, **given) as later:
        opened(later, draft("paydown-b-c1", parent=EpicRef("x", ref.id, ref.url)))
    name = "jira-v3.json" if vendor.is_cloud else "jira-v2.json"
    faults, seen = undescribed(name, vendor.requests)
    assert faults == set()
    both = {
        "GET serverInfo", "GET myself", "GET mypermissions", "GET field",
        "GET project/{projectIdOrKey}", "GET user/assignable/search", "POST issue/bulk",
        "GET issue/createmeta/{projectIdOrKey}/issuetypes",
        "GET issue/createmeta/{projectIdOrKey}/issuetypes/{issueTypeId}",
        "GET issue/{issueIdOrKey}", "PUT issue/{issueIdOrKey}",
        "GET issue/{issueIdOrKey}/comment", "POST issue/{issueIdOrKey}/comment",
        "GET issue/{issueIdOrKey}/transitions", "POST issue/{issueIdOrKey}/transitions",
        "POST filter", "PUT filter/{id}",
    }  # fmt: skip
    cloud = {
        "POST search/jql", "POST issue/bulkfetch", "POST jql/parse", "GET filter/search",
        "GET issue/{issueIdOrKey}/changelog",
    }  # fmt: skip
    data_center = {"GET search", "POST search", "GET filter/favourite"}
    assert seen == both | (cloud if vendor.is_cloud else data_center)
