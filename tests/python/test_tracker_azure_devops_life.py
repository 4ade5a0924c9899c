"""Epics in Azure DevOps that people work on: what we add, what they edit, how it ends."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from orchestration.trackers.azure_devops import AzureDevOpsTracker

from orchestration.trackers.protocol import (
    ConflictError,
    EpicRef,
    EpicStatus,
    Figures,
    RejectedError,
)

from .azure_devops_helpers import (
    KEY,
    change,
    comments,
    draft,
    fields,
    opened,
    sent,
    serving_as_described,
    status,
    tracker_at,
)
from .loopback import Request
from .vendor_azure_devops import ORGANIZATION, PROJECT, PROJECT_ID, AzureDevOps


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


def test_newer_figures_of_a_change_that_was_told_are_written(
    vendor: AzureDevOps, tracker: AzureDevOpsTracker
) -> None:
    ref = opened(tracker)
    first = change()
    assert tracker.update(ref, first) == frozenset()
    newer = replace(first.figures, score=first.figures.score + 7)
    retry = change(is_retry=True, figures=newer, written=first.figures)
    assert tracker.update(ref, retry) == frozenset()
    assert fields(vendor, ref)["Custom.Score"] == newer.score
    sent(vendor)
    assert tracker.update(ref, retry) == frozenset()
    assert "PATCH workitems" not in sent(vendor)
    assert tracker.untouched([ref]) == {ref.key: True}


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
    with pytest.raises(ConflictError, match="edited all the time"):
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
