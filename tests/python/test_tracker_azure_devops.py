"""The Azure DevOps tracker against an organization in which people work meanwhile."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any

import pytest

from orchestration.extract.base import Context
from orchestration.trackers.azure_devops import AzureDevOpsConfig, AzureDevOpsTracker
from orchestration.trackers.document import Checklist, Document, Paragraph, spans
from orchestration.trackers.protocol import (
    EpicChange,
    EpicDraft,
    EpicRef,
    EpicStatus,
    Figures,
    Rehearsal,
    RejectedError,
    UnavailableError,
)

from .azure_devops_description import undescribed
from .flow_helpers import ROOT
from .loopback import IMPATIENT, Request, serving
from .vendor_azure_devops import ORGANIZATION, PAT, PROJECT, PROJECT_ID, AzureDevOps, Type

DESCRIPTION = ROOT.parent / "shared" / "specs" / "azure-devops-wit-7.1.json"
FIELDS = {
    "score": "Custom.Score",
    "slo_burn": "Custom.SLOBurn",
    "budget_usd": "Custom.Budget",
    "target_maturity": "Custom.Maturity",
    "risk_id": "Custom.Risk",
}
OWNER = "group:default/team-edge"
OWNERS = {OWNER: {"area_path": f"{PROJECT}\\Edge", "assigned_to": "edge@example.com"}}
SETTINGS = {"project": PROJECT, "fields": FIELDS, "owners": OWNERS}
KEY = "paydown-gateway-1a2b3c4d-c1"
FIGURES = Figures(24, 18.2, 5.0, 4500.0)
NOW = datetime(2026, 6, 26, 16, tzinfo=UTC)


def draft(key: str = KEY, **changes: Any) -> EpicDraft:
    settings: dict[str, Any] = {
        "key": key,
        "title": "Modernize gateway: score 24",
        "body": (Paragraph(spans("Retries <amplify> load")), Checklist((spans("Time-outs"),))),
        "service_id": "component:default/gateway",
        "service": "gateway",
        "owner": OWNER,
        "due_date": date(2026, 8, 10),
        "figures": FIGURES,
        "current_maturity": "bronze",
        "target_maturity": "silver",
        "band": "promote_to_epic",
        "rubric_hash": "abc",
        "scoring_date": date(2026, 6, 26),
        "risk_ids": ("RISK-7", "RISK-9"),
        "labels": ("incident-modernization", key),
        "project_key": "MOD",
        "opened_at": NOW,
    }
    return EpicDraft(**settings | changes)


def change(change_id: str = "change-0a1b2c3d4e5f", **changes: Any) -> EpicChange:
    body: Document = (Paragraph(spans("Another incident: PD-7")),)
    settings: dict[str, Any] = {
        "change_id": change_id,
        "at": NOW,
        "body": body,
        "figures": Figures(27, 20.0, 8.0, 7200.0),
        "written": FIGURES,
    }
    return EpicChange(**settings | changes)


def tracker_at(url: str, **settings: Any) -> AzureDevOpsTracker:
    config = {"url": f"{url}/{ORGANIZATION}", **SETTINGS, **settings}
    context = Context(environment={"AZURE_DEVOPS_TOKEN": PAT}, patience=IMPATIENT)
    return AzureDevOpsConfig.model_validate(config).tracker(context)


def opened(tracker: AzureDevOpsTracker, one: EpicDraft | None = None) -> EpicRef:
    one = one or draft()
    ref = tracker.create([one])[one.key]
    assert isinstance(ref, EpicRef), ref
    return ref


def sent(vendor: AzureDevOps) -> list[str]:
    """The requests as `POST wiql`; forgets them."""
    names = [
        f"{request.method} {'/'.join(request.path.split('/_apis/')[1].split('/')[1:2])}"
        for request in vendor.requests
    ]
    vendor.requests.clear()
    return names


def comments(vendor: AzureDevOps, ref: EpicRef) -> list[str]:
    return [
        update["fields"]["System.History"]["newValue"]
        for update in vendor.updates[int(ref.id)]
        if "System.History" in update["fields"]
    ]


def fields(vendor: AzureDevOps, ref: EpicRef) -> dict[str, Any]:
    return vendor.items[int(ref.id)]["fields"]


def status(tracker: AzureDevOpsTracker, ref: EpicRef) -> EpicStatus:
    found = tracker.status([ref])[ref.key]
    assert isinstance(found, EpicStatus), found
    return found


@pytest.fixture
def vendor() -> AzureDevOps:
    return AzureDevOps()


@pytest.fixture
def url(vendor: AzureDevOps) -> Iterator[str]:
    with serving(vendor) as address:
        yield address
    # Whatever a test did, it asked only what the vendor describes.
    if DESCRIPTION.exists():
        assert list(undescribed(DESCRIPTION, vendor.requests)) == []


@pytest.fixture
def tracker(url: str) -> AzureDevOpsTracker:
    return tracker_at(url)


def test_an_epic_says_and_holds_all(
    vendor: AzureDevOps, tracker: AzureDevOpsTracker, url: str
) -> None:
    ref = opened(tracker)
    assert ref == EpicRef(KEY, "4711", f"{url}/{ORGANIZATION}/{PROJECT}/_workitems/edit/4711")
    assert fields(vendor, ref) | {"Microsoft.VSTS.Common.StateChangeDate": ""} == {
        "System.TeamProject": PROJECT,
        "System.WorkItemType": "Epic",
        "System.State": "New",
        "System.Title": "Modernize gateway: score 24",
        "System.Description": "<p>Retries &lt;amplify&gt; load</p><ul><li>☐ Time-outs</li></ul>",
        "System.Tags": f"{KEY}; incident-modernization",
        "System.AreaPath": f"{PROJECT}\\Edge",
        "System.AssignedTo": "edge@example.com",
        "Microsoft.VSTS.Common.Priority": 2,
        "Microsoft.VSTS.Common.StateChangeDate": "",
        "Custom.Score": 24,
        "Custom.SLOBurn": 18.2,
        "Microsoft.VSTS.Scheduling.Effort": 5.0,
        "Custom.Budget": 4500.0,
        "Custom.Maturity": "silver",
        "Custom.Risk": "RISK-7, RISK-9",
        "Microsoft.VSTS.Scheduling.TargetDate": "2026-08-10T12:00:00Z",
    }
    assert tracker.name == f"azure_devops:{url.removeprefix('http://')}/acme/modernization"


def test_a_story_is_linked_to_its_epic(vendor: AzureDevOps, tracker: AzureDevOpsTracker) -> None:
    epic = opened(tracker)
    story = opened(tracker, draft(f"{KEY}-s1", parent=epic))
    assert fields(vendor, story)["System.WorkItemType"] == "User Story"
    link = vendor.updates[int(story.id)][0]["relations"]["added"][0]
    assert link["rel"] == "System.LinkTypes.Hierarchy-Reverse"
    assert link["url"].endswith(f"/_apis/wit/workItems/{epic.id}")
    vendor.delete(int(epic.id))
    orphan = tracker.create([draft(f"{KEY}-s2", parent=epic)])[f"{KEY}-s2"]
    assert isinstance(orphan, RejectedError)
    assert "restore that work item" in str(orphan)


def test_n_epics_take_n_requests_and_a_few(
    vendor: AzureDevOps, tracker: AzureDevOpsTracker
) -> None:
    for number in range(40):
        opened(tracker, draft(f"{KEY}-{number}"))
    assert len(vendor.requests) == 40 + 2
    assert tracker.batch_size == 1


def test_a_run_with_nothing_new_is_one_request_a_page(
    vendor: AzureDevOps, tracker: AzureDevOpsTracker, url: str
) -> None:
    refs = [opened(tracker, draft(f"{KEY}-{number}")) for number in range(230)]
    tracker = tracker_at(url)
    sent(vendor)
    assert all(isinstance(one, EpicStatus) for one in tracker.status(refs).values())
    assert sent(vendor) == ["POST workitemsbatch", "POST workitemsbatch", "GET workitemtypes"]
    vendor.tick()
    assert len(tracker.find([ref.key for ref in refs])) == 230
    assert sent(vendor) == ["POST wiql", *["POST workitemsbatch"] * 2]
    assert tracker.find([]) == {}
    assert tracker.status([]) == {}
    assert sent(vendor) == []


def test_a_rehearsal_writes_nothing_and_tells_what_it_would_send(
    vendor: AzureDevOps, url: str
) -> None:
    vendor.types["Epic"] = Type(
        fields=[name for name in Type().fields if name != "Custom.SLOBurn"],
        allowed={"Custom.Maturity": ["Bronze", "Gold"]},
    )
    tracker = tracker_at(url)
    good = draft(owner="group:default/nobody")
    rehearsed = tracker.rehearse([good, draft("other", risk_ids=())])
    first = rehearsed[KEY]
    assert isinstance(first, Rehearsal)
    assert first.request[0] == {"op": "add", "path": "/fields/System.Title", "value": good.title}
    assert first.notes == (
        "the owner group:default/nobody is not in `owners`, so the work item is nobody's",
        "Epic has no field Custom.SLOBurn, so slo_burn is not filled there",
        "Custom.Maturity takes only Bronze, Gold, so target_maturity (silver) is not filled there",
    )
    assert PAT not in str(first)
    assert vendor.items == {}
    # What was rehearsed is what is created.
    before = [request.body for request in vendor.requests if request.method == "POST"]
    opened(tracker, good)
    assert vendor.requests[-1].body == before[0]


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


def test_tags_hold_no_separators_and_are_at_most_100(
    vendor: AzureDevOps, tracker: AzureDevOpsTracker
) -> None:
    labels = ("risk;high,urgent", *(f"label-{number}" for number in range(150)))
    ref = opened(tracker, draft(labels=labels))
    tags = fields(vendor, ref)["System.Tags"].split("; ")
    assert tags[:3] == [KEY, "risk-high-urgent", "label-0"]
    assert len(tags) == 100


def test_finds_after_the_lag_and_only_whole_keys(
    vendor: AzureDevOps, tracker: AzureDevOpsTracker
) -> None:
    ref = opened(tracker)
    opened(tracker, draft(f"{KEY}2"))
    assert tracker.find([KEY]) == {}
    assert tracker.search_lag_seconds >= vendor.lag_seconds
    vendor.tick(tracker.search_lag_seconds)
    assert tracker.find([KEY, "it's not there"]) == {KEY: ref}
    # Somebody wrote the tag first, with capitals.
    vendor.edit(int(ref.id), System_Tags=KEY.upper())
    vendor.tick()
    assert tracker.find([KEY]) == {KEY: ref}
    # The index still has what the work item lost.
    vendor.edit(int(ref.id), System_Tags="")
    assert tracker.find([KEY]) == {}


def test_of_duplicates_the_older_is_found(vendor: AzureDevOps, tracker: AzureDevOpsTracker) -> None:
    older, newer = opened(tracker), opened(tracker)
    vendor.tick()
    assert older.id != newer.id
    assert tracker.find([KEY]) == {KEY: older}


def test_many_keys_are_asked_in_queries_of_a_safe_length(
    vendor: AzureDevOps, tracker: AzureDevOpsTracker
) -> None:
    refs = {f"paydown-{'x' * 40}-{n:04}": n for n in range(600)}
    wanted = opened(tracker, draft(next(reversed(refs))))
    vendor.tick()
    sent(vendor)
    assert tracker.find(refs) == {wanted.key: wanted}
    assert sent(vendor) == ["POST wiql", "POST wiql", "POST wiql", "POST workitemsbatch"]


def test_a_change_is_one_patch_that_tells_once(
    vendor: AzureDevOps, tracker: AzureDevOpsTracker
) -> None:
    ref = opened(tracker)
    sent(vendor)
    assert tracker.update(ref, change()) == frozenset()
    assert sent(vendor) == ["GET workitems", "PATCH workitems"]
    assert tracker.update(ref, change(is_retry=True)) == frozenset()
    assert sent(vendor) == ["GET workitems", "GET workItems"]
    assert comments(vendor, ref) == [
        "<p>Another incident: PD-7</p><p>Told by paydown as <code>change-0a1b2c3d4e5f</code></p>"
    ]
    now = fields(vendor, ref)
    assert (now["Custom.Score"], now["Custom.SLOBurn"], now["Custom.Budget"]) == (27, 20.0, 7200.0)
    # The mark of another change that begins alike is not this one's.
    tracker.update(ref, change("change-0a1b2c3d4e5", is_retry=True, written=None))
    assert len(comments(vendor, ref)) == 2


def test_a_change_is_found_behind_many_others(
    vendor: AzureDevOps, tracker: AzureDevOpsTracker
) -> None:
    ref = opened(tracker)
    for number in range(210):
        vendor.edit(int(ref.id), System_Title=f"title {number}")
    tracker.update(ref, change())
    tracker.update(ref, change(is_retry=True))
    assert len(comments(vendor, ref)) == 1


def test_a_figure_that_a_person_edited_stays(
    vendor: AzureDevOps, tracker: AzureDevOpsTracker
) -> None:
    ref = opened(tracker)
    vendor.edit(int(ref.id), Custom_Budget=9000, Custom_SLOBurn=None)
    one = change()
    assert tracker.update(ref, one) == {"budget_usd", "slo_burn"}
    assert fields(vendor, ref)["Custom.Budget"] == 9000
    assert fields(vendor, ref)["Custom.Score"] == 27
    assert tracker.update(ref, change(is_retry=True)) == {"budget_usd", "slo_burn"}
    # What nobody remembers to have written isn't touched, and is nobody's edit.
    assert tracker.update(ref, change("change-2", written=None)) == frozenset()
    assert fields(vendor, ref)["Custom.Score"] == 27
    # A person wrote what we would have written.
    vendor.edit(int(ref.id), Custom_Score=30)
    known = Figures(27, None, 8.0, None)
    assert tracker.update(
        ref, change("change-3", written=known, figures=Figures(30, None, 8, None))
    ) == {"budget_usd"}


def test_a_figure_that_is_no_longer_known_is_cleared(
    vendor: AzureDevOps, tracker: AzureDevOpsTracker
) -> None:
    ref = opened(tracker)
    assert tracker.update(ref, change(figures=Figures(24, None, 5.0, 4500.0))) == frozenset()
    assert "Custom.SLOBurn" not in fields(vendor, ref)


@pytest.mark.parametrize("conflict_status", [409, 412])
def test_an_edit_between_reading_and_writing_is_kept(
    vendor: AzureDevOps, tracker: AzureDevOpsTracker, conflict_status: int
) -> None:
    vendor.conflict_status = conflict_status
    ref = opened(tracker)

    def meddle(request: Request) -> None:
        if request.method == "PATCH":
            vendor.before = lambda _: None
            vendor.edit(int(ref.id), Custom_Score=99)

    vendor.before = meddle
    assert tracker.update(ref, change()) == {"score"}
    assert fields(vendor, ref)["Custom.Score"] == 99
    assert len(comments(vendor, ref)) == 1


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
    assert tracker_at(url).update(ref, change()) == frozenset()
    assert len(comments(vendor, ref)) == 1


def test_edits_without_end_are_left_to_the_next_run(
    vendor: AzureDevOps, tracker: AzureDevOpsTracker
) -> None:
    ref = opened(tracker)
    vendor.before = lambda request: (
        vendor.edit(int(ref.id), System_Title="again") if request.method == "PATCH" else None
    )
    with pytest.raises(UnavailableError, match="edited all the time"):
        tracker.update(ref, change())
    assert comments(vendor, ref) == []


def test_untouched_is_what_only_paydown_did(
    vendor: AzureDevOps, tracker: AzureDevOpsTracker
) -> None:
    ref = opened(tracker)
    tracker.update(ref, change())
    opened(tracker, draft(f"{KEY}-s1", parent=ref))
    assert tracker.untouched([ref]) == {KEY: True}
    edits: dict[str, Any] = {
        "retitled": {"System_Title": "mine"},
        "assigned": {"System_AssignedTo": "ana@example.com"},
        "moved": {"System_AreaPath": PROJECT},
        "commented": {"System_History": "Why?"},
    }
    refs = {what: opened(tracker, draft(what)) for what in edits}
    for what, edit in edits.items():
        vendor.edit(int(refs[what].id), **edit)
    assert tracker.untouched(refs.values()) == dict.fromkeys(edits, False)
    # By hand, with the account whose token paydown uses.
    byhand = opened(tracker, draft("byhand"))
    vendor.edit(int(byhand.id), who=vendor.updates[int(byhand.id)][0]["revisedBy"],
                System_Title="mine")  # fmt: skip
    assert tracker.untouched([byhand]) == {"byhand": False}
    vendor.delete(int(byhand.id))
    assert isinstance(tracker.untouched([byhand])["byhand"], RejectedError)


def test_a_new_account_of_paydown_is_no_person(
    vendor: AzureDevOps, tracker: AzureDevOpsTracker
) -> None:
    ref = opened(tracker)
    vendor.updates[int(ref.id)][0]["revisedBy"] = {"id": "an-account-of-last-year"}
    tracker.update(ref, change())
    assert tracker.untouched([ref]) == {KEY: True}


def test_closing_tells_why_and_is_repeatable(
    vendor: AzureDevOps, tracker: AzureDevOpsTracker
) -> None:
    ref = opened(tracker)
    assert status(tracker, ref) == EpicStatus(True, "New", ref.url)
    tracker.close(ref, change())
    closed = EpicStatus(False, "Closed", ref.url, vendor.clock)
    assert status(tracker, ref) == closed
    vendor.tick()
    tracker.close(ref, change(is_retry=True))
    assert len(comments(vendor, ref)) == 1
    tracker.close(ref, change("change-2"))
    assert status(tracker, ref) == closed
    assert len(comments(vendor, ref)) == 2


def test_removed_is_closed_too(vendor: AzureDevOps, tracker: AzureDevOpsTracker) -> None:
    ref = opened(tracker)
    vendor.edit(int(ref.id), System_State="Removed")
    assert status(tracker, ref) == EpicStatus(False, "Removed", ref.url, vendor.clock)


def test_closed_states_may_be_named(vendor: AzureDevOps, url: str) -> None:
    vendor.types["Epic"].states = {"New": "Proposed", "Parked": "InProgress", "Done": "Completed"}
    tracker = tracker_at(url, closed_states=("Shut", "parked"))
    ref = opened(tracker)
    tracker.close(ref, change())
    found = status(tracker, ref)
    assert (found.is_open, found.status_name) == (False, "Parked")
    vendor.edit(int(ref.id), System_State="Done")
    assert status(tracker, ref).is_open


def test_a_workflow_without_a_way_to_closed_is_said(vendor: AzureDevOps, url: str) -> None:
    vendor.types["Epic"].ways = {"New": ["Active"], "Active": ["Closed"]}
    tracker = tracker_at(url)
    ref = opened(tracker)
    with pytest.raises(RejectedError, match="doesn't get from 'New' to a closed state"):
        tracker.close(ref, change())
    assert comments(vendor, ref) == []
    vendor.edit(int(ref.id), System_State="Active")
    tracker.close(ref, change())
    assert not status(tracker, ref).is_open


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
    assert found["c"] == EpicStatus(True, "New", there.url)
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
    assert "was created" in tracker.save_board_query()
    wiql = vendor.queries[path]["wiql"]
    sent(vendor)
    assert "is there" in tracker.save_board_query()
    assert sent(vendor) == ["GET queries"]
    vendor.queries[path]["wiql"] = "SELECT [System.Id] FROM WorkItems"
    assert "brought up to date" in tracker.save_board_query()
    assert vendor.queries[path]["wiql"] == wiql


def test_two_runs_make_one_query(vendor: AzureDevOps, tracker: AzureDevOpsTracker) -> None:
    def race(request: Request) -> None:
        if request.method == "POST":
            vendor.before = lambda _: None
            vendor.answer(request)

    vendor.before = race
    assert "is there" in tracker.save_board_query()
