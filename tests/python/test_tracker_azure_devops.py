"""Epics and stories in Azure DevOps: its fields, areas, states and checks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from pydantic import ValidationError

from orchestration.trackers.protocol import (
    ConflictError,
    EpicRef,
    EpicStatus,
    ForbiddenError,
    Preview,
    RejectedError,
    TrackerError,
)
from orchestration.vendors.azure_devops import AzureDevOpsSourceConfig, AzureDevOpsTrackerConfig
from orchestration.vendors.azure_devops.tracker import AzureDevOpsTracker

from .described import SPECS
from .loopback import Answer, Request, serving
from .tracker_helpers import (
    AZURE_FIELDS,
    ENVIRONMENT,
    KEY,
    asked,
    change,
    comments,
    draft,
    fields,
    opened,
    status,
    undescribed,
)
from .tracker_helpers import tracker_at as any_tracker_at
from .vendor_azure_devops import ORGANIZATION, PAT, PROJECT, PROJECT_ID, AzureDevOps, Type


@pytest.fixture
def vendor() -> AzureDevOps:
    return AzureDevOps()


@pytest.fixture
def url(vendor: AzureDevOps) -> Iterator[str]:
    """Whatever a test does, it asks only what the vendor describes."""
    with serving(vendor) as address:
        yield address
    if SPECS.exists():
        assert undescribed(vendor) == set()


@pytest.fixture
def tracker(url: str) -> AzureDevOpsTracker:
    return tracker_at(url)


def tracker_at(url: str, **given: Any) -> AzureDevOpsTracker:
    return any_tracker_at(AzureDevOps(), url, **given)


def refused(work: Callable[[], object]) -> TrackerError:
    with pytest.raises(TrackerError) as raised:
        work()
    return raised.value


def test_an_epic_says_and_holds_all(
    vendor: AzureDevOps, tracker: AzureDevOpsTracker, url: str
) -> None:
    ref = opened(tracker)
    assert ref == EpicRef(KEY, "4711", f"{url}/{ORGANIZATION}/{PROJECT}/_workitems/edit/4711")
    expected = {
        "System.TeamProject": PROJECT,
        "System.WorkItemType": "Epic",
        "System.State": "New",
        "System.Title": "Modernize gateway to silver",
        "System.Tags": f"{KEY}; incident-modernization",
        "System.AreaPath": f"{PROJECT}\\Edge",
        "System.AssignedTo": "edge@example.com",
        "Custom.Score": 24,
        "Custom.SLOBurn": 14.4,
        "Microsoft.VSTS.Scheduling.Effort": 5.0,
        "Custom.Budget": 4000.0,
        "Custom.Maturity": "silver",
        "Custom.Risk": "RISK-7",
        "Microsoft.VSTS.Scheduling.TargetDate": "2026-09-30T12:00:00Z",
    }
    held = fields(vendor, ref)
    assert {name: held[name] for name in expected} == expected
    assert "see &lt;script&gt; and" in held["System.Description"]
    assert "<li>☐ retries back off</li>" in held["System.Description"]
    assert tracker.name == f"azure_devops:{url.removeprefix('http://')}/acme/modernization"


def test_a_preview_writes_nothing_and_tells_what_it_would_send(
    vendor: AzureDevOps, url: str
) -> None:
    vendor.types["Epic"] = Type(
        fields=[name for name in Type().fields if name != "Custom.SLOBurn"],
        allowed={"Custom.Maturity": ["Bronze", "Gold"]},
    )
    tracker = tracker_at(url)
    good = draft(owner="group:default/nobody")
    previewed = tracker.preview([good, draft("other", risk_ids=())])
    first = previewed[KEY]
    assert isinstance(first, Preview)
    assert first.request[0] == {"op": "add", "path": "/fields/System.Title", "value": good.title}
    assert first.notes == (
        "the owner group:default/nobody is not in `owners`, so the work item is nobody's",
        "Epic has no field Custom.SLOBurn, so slo_burn is not filled there",
        "Custom.Maturity takes only Bronze, Gold, so target_maturity (silver) is not filled there",
    )
    assert PAT not in str(first)
    assert vendor.items == {}
    # What was previewed is what is created.
    before = [request.body for request in vendor.requests if request.method == "POST"]
    opened(tracker, good)
    assert vendor.requests[-1].body == before[0]


def test_tags_hold_no_separators_and_are_at_most_100(
    vendor: AzureDevOps, tracker: AzureDevOpsTracker
) -> None:
    labels = ("risk;high,urgent", *(f"label-{number}" for number in range(150)))
    ref = opened(tracker, draft(labels=labels))
    tags = fields(vendor, ref)["System.Tags"].split("; ")
    assert tags[:3] == [KEY, "risk-high-urgent", "label-0"]
    assert len(tags) == 100


def test_many_keys_are_asked_in_queries_of_a_safe_length(
    vendor: AzureDevOps, tracker: AzureDevOpsTracker
) -> None:
    refs = {f"paydown-{'x' * 40}-{n:04}": n for n in range(600)}
    wanted = opened(tracker, draft(next(reversed(refs))))
    vendor.tick()
    asked(vendor)
    assert tracker.find(refs) == {wanted.key: wanted}
    assert asked(vendor) == ["POST wiql", "POST wiql", "POST wiql", "POST workitemsbatch"]


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


def test_the_way_to_a_sign_in_page_is_forbidden_too(
    vendor: AzureDevOps, tracker: AzureDevOpsTracker, monkeypatch: pytest.MonkeyPatch
) -> None:
    away = {"Location": "https://login.example.com/_signin?realm=dev"}
    monkeypatch.setattr(vendor, "answer", lambda _: Answer({}, 302, away))
    assert isinstance(refused(lambda: tracker.create([draft()])), ForbiddenError)


def test_a_page_instead_of_an_organization_says_what_to_correct(vendor: AzureDevOps) -> None:
    with serving(vendor) as url:
        tracker = tracker_at(f"{url}/wrong")
        assert "`url` is an organization" in str(refused(lambda: tracker.find([KEY])))


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


def test_an_id_of_another_tracker_is_refused(tracker: AzureDevOpsTracker) -> None:
    odd = EpicRef(KEY, "../../4711", "")
    assert isinstance(tracker.status([odd])[KEY], RejectedError)
    assert "is no work item's number" in str(refused(lambda: tracker.update(odd, change())))
    assert status(tracker, opened(tracker)).is_open


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"url": "https://me:pat@dev.azure.com/acme"}, "user name or password"),
        ({"url": "dev.azure.com/acme"}, "is not a web address"),
        ({"project": "acme/Modernization"}, "is no project's name"),
        ({"token_env": PAT}, "not the name of an environment variable"),
        ({"extra_fields": {"System.Title": "x"}}, "written by paydown itself"),
        ({"board_tag": "x; y"}, "holds a character that no tag may"),
        ({"colour": "red"}, "Extra inputs"),
    ],
)
def test_settings_that_can_not_work_are_refused(settings: dict[str, Any], said: str) -> None:
    good = {"url": "https://dev.azure.com/acme", "project": PROJECT, "fields": AZURE_FIELDS}
    AzureDevOpsTrackerConfig.model_validate(good)
    with pytest.raises(ValidationError, match=said):
        AzureDevOpsTrackerConfig.model_validate(good | settings)


def test_two_runs_with_one_change_tell_it_once(
    vendor: AzureDevOps, tracker: AzureDevOpsTracker, url: str
) -> None:
    ref = opened(tracker)

    def race(request: Request) -> None:
        if request.method == "PATCH":
            vendor.before = lambda _: None
            # The other run gets in just before this one.
            vendor.answer(request)

    vendor.before = race
    assert tracker_at(url).update(ref, change()) is None
    assert len(comments(vendor, ref)) == 1


def test_edits_without_end_are_left_to_the_next_run(
    vendor: AzureDevOps, tracker: AzureDevOpsTracker
) -> None:
    ref = opened(tracker)
    vendor.before = lambda request: (
        vendor.edit(int(ref.id), System_Title="again") if request.method == "PATCH" else None
    )
    with pytest.raises(ConflictError, match="edited all the time"):
        tracker.update(ref, change())
    assert comments(vendor, ref) == []


def test_removed_is_closed_too(vendor: AzureDevOps, tracker: AzureDevOpsTracker) -> None:
    ref = opened(tracker)
    vendor.edit(int(ref.id), System_State="Removed")
    found = status(tracker, ref)
    assert (found.is_open, found.status_name) == (False, "Removed")
    assert found.closed_at is not None


def test_closed_states_may_be_named(vendor: AzureDevOps, url: str) -> None:
    vendor.types["Epic"].states = {"New": "Proposed", "Parked": "InProgress", "Done": "Completed"}
    tracker = tracker_at(url, closed_states=("Shut", "parked"))
    ref = opened(tracker)
    tracker.close(ref, change())
    found = status(tracker, ref)
    assert (found.is_open, found.status_name) == (False, "Parked")
    vendor.edit(int(ref.id), System_State="Done")
    assert status(tracker, ref).is_open


def test_a_deleted_epic_is_closed(vendor: AzureDevOps, tracker: AzureDevOpsTracker) -> None:
    gone, destroyed, there = (opened(tracker, draft(key)) for key in ("a", "b", "c"))
    vendor.delete(int(gone.id))
    vendor.delete(int(destroyed.id))
    del vendor.bin[int(destroyed.id)]
    odd = EpicRef("d", "MOD-1", "")
    found = tracker.status([gone, destroyed, there, odd])
    at = vendor.clock.replace(microsecond=870_000)
    assert found["a"] == EpicStatus(False, "deleted", gone.url, at)
    assert isinstance(found["b"], RejectedError)
    assert found["c"] == EpicStatus(True, "New", there.url, version="1.0")
    assert isinstance(found["d"], RejectedError)
    with pytest.raises(RejectedError, match="was deleted"):
        tracker.update(gone, change())


def test_an_epic_outlives_moving_and_renaming(vendor: AzureDevOps, url: str) -> None:
    tracker = tracker_at(url)
    ref = opened(tracker)
    vendor.edit(int(ref.id), System_TeamProject="Other")
    assert status(tracker, ref).url == f"{url}/{ORGANIZATION}/Other/_workitems/edit/{ref.id}"
    vendor.edit(int(ref.id), System_TeamProject=PROJECT)
    vendor.rename_project(PROJECT, "Modern times")
    assert status(tracker_at(url), ref).url.endswith("/Modern%20times/_workitems/edit/4711")
    tracker_at(url).update(ref, change())
    assert len(comments(vendor, ref)) == 1
    # The id of a project stays.
    vendor.areas.add("Modern times")
    by_id = tracker_at(url, project=PROJECT_ID, owners={})
    assert opened(by_id, draft("new")).url.endswith("/Modern%20times/_workitems/edit/4712")


def test_all_checks_of_a_good_project(vendor: AzureDevOps, tracker: AzureDevOpsTracker) -> None:
    checks = {check.name: check for check in tracker.check()}
    assert [name for name, check in checks.items() if not check.is_ok] == []
    assert list(checks) == [
        "connection", "project", "type Epic", "type User Story", "permission", "query",
    ]  # fmt: skip
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
        ({"fields": {"score": "Custom.Nope"}}, "type Epic", "Custom.Nope"),
        ({"owners": {"x": {"area_path": "No\\Where"}}}, "permission", "`owners`"),
        ({"owners": {"x": {"assigned_to": "left@example.com"}}}, "permission", "AssignedTo"),
    ],
)
def test_a_check_names_fault_and_fix(
    url: str, settings: dict[str, Any], name: str, said: str
) -> None:
    failed = {c.name: c.message for c in tracker_at(url, **settings).check() if not c.is_ok}
    assert said in failed[name]


def test_a_default_field_may_be_absent_and_stories_may_lack_those_of_epics(
    vendor: AzureDevOps, url: str
) -> None:
    for one in vendor.types.values():
        one.fields.remove("Microsoft.VSTS.Scheduling.Effort")
    vendor.types["User Story"].fields.remove("Custom.SLOBurn")
    assert all(check.is_ok for check in tracker_at(url).check())


@pytest.mark.parametrize("settings", [{}, {"fields": {"slo_burn": "Custom.SLOBurn"}}])
def test_burn_is_written_to_the_field_that_is_read_back_by_default(
    vendor: AzureDevOps, url: str, settings: dict[str, Any]
) -> None:
    tracker = tracker_at(url, **{"fields": {}} | settings)
    ref = opened(tracker)
    tracker.update(ref, change())
    assert fields(vendor, ref)["Custom.SLOBurn"] == 20.0
    source = AzureDevOpsSourceConfig.model_validate({})
    assert source.fields.slo_burn == "SLO Burn"


def test_a_token_of_entra_is_sent_as_what_it_is(
    vendor: AzureDevOps, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(ENVIRONMENT, "AZURE_DEVOPS_TOKEN", "eyJ0.eyJh.c2ln")
    vendor.authorization = "Bearer eyJ0.eyJh.c2ln"
    assert all(check.is_ok for check in tracker_at(url).check())
