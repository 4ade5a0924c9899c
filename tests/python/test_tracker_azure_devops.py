"""Epics and stories in Azure DevOps: its fields, areas, states and edits."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import pytest

from orchestration.http import (
    AccessError,
    ConflictError,
    RefusedError,
    SourceError,
    UnavailableError,
    UnknownOutcomeError,
)
from orchestration.trackers.protocol import EpicRef, EpicStatus
from orchestration.vendors.azure_devops import AzureDevOpsSourceConfig
from orchestration.vendors.azure_devops.tracker import AzureDevOpsTracker

from .described import SPECS
from .loopback import Answer, Request, serving
from .tracker_helpers import (
    ENVIRONMENT,
    KEY,
    asked,
    change,
    comments,
    draft,
    fields,
    numbers,
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


@pytest.mark.parametrize("given", [{}, {"slo_burn": "Custom.SLOBurn"}, {"slo_burn": "slo burn"}])
def test_burn_is_written_to_the_field_that_is_read_back_by_default(
    vendor: AzureDevOps, url: str, given: dict[str, str]
) -> None:
    tracker = tracker_at(url, fields=given)
    ref = opened(tracker)
    tracker.update(ref, change())
    assert fields(vendor, ref)["Custom.SLOBurn"] == 20.0
    assert AzureDevOpsSourceConfig().fields.slo_burn == "SLO Burn"


def test_a_token_of_entra_is_sent_as_what_it_is(
    vendor: AzureDevOps, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(ENVIRONMENT, "AZURE_DEVOPS_TOKEN", "eyJ0.eyJh.c2ln")
    vendor.authorization = "Bearer eyJ0.eyJh.c2ln"
    opened(tracker_at(url))
    monkeypatch.delitem(ENVIRONMENT, "AZURE_DEVOPS_TOKEN")
    with pytest.raises(AccessError, match=r"put an organization-scoped .* Microsoft Entra"):
        tracker_at(url)


def test_a_preview_names_what_is_left_out(vendor: AzureDevOps, url: str) -> None:
    vendor.types["Epic"] = Type(
        fields=[name for name in Type().fields if name != "Custom.SLOBurn"],
        allowed={"Custom.Maturity": ["Bronze", "Gold"]},
    )
    first = tracker_at(url).preview(draft(owner="group:default/nobody"))
    assert {*first.notes} == {
        "the owner group:default/nobody is not in `owners`, so the work item is unassigned",
        "Epic has no field Custom.SLOBurn, so slo_burn is not filled there",
        "Custom.Maturity allows only Bronze, Gold, so target_maturity (silver) is not filled there",
    }
    assert PAT not in str(first)
    assert vendor.items == {}


def test_tags_hold_no_separators_and_are_at_most_100(
    vendor: AzureDevOps, tracker: AzureDevOpsTracker
) -> None:
    labels = ("risk;high,urgent", *(f"label-{number}" for number in range(150)))
    tags = fields(vendor, opened(tracker, draft(labels=labels)))["System.Tags"].split("; ")
    assert (tags[:3], len(tags)) == ([KEY, "risk-high-urgent", "label-0"], 100)


def test_many_keys_are_asked_in_queries_of_a_safe_length(
    vendor: AzureDevOps, tracker: AzureDevOpsTracker
) -> None:
    keys = [f"paydown-{'x' * 40}-{number:04}" for number in range(600)]
    wanted = opened(tracker, draft(keys[-1]))
    vendor.tick()
    asked(vendor)
    assert tracker.find(keys) == {wanted.key: wanted}
    assert asked(vendor) == ["POST wiql", "POST wiql", "POST wiql", "POST workitemsbatch"]


def test_an_area_that_is_forbidden_stops_only_its_owner(
    vendor: AzureDevOps, tracker: AzureDevOpsTracker
) -> None:
    vendor.read_only_areas = {f"{PROJECT}\\Edge"}
    with pytest.raises(RefusedError, match="`area_path`"):
        tracker.create(draft())
    opened(tracker, draft("another", owner="group:default/other"))


NO_TAGS = {"message": "TF401289: The current user does not have permissions to create tags."}
AWAY = {"Location": "https://login.example.com/_signin?realm=dev"}
CHANGED = {"message": "TF26071: This work item has been changed by someone else."}


@pytest.mark.parametrize(
    ("answer", "kind", "words"),
    [
        (Answer(NO_TAGS, 403), AccessError, "TF401289"),
        (Answer({}, 302, AWAY), AccessError, "AZURE_DEVOPS_TOKEN: an organization-scoped token"),
        (Answer(CHANGED, 409), ConflictError, "TF26071"),
        (Answer(CHANGED, 412), ConflictError, "TF26071"),
    ],
)
def test_how_a_refusal_is_reported(
    vendor: AzureDevOps,
    tracker: AzureDevOpsTracker,
    monkeypatch: pytest.MonkeyPatch,
    answer: Answer,
    kind: type[SourceError],
    words: str,
) -> None:
    monkeypatch.setattr(vendor, "answer", lambda _: answer)
    with pytest.raises(kind, match=words):
        tracker.create(draft())
    monkeypatch.undo()
    opened(tracker)


def test_a_page_instead_of_an_organization_says_what_to_correct(vendor: AzureDevOps) -> None:
    with serving(vendor) as url, pytest.raises(RefusedError, match="`url` is an organization"):
        tracker_at(f"{url}/wrong").find([KEY])


def test_two_runs_with_one_change_report_it_once(
    vendor: AzureDevOps, tracker: AzureDevOpsTracker, url: str
) -> None:
    ref = opened(tracker)

    def race(request: Request) -> None:
        if request.method == "PATCH":
            vendor.before = lambda _: None
            # The other run gets in just before this one.
            vendor.answer(request)

    vendor.before = race
    tracker_at(url).update(ref, change())
    assert len(comments(vendor, ref)) == 1


@pytest.mark.parametrize("code", [409, 412])
@pytest.mark.parametrize("times", [1, 99])
def test_an_edit_between_reading_and_writing_is_kept(
    vendor: AzureDevOps, tracker: AzureDevOpsTracker, code: int, times: int
) -> None:
    ref = opened(tracker)
    vendor.conflict_status = code
    edits = iter(range(times))

    def meddle(request: Request) -> None:
        if request.method == "PATCH" and next(edits, None) is not None:
            vendor.edit(int(ref.id), System_Title="mine")

    vendor.before = meddle
    if times == 1:
        tracker.update(ref, change())
    else:
        with pytest.raises(ConflictError, match="keeps changing"):
            tracker.update(ref, change())
    assert fields(vendor, ref)["System.Title"] == "mine"
    assert len(comments(vendor, ref)) == (times == 1)
    # A conflict is of one epic only.
    opened(tracker, draft("b"))


@pytest.mark.parametrize("seed", range(6))
def test_changes_in_a_storm_are_added_once_and_people_keep_their_edits(
    vendor: AzureDevOps, tracker: AzureDevOpsTracker, seed: int
) -> None:
    dice, ref = random.Random(seed), opened(tracker)

    def meddle(_: object) -> None:
        if dice.random() < 0.2:
            vendor.edit(int(ref.id), System_Title=f"title {dice.random()}")
        if dice.random() < 0.1:
            vendor.edit(int(ref.id), Custom_Budget=9_999)

    vendor.before = meddle
    faults = ("reset", "half_body", "500", "429")
    hit = (number for number in range(200) if dice.random() < 0.3)
    vendor.faults = {number: dice.choice(faults) for number in hit}
    for number in range(4):
        one = change(number)
        for _ in range(60):
            try:
                tracker.update(ref, one)
                break
            except (UnknownOutcomeError, UnavailableError):
                one = change(number, is_retry=True)
    said = "".join(comments(vendor, ref))
    assert [said.count(f"change-{number:012}<") for number in range(4)] == [1, 1, 1, 1]
    assert fields(vendor, ref)["Custom.Budget"] in (4000, 9_999)
    assert numbers(vendor, ref)[0] == 27


def test_closed_states_may_be_named(vendor: AzureDevOps, url: str) -> None:
    tracker = tracker_at(url)
    removed = opened(tracker, draft("removed"))
    vendor.edit(int(removed.id), System_State="Removed")
    found = status(tracker, removed)
    assert (found.is_open, found.status_name, found.closed_at is None) == (False, "Removed", False)
    vendor.types["Epic"].states = {"New": "Proposed", "Parked": "InProgress", "Done": "Completed"}
    named = tracker_at(url, closed_states=("Shut", "parked"))
    ref = opened(named)
    named.close(ref, change())
    found = status(named, ref)
    assert (found.is_open, found.status_name) == (False, "Parked")
    vendor.edit(int(ref.id), System_State="Done")
    assert status(named, ref).is_open


def test_a_deleted_epic_is_closed(vendor: AzureDevOps, tracker: AzureDevOpsTracker) -> None:
    gone, destroyed, there = (opened(tracker, draft(key)) for key in ("a", "b", "c"))
    vendor.delete(int(gone.id))
    vendor.delete(int(destroyed.id))
    del vendor.bin[int(destroyed.id)]
    found = tracker.status([gone, destroyed, there])
    at = vendor.clock.replace(microsecond=870_000)
    assert found["a"] == EpicStatus(False, "deleted", gone.url, at)
    assert isinstance(found["b"], RefusedError)
    assert found["c"] == EpicStatus(True, "New", there.url, version="1.0")


def test_an_epic_outlives_moving_and_a_project_is_known_by_its_id(
    vendor: AzureDevOps, tracker: AzureDevOpsTracker, url: str
) -> None:
    ref = opened(tracker)
    vendor.edit(int(ref.id), System_TeamProject="Other")
    assert status(tracker, ref).url == f"{url}/{ORGANIZATION}/Other/_workitems/edit/{ref.id}"
    vendor.rename_project(PROJECT, "Modern times")
    vendor.areas.add("Modern times")
    by_id = tracker_at(url, project=PROJECT_ID, owners={})
    assert opened(by_id, draft("new")).url.endswith("/Modern%20times/_workitems/edit/4712")
