"""Settings of remote trackers, and what checks and the doctor say before anything is written."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from orchestration.cli.doctor import check_tracker
from orchestration.cli.streams import Finding
from orchestration.settings import Settings
from orchestration.trackers.protocol import Check
from orchestration.vendors.azure_devops import AzureDevOpsTrackerConfig
from orchestration.vendors.jira import JiraTrackerConfig
from orchestration.vendors.jira.check import board_jql

from .loopback import Answer, serving
from .tracker_helpers import (
    AZURE_FIELDS,
    ENVIRONMENT,
    OWNER,
    asked,
    opened,
    section,
    serving_tracker,
    tracker_at,
)
from .vendor_azure_devops import PAT, PROJECT, AzureDevOps
from .vendor_jira import Jira
from .vendor_jira_state import TOKEN

QUESTIONS = ("GET", "POST /jql/parse", "POST /search")
BOARD = (
    'project in ("MOD") AND labels = "incident-modernization" AND statusCategory != Done '
    'ORDER BY priority DESC, "SLO Burn" DESC'
)


@pytest.fixture(params=["cloud", "data_center"])
def jira(request: pytest.FixtureRequest) -> Jira:
    return Jira(is_cloud=request.param == "cloud")


def given(jira: Jira, **more: Any) -> dict[str, Any]:
    person = "5b10:ana" if jira.is_cloud else "ana"
    owners = {OWNER: {"assignee": person, "component": "Payments"}}
    return {"owners": owners, "priorities": {"promote_to_epic": "High"}, **more}


def checked(vendor: Any, **settings: Any) -> dict[str, Check]:
    with serving_tracker(vendor, **settings) as tracker:
        return {one.name: one for one in tracker.check()}


def test_a_jira_that_is_ready(jira: Jira) -> None:
    checks = checked(jira, **given(jira, other_projects=["PAY"]))
    assert [*checks] == [
        "connection",
        "project MOD", "permissions in MOD", "Epic in MOD", "Story in MOD", "owners in MOD",
        "project PAY", "permissions in PAY", "Epic in PAY", "Story in PAY", "owners in PAY",
        "board query",
    ]  # fmt: skip
    assert {one.is_ok for one in checks.values()} == {True}
    assert checks["board query"].message == BOARD.replace('"MOD"', '"MOD", "PAY"')
    assert [one for one in asked(jira) if not one.startswith(QUESTIONS)] == []


@pytest.mark.parametrize(
    ("fault", "failing", "words"),
    [
        (
            lambda jira: jira.permissions.difference_update({"EDIT_ISSUES", "ADD_COMMENTS"}),
            "permissions in MOD",
            "grant EDIT_ISSUES to the user of JIRA_TOKEN; grant",
        ),
        (
            lambda jira: jira.fields.pop("customfield_10201"),
            "Epic in MOD",
            "field 'SLO Burn' for slo_burn is not on the screen",
        ),
        (
            lambda jira: jira.fields.pop("customfield_10201"),
            "board query",
            "Field 'SLO Burn' does not exist",
        ),
        (
            lambda jira: jira.required.add("customfield_10206"),
            "Epic in MOD",
            "requires 'Cost center' (customfield_10206, one of R&D, Run)",
        ),
        (
            lambda jira: setattr(jira.projects["100"], "is_archived", True),
            "project MOD",
            "project MOD is archived",
        ),
        (
            lambda jira: jira.projects.pop("100"),
            "project MOD",
            "project MOD doesn't exist, or is hidden",
        ),
        (
            lambda jira: jira.allowed.update(priority=["P1", "P2"]),
            "Epic in MOD",
            "'Priority' accepts P1, P2, not 'High'",
        ),
        (
            lambda jira: jira.people.pop("ana"),
            "owners in MOD",
            "team-edge can't be assigned epics",
        ),
    ],
)
def test_what_jira_lacks_is_named_with_its_remedy(
    jira: Jira, fault: Callable[[Jira], object], failing: str, words: str
) -> None:
    fault(jira)
    checks = checked(jira, **given(jira))
    assert not checks[failing].is_ok
    assert words in checks[failing].message
    assert checks["connection"].is_ok
    assert ("Epic in MOD" in checks) == checks["project MOD"].is_ok == (failing != "project MOD")


def test_a_story_that_can_t_be_put_below_its_epic_is_reported() -> None:
    jira = Jira(is_cloud=False)
    jira.epic_only = {"customfield_10902"}
    message = checked(jira)["Story in MOD"].message
    assert message.startswith("Epic Link is not on the create screen of Story")


def test_stories_need_no_fields_of_epics(jira: Jira) -> None:
    jira.epic_only = {"customfield_10201", "customfield_10202", "customfield_10206"}
    checks = checked(jira, field_values={"Cost center": "Run"})
    assert {one.is_ok for one in checks.values()} == {True}


def test_another_issue_type_is_asked_for(jira: Jira) -> None:
    message = checked(jira, issue_type="Initiative")["Initiative in MOD"].message
    assert "no issue type 'Initiative' (it has Epic, Story)" in message


@pytest.mark.parametrize(
    ("is_cloud", "settings", "info", "words"),
    [
        (True, {"deployment": "data_center"}, None, "JIRA_TOKEN"),
        (False, {"deployment": "cloud"}, None, "JIRA_TOKEN"),
        (False, {}, {"deploymentType": "Cloud", "versionNumbers": [1001]}, "correct `deployment`"),
        (
            False,
            {},
            {"deploymentType": "Server", "version": "8.20.1", "versionNumbers": [8, 20, 1]},
            "it is version 8.20.1; paydown needs 9 or later",
        ),
    ],
)
def test_the_wrong_deployment_ends_the_check(
    is_cloud: bool, settings: Any, info: Any, words: str
) -> None:
    jira = Jira(is_cloud=is_cloud)
    jira.refusals = {0: Answer(info)} if info else {}
    (check,) = checked(jira, **settings).values()
    assert (check.name, check.is_ok, words in check.message) == ("connection", False, True)


@pytest.mark.parametrize(
    ("settings", "jql"),
    [
        ({"project": "order"}, BOARD.replace("MOD", "order")),
        ({"fields": {"slo_burn": None}}, BOARD.replace(', "SLO Burn" DESC', "")),
        ({"fields": {"slo_burn": "customfield_77"}}, BOARD.replace('"SLO Burn"', "cf[77]")),
        ({"board_label": 'a,"b'}, BOARD.replace("incident-modernization", 'a,\\"b')),
        ({"other_projects": ["PAY", "in"]}, BOARD.replace('"MOD"', '"MOD", "PAY", "in"')),
    ],
)
def test_the_board_s_query_is_quoted(settings: Any, jql: str) -> None:
    config = JiraTrackerConfig.model_validate(section(Jira(), "https://x.example", **settings))
    assert board_jql(config) == jql


def test_an_api_elsewhere_is_asked_and_people_are_sent_to_the_site() -> None:
    jira = Jira()
    with serving(jira) as url:
        tracker = tracker_at(jira, "https://acme.example", api_url=url)
        assert tracker.name == "jira:acme.example/MOD"
        assert opened(tracker).url == "https://acme.example/browse/MOD-1"


def test_an_azure_devops_that_is_ready() -> None:
    vendor = AzureDevOps()
    checks = checked(vendor)
    names = ["connection", "type Epic", "type User Story", "permission", "query"]
    assert [(one.name, one.is_ok) for one in checks.values()] == [(name, True) for name in names]
    assert checks["query"].message == (
        "SELECT [System.Id], [System.Title], [System.State], [System.AssignedTo], "
        "[Microsoft.VSTS.Common.Priority], [Custom.SLOBurn] FROM WorkItems "
        "WHERE [System.TeamProject] = @project AND "
        "[System.Tags] CONTAINS 'incident-modernization' AND "
        "[System.State] NOT IN ('Closed', 'Removed') "
        "ORDER BY [Microsoft.VSTS.Common.Priority], [Custom.SLOBurn] DESC"
    )
    assert vendor.items == {}


@pytest.mark.parametrize(
    ("settings", "name", "said"),
    [
        ({"project": "Gone"}, "connection", "set `project`"),
        ({"epic_type": "Saga"}, "type Saga", "no work item type 'Saga'"),
        ({"fields": {"score": "Custom.Nope"}}, "type Epic", "Epic has no Custom.Nope; add it"),
        ({"closed_states": ["Closed", "Shut"]}, "closed states", "no type has the state Shut"),
        ({"owners": {"x": {"area_path": "No\\Where"}}}, "permission", "`owners`"),
        ({"owners": {"x": {"assigned_to": "left@example.com"}}}, "permission", "AssignedTo"),
    ],
)
def test_what_azure_devops_lacks_is_named_with_its_remedy(
    settings: Any, name: str, said: str
) -> None:
    checks = checked(AzureDevOps(), **settings)
    assert (checks[name].is_ok, said in checks[name].message) == (False, True)
    assert ("query" in checks) == (name != "connection")


def test_a_default_field_may_be_absent_and_stories_may_lack_those_of_epics() -> None:
    vendor = AzureDevOps()
    for one in vendor.types.values():
        one.fields.remove("Microsoft.VSTS.Scheduling.Effort")
    vendor.types["User Story"].fields.remove("Custom.SLOBurn")
    assert all(check.is_ok for check in checked(vendor).values())


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"url": "jira.example.com"}, "is not a web address"),
        ({"url": "https://me:secret@jira.example.com"}, "holds a user name"),
        ({"project": "MOD; x"}, "should match pattern"),
        ({"token_env": "tok-123"}, "not the name of an environment variable"),
        ({"board_label": "a\tb"}, "has a space"),
        ({"labels": ["two words"]}, "has a space"),
        ({"field_values": {"Summary": "x"}}, "is filled by paydown"),
        ({"field_values": {"Issue Type": "x"}}, "is filled by paydown"),
        ({"fields": {"slo_burnt": "x"}}, "Extra inputs"),
        ({"search_lag_seconds": -1}, "greater than or equal"),
        ({"deployment": "server"}, "'cloud' or 'data_center'"),
    ],
)
def test_settings_of_jira_that_can_t_be_meant(wrong: Any, words: str) -> None:
    good = {"url": "https://jira.example.com", "project": "MOD"}
    JiraTrackerConfig.model_validate(good)
    with pytest.raises(ValidationError, match=words):
        JiraTrackerConfig.model_validate(good | wrong)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"url": "https://me:pat@dev.azure.com/acme"}, "user name or password"),
        ({"url": "dev.azure.com/acme"}, "is not a web address"),
        ({"project": "acme/Modernization"}, "is not a project's name"),
        ({"token_env": PAT}, "not the name of an environment variable"),
        ({"extra_fields": {"System.Title": "x"}}, "written by paydown itself"),
        ({"extra_fields": {"Title": "x"}}, "pattern"),
        ({"board_tag": "x; y"}, "has a character that no tag may have"),
        ({"colour": "red"}, "Extra inputs"),
    ],
)
def test_settings_of_azure_devops_that_can_t_be_meant(wrong: Any, words: str) -> None:
    good = {"url": "https://dev.azure.com/acme", "project": PROJECT, "fields": AZURE_FIELDS}
    AzureDevOpsTrackerConfig.model_validate(good)
    with pytest.raises(ValidationError, match=words):
        AzureDevOpsTrackerConfig.model_validate(good | wrong)


# The doctor.


def findings(home: Path, vendor: Jira | None, **environment: str) -> dict[str, Finding]:
    """What it says with the vendor on loopback, or with local files."""
    modernization = home / "modernization"
    modernization.mkdir(exist_ok=True)
    env = {"PAYDOWN_HOME": str(home), "PAYDOWN_MODERNIZATION": str(modernization)} | environment
    if vendor is None:
        return {one.subject: one for one in check_tracker(Settings.from_environment(env))}
    with serving(vendor) as url:
        # YAML holds JSON.
        text = json.dumps({"kind": "jira", "jira": section(vendor, url)})
        (modernization / "tracker.yaml").write_text(text)
        return findings(home, None, **environment)


@pytest.fixture
def secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)


@pytest.mark.usefixtures("secrets")
@pytest.mark.parametrize(
    ("environment", "state", "words"),
    [
        ({}, "note", "PAYDOWN_DRY_RUN=0"),
        ({"PAYDOWN_DRY_RUN": "0"}, "ok", "off: runs write to the tracker"),
    ],
)
def test_the_doctor_says_whether_runs_write(
    tmp_path: Path, environment: Any, state: str, words: str
) -> None:
    vendor = Jira()
    vendor.permissions -= {"CREATE_ISSUES"}
    found = findings(tmp_path, vendor, **environment)
    assert (found["dry run"].state, words in found["dry run"].text) == (state, True)
    assert found["jira permissions in MOD"].state == "bad"
    assert {found[name].state for name in ("jira connection", "jira board query")} == {"ok"}
    assert [one for one in asked(vendor) if not one.startswith(QUESTIONS)] == []


def test_a_secret_that_is_missing_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("JIRA_TOKEN", raising=False)
    found = findings(tmp_path, Jira())
    assert found["tracker jira"].state == "bad"
    assert "is not set" in found["tracker jira"].text


@pytest.mark.usefixtures("secrets")
def test_a_tracker_that_is_away_costs_a_line_and_no_secret(tmp_path: Path) -> None:
    findings(tmp_path, Jira())
    found = findings(tmp_path, None)
    assert found["jira connection"].state == "bad"
    assert TOKEN not in " ".join(one.text for one in found.values())


def test_local_files_need_no_switch(tmp_path: Path) -> None:
    found = findings(tmp_path, None)
    assert {one.state for one in found.values()} == {"ok"}
    assert "dry run" not in found
    assert not (tmp_path / "epics").exists()
