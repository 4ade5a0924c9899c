"""What doctor says of a Jira, the board's query, and the settings."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from pydantic import ValidationError

from orchestration.trackers.protocol import Check
from orchestration.vendors.base import Context
from orchestration.vendors.jira import JiraTrackerConfig

from .loopback import IMPATIENT, Answer, serving
from .tracker_helpers import ENVIRONMENT, OWNER, asked, opened, section, serving_tracker
from .vendor_jira import Jira

BOARD = (
    'project in ("MOD") AND labels = "incident-modernization" AND statusCategory != Done '
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
        "owners": {OWNER: {"assignee": person, "component": "Payments"}},
        "priorities": {"promote_to_epic": "High"},
        "other_projects": ["PAY"],
    }
    with serving_tracker(vendor, **given) as tracker:
        checks = tracker.check()
    assert [one.name for one in checks] == [
        "connection",
        "project MOD", "permissions in MOD", "Epic in MOD", "Story in MOD", "owners in MOD",
        "project PAY", "permissions in PAY", "Epic in PAY", "Story in PAY", "owners in PAY",
        "board query",
    ]  # fmt: skip
    assert {one.message for one in checks[:-1]} == {"ok"}
    assert checks[-1].is_ok
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
        (owner_gone, "owners in MOD", "team-edge can't be assigned epics"),
    ],
)
def test_what_is_missing_is_named_with_its_remedy(
    vendor: Jira, fault: Callable[[Jira], None], failing: str, words: str
) -> None:
    fault(vendor)
    person = "5b10:ana" if vendor.is_cloud else "ana"
    given: dict[str, Any] = {
        "owners": {OWNER: {"assignee": person}},
        "priorities": {"promote_to_epic": "High"},
    }
    with serving_tracker(vendor, **given) as tracker:
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
    with serving_tracker(vendor, field_values={"Cost center": "Run"}) as tracker:
        assert [one for one in tracker.check() if not one.is_ok] == []


def test_a_story_that_can_t_be_put_below_its_epic_is_told() -> None:
    vendor = Jira(is_cloud=False)
    vendor.epic_only = {"customfield_10902"}
    with serving_tracker(vendor) as tracker:
        message = told(tracker.check())["Story in MOD"].message
    assert message.startswith("Epic Link is not on the create screen of Story")


def test_another_issue_type_is_asked_for(vendor: Jira) -> None:
    with serving_tracker(vendor, issue_type="Initiative") as tracker:
        message = told(tracker.check())["Initiative in MOD"].message
    assert "no issue type 'Initiative' (it has Epic, Story)" in message


def test_the_wrong_deployment_or_token_ends_the_check() -> None:
    for is_cloud in (True, False):
        vendor = Jira(is_cloud=is_cloud)
        with serving_tracker(vendor, deployment="data_center" if is_cloud else "cloud") as tracker:
            (check,) = tracker.check()
        assert not check.is_ok
    vendor = Jira()
    vendor.is_expired = True
    with serving_tracker(vendor) as tracker:
        (check,) = tracker.check()
    assert "check JIRA_TOKEN" in check.message
    # A Data Center that answers at Cloud's address, and one that is too old.
    vendor = Jira(is_cloud=False)
    vendor.refusals = {0: Answer({"deploymentType": "Cloud", "versionNumbers": [1001]})}
    with serving_tracker(vendor) as tracker:
        assert "correct `deployment`" in tracker.check()[0].message
    vendor = Jira(is_cloud=False)
    vendor.version = [8, 20, 1]
    with serving_tracker(vendor) as tracker:
        assert "it is version 8.20.1; paydown needs 9 or later" in tracker.check()[0].message


@pytest.mark.parametrize(
    ("given", "jql"),
    [
        ({}, BOARD),
        ({"project": "order"}, BOARD.replace("MOD", "order")),
        ({"fields": {"slo_burn": None}}, BOARD.replace(', "SLO Burn" DESC', "")),
        ({"fields": {"slo_burn": "customfield_77"}}, BOARD.replace('"SLO Burn"', "cf[77]")),
        ({"board_label": 'a,"b'}, BOARD.replace("incident-modernization", 'a,\\"b')),
        ({"other_projects": ["PAY", "in"]}, BOARD.replace('"MOD"', '"MOD", "PAY", "in"')),
    ],
)
def test_the_board_s_query_is_printed_to_be_pasted(vendor: Jira, given: Any, jql: str) -> None:
    with serving_tracker(vendor, **given) as tracker:
        last = tracker.check()[-1]
    if "customfield_77" in str(given) or "order" in str(given):
        from orchestration.vendors.jira.check import board_jql

        config = JiraTrackerConfig.model_validate(section(vendor, "https://x.example", **given))
        assert board_jql(config) == jql
    else:
        assert (last.name, last.is_ok, last.message) == ("board query", True, jql)


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
    JiraTrackerConfig.model_validate(given)
    with pytest.raises(ValidationError) as told:
        JiraTrackerConfig.model_validate(given | wrong)
    assert words in str(told.value)


def test_an_api_elsewhere_is_asked_and_people_are_sent_to_the_site() -> None:
    vendor = Jira()
    with serving(vendor) as url:
        given = section(vendor, "https://acme.example", api_url=url)
        context = Context(environment=ENVIRONMENT, patience=IMPATIENT)
        tracker = JiraTrackerConfig.model_validate(given).tracker(context)
        assert tracker.name == "jira:acme.example/MOD"
        assert opened(tracker).url == "https://acme.example/browse/MOD-1"
