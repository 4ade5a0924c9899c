"""What Azure DevOps must allow before anything is written, and the query people open."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from orchestration.trackers.azure_devops import AzureDevOpsTracker

from orchestration.trackers.protocol import RejectedError

from .azure_devops_helpers import KEY, draft, fields, opened, sent, serving_as_described, tracker_at
from .loopback import Answer, Request
from .vendor_azure_devops import AzureDevOps, fault


@pytest.fixture
def vendor() -> AzureDevOps:
    return AzureDevOps()


@pytest.fixture
def url(vendor: AzureDevOps) -> Iterator[str]:
    with serving_as_described(vendor) as address:
        yield address


@pytest.fixture
def tracker(url: str) -> AzureDevOpsTracker:
    return tracker_at(url)


def test_a_required_field_that_nobody_fills_is_named(vendor: AzureDevOps, url: str) -> None:
    vendor.types["Epic"].required |= {"Custom.CostCentre"}
    tracker = tracker_at(url)
    for outcome in (tracker.rehearse([draft()])[KEY], tracker.create([draft()])[KEY]):
        assert isinstance(outcome, RejectedError)
        assert "field Custom.CostCentre is required and nobody fills it" in str(outcome)
        assert "`extra_fields`" in str(outcome)
    assert vendor.items == {}
    checks = {check.name: check for check in tracker.check()}
    assert not checks["required fields of Epic"].is_ok
    assert "Custom.CostCentre" in checks["required fields of Epic"].message
    assert not checks["permission"].is_ok
    filled = tracker_at(url, extra_fields={"Custom.CostCentre": "R42"})
    assert all(check.is_ok for check in filled.check())
    assert fields(vendor, opened(filled))["Custom.CostCentre"] == "R42"


def test_all_checks_of_a_good_project(vendor: AzureDevOps, tracker: AzureDevOpsTracker) -> None:
    checks = {check.name: check for check in tracker.check()}
    assert [name for name, check in checks.items() if not check.is_ok] == []
    assert list(checks) == [
        "connection", "project", "type Epic", "fields of Epic", "required fields of Epic",
        "type User Story", "fields of User Story", "required fields of User Story", "permission",
        "query",
    ]  # fmt: skip
    assert "paydown service" in checks["connection"].message
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
        ({"project": "Gone"}, "project", "set `project`"),
        ({"epic_type": "Saga"}, "type Saga", "no work item type 'Saga'"),
        ({"fields": {"score": "Custom.Nope"}}, "fields of Epic", "Custom.Nope"),
        ({"owners": {"x": {"area_path": "No\\Where"}}}, "permission", "`owners`"),
        ({"owners": {"x": {"assigned_to": "left@example.com"}}}, "permission", "AssignedTo"),
    ],
)
def test_a_check_names_fault_and_fix(
    url: str, settings: dict[str, Any], name: str, said: str
) -> None:
    failed = {c.name: c.message for c in tracker_at(url, **settings).check() if not c.is_ok}
    assert said in failed[name]


def test_a_default_field_may_be_absent(vendor: AzureDevOps, url: str) -> None:
    for one in vendor.types.values():
        one.fields.remove("Microsoft.VSTS.Scheduling.Effort")
    check = {c.name: c for c in tracker_at(url).check()}["fields of Epic"]
    assert check.is_ok
    assert "Effort" in check.message


def test_the_shared_query_is_made_once(vendor: AzureDevOps, tracker: AzureDevOpsTracker) -> None:
    path = "Shared Queries/Incident modernization"
    made = tracker.save_board_query()
    assert (made.name, made.outcome) == (path, "created")
    assert made.query == vendor.queries[path]["wiql"]
    assert made.url.endswith("/Modernization/_queries")
    sent(vendor)
    assert tracker.save_board_query().outcome == "there"
    assert sent(vendor) == ["GET queries"]


def test_a_query_that_people_extended_stays_unless_it_is_to_be_overwritten(
    vendor: AzureDevOps, tracker: AzureDevOpsTracker
) -> None:
    path = "Shared Queries/Incident modernization"
    ours = tracker.save_board_query().query
    theirs = ours.replace("WHERE", "WHERE [System.AssignedTo] = @me AND")
    vendor.queries[path]["wiql"] = theirs
    sent(vendor)
    kept = tracker.save_board_query()
    assert kept.outcome == "differs"
    assert "[System.AssignedTo] = @me" in kept.query
    assert sent(vendor) == ["GET queries"]
    assert vendor.queries[path]["wiql"] == theirs
    assert tracker.save_board_query(overwrite=True).outcome == "replaced"
    assert vendor.queries[path]["wiql"] == ours
    assert tracker.save_board_query(overwrite=True).outcome == "there"


def test_a_query_that_we_may_not_read_keeps_its_name(
    vendor: AzureDevOps, tracker: AzureDevOpsTracker, monkeypatch: pytest.MonkeyPatch
) -> None:
    tracker.save_board_query()
    read = vendor._query

    def hidden(method: str, path: str, body: Any) -> Answer:
        missing = fault(404, "QueryItemNotFoundException", "TF401243: no such query")
        return missing if method == "GET" else read(method, path, body)

    monkeypatch.setattr(vendor, "_query", hidden)
    with pytest.raises(RejectedError, match="set `query_name`"):
        tracker.save_board_query(overwrite=True)


def test_two_runs_make_one_query(vendor: AzureDevOps, tracker: AzureDevOpsTracker) -> None:
    def race(request: Request) -> None:
        if request.method == "POST":
            vendor.before = lambda _: None
            vendor.answer(request)

    vendor.before = race
    assert tracker.save_board_query().outcome == "there"


def test_stories_may_lack_the_fields_of_epics(vendor: AzureDevOps, url: str) -> None:
    vendor.types["User Story"].fields.remove("Custom.SLOBurn")
    checks = {check.name: check for check in tracker_at(url).check()}
    assert all(check.is_ok for check in checks.values())
    assert "Custom.SLOBurn" in checks["fields of User Story"].message
