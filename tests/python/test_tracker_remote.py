"""What holds of Jira Cloud, Jira Data Center and Azure DevOps alike, on loopback."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from orchestration.http import AccessError, RefusedError, UnavailableError
from orchestration.trackers.protocol import EpicStatus, Tracker
from orchestration.vendors.azure_devops.client import LONGEST_CALL_SECONDS as AZURE_SECONDS
from orchestration.vendors.jira.client import LONGEST_CALL_SECONDS as JIRA_SECONDS

from .described import SPECS
from .loopback import serving
from .tracker_helpers import (
    KEY,
    REMOTE,
    SECRETS,
    asked,
    change,
    comments,
    draft,
    drafts,
    fields,
    numbers,
    opened,
    serving_tracker,
    status,
    tracker_at,
    undescribed,
    vendor_of,
)
from .vendor_jira import Jira


@pytest.fixture(params=REMOTE)
def vendor(request: pytest.FixtureRequest) -> Any:
    return vendor_of(request.param)


@pytest.fixture
def tracker(vendor: Any) -> Any:
    with serving_tracker(vendor) as one:
        yield one


def test_an_epic_is_found_by_its_key_once_the_search_has_caught_up(
    vendor: Any, tracker: Tracker
) -> None:
    ref = opened(tracker)
    opened(tracker, draft(f"{KEY}2"))
    assert not ref.is_adopted
    assert tracker.find([KEY]) == {}
    vendor.tick(tracker.search_lag_seconds)
    assert tracker.find([KEY, "it's not there"]) == {KEY: ref}
    asked(vendor)
    assert (tracker.find([]), tracker.status([]), asked(vendor)) == ({}, {}, [])
    seconds = JIRA_SECONDS if isinstance(vendor, Jira) else AZURE_SECONDS
    assert tracker.longest_call_seconds == seconds
    assert (tracker.search_lag_seconds, tracker.is_idempotent) == (60, False)


def test_of_copies_the_oldest_is_ours(vendor: Any, tracker: Tracker) -> None:
    ref = opened(tracker)
    if isinstance(vendor, Jira):
        copy = vendor.clone(vendor.issues[ref.id]).key
    else:
        copy = opened(tracker).id
    vendor.tick(60)
    assert tracker.find([KEY]) == {KEY: replace(ref, duplicates=(copy,))}


def test_a_key_with_quotes_is_one_string_of_the_query(vendor: Any, tracker: Tracker) -> None:
    opened(tracker)
    vendor.tick(60)
    for key in ('x") or project = MOD or labels in ("\\', "x' OR [System.Id] > 0 OR 'x' = 'x"):
        assert tracker.find([key]) == {}
    assert vendor.complaints == []


def test_many_epics_take_few_requests(vendor: Any, tracker: Tracker) -> None:
    epics = drafts(150)
    for epic in epics:
        tracker.create(epic)
    pages = 0
    if isinstance(vendor, Jira):
        # The fields of a type come by fours.
        pages = -(-len(vendor.on_create("Epic")) // vendor.meta_cap)
    assert len(asked(vendor)) == 150 + 2 + pages
    vendor.tick(60)
    found = tracker.find([epic.key for epic in epics])
    assert found.keys() == {epic.key for epic in epics}
    assert len(asked(vendor)) == 2
    assert all(isinstance(one, EpicStatus) for one in tracker.status(found.values()).values())
    # Data Center is asked for each: its search lags, and the version must not.
    is_server = isinstance(vendor, Jira) and not vendor.is_cloud
    assert len(asked(vendor)) == (150 if is_server else 2)


def test_a_preview_writes_nothing_and_shows_what_will_be_sent(
    vendor: Any, tracker: Tracker
) -> None:
    preview = tracker.preview(draft())
    assert not vendor.things()
    opened(tracker)
    assert vendor.requests[-1].body == preview.request
    assert not [secret for secret in SECRETS if secret in str(preview)]


def test_new_evidence_is_one_comment_with_score_and_burn(vendor: Any, tracker: Tracker) -> None:
    ref = opened(tracker)
    assert numbers(vendor, ref) == (24, 14.4)
    asked(vendor)
    tracker.update(ref, change())
    expected = ["GET", "POST", "PUT"] if isinstance(vendor, Jira) else ["GET", "PATCH"]
    assert [one.split()[0] for one in asked(vendor)] == expected
    assert numbers(vendor, ref) == (25, 20)
    (comment,) = comments(vendor, ref)
    assert "Two more incidents." in comment
    assert "change-000000000001" in comment
    # Whatever people put there; a burn that is no longer known is no longer shown.
    if isinstance(vendor, Jira):
        budget = "customfield_10203"
        vendor.edit(vendor.issues[ref.id], customfield_10202=99, customfield_10203="9000")
    else:
        budget = "Custom.Budget"
        vendor.edit(int(ref.id), Custom_Score=99, Custom_Budget=9000)
    tracker.update(ref, change(2, slo_burn=None))
    assert numbers(vendor, ref) == (26, None)
    # All else is theirs.
    assert float(fields(vendor, ref)[budget]) == 9000


def test_a_retry_adds_only_what_is_missing(vendor: Any, tracker: Tracker) -> None:
    ref = opened(tracker)
    tracker.update(ref, change())
    # Many comments later, over several pages; and one whose mark begins like ours.
    if isinstance(vendor, Jira):
        vendor.comment_cap = 3
        for _ in range(7):
            body = {"type": "doc", "content": []} if vendor.is_cloud else "hm"
            vendor.comment(vendor.issues[ref.id], body)
    else:
        for number in range(210):
            vendor.edit(int(ref.id), System_Title=f"title {number}")
    count = len(comments(vendor, ref))
    tracker.update(ref, change(is_retry=True))
    assert len(comments(vendor, ref)) == count
    tracker.update(ref, change(is_retry=True, change_id="change-00000000000"))
    tracker.update(ref, change(is_retry=True, change_id="change-0000000000012"))
    assert len(comments(vendor, ref)) == count + 2


def test_closing_adds_why_and_is_repeatable(vendor: Any, tracker: Tracker) -> None:
    ref = opened(tracker)
    assert status(tracker, ref).is_open
    tracker.close(ref, change())
    closed = status(tracker, ref)
    assert (closed.is_open, closed.url) == (False, ref.url)
    assert closed.closed_at
    assert abs((closed.closed_at - vendor.clock).total_seconds()) < 1
    assert numbers(vendor, ref) == (25, 20)
    tracker.close(ref, change(is_retry=True))
    assert len(comments(vendor, ref)) == 1
    # Closed already is fine.
    tracker.close(ref, change(2))
    assert status(tracker, ref).status_name == closed.status_name
    assert len(comments(vendor, ref)) == 2


def test_where_no_way_leads_to_done_nothing_is_done(vendor: Any, tracker: Tracker) -> None:
    if isinstance(vendor, Jira):
        vendor.workflow = {"To Do": ("In Progress",), "In Progress": ("Done",)}
    else:
        vendor.types["Epic"].ways = {"New": ["Active"], "Active": ["Closed"]}
    ref = opened(tracker)
    with pytest.raises(RefusedError, match=r"can't be closed|the field System.State rejects"):
        tracker.close(ref, change())
    assert comments(vendor, ref) == []
    vendor.alter(int(ref.id), state="active")
    tracker.close(ref, change())
    assert not status(tracker, ref).is_open


def test_the_version_differs_after_whatever_is_done_and_only_then(
    vendor: Any, tracker: Tracker
) -> None:
    ref = opened(tracker)
    one = int(ref.id)
    if isinstance(vendor, Jira):
        issue = vendor.issues[ref.id]
        edits: list[Callable[[], object]] = [
            lambda: vendor.comment(issue, "hm"),
            lambda: vendor.edit(issue, summary="x"),
        ]
    else:
        edits = [
            lambda: vendor.edit(one, System_History="Why?"),
            lambda: vendor.edit(one, System_AssignedTo="ana@example.com"),
        ]
    versions = [status(tracker, ref).version]
    for act in (
        lambda: tracker.update(ref, change(1)),
        lambda: tracker.update(ref, change(2)),
        lambda: vendor.alter(one, state="active"),
        lambda: vendor.alter(one, labels=(KEY,)),
        *edits,
        lambda: tracker.close(ref, change(3)),
    ):
        vendor.tick(60)
        assert status(tracker, ref).version == versions[-1]
        act()
        versions.append(status(tracker, ref).version)
    assert len(set(versions)) == len(versions)
    assert all(versions)


def test_a_deleted_epic_is_closed_and_takes_no_evidence(vendor: Any, tracker: Tracker) -> None:
    ref, other = opened(tracker), opened(tracker, draft("other"))
    vendor.remove(int(ref.id))
    states = tracker.status([ref, other])
    gone = states[KEY]
    assert isinstance(gone, EpicStatus)
    assert (gone.is_open, gone.status_name, gone.url) == (False, "deleted", ref.url)
    assert isinstance(states["other"], EpicStatus)
    for act in (tracker.update, tracker.close):
        with pytest.raises(RefusedError, match=r"is gone|was deleted"):
            act(ref, change())


def test_a_story_is_below_its_epic(vendor: Any, tracker: Tracker) -> None:
    epic = opened(tracker)
    story = opened(tracker, draft(f"{KEY}-s1", parent=epic))
    assert vendor.things()[int(story.id)].parent == int(epic.id)
    vendor.remove(int(epic.id))
    with pytest.raises(RefusedError):
        tracker.create(draft(f"{KEY}-s2", parent=epic))


def test_a_required_field_that_nobody_fills_is_named_with_its_fix(vendor: Any) -> None:
    given: Any
    if isinstance(vendor, Jira):
        vendor.required = {"customfield_10206"}
        name, given = "Cost center", {"field_values": {"Cost center": "R&D"}}
    else:
        vendor.types["Epic"].required |= {"Custom.CostCentre"}
        name, given = "Custom.CostCentre", {"extra_fields": {"Custom.CostCentre": "R42"}}
    with serving(vendor) as url:
        tracker = tracker_at(vendor, url)
        for work in (tracker.preview, tracker.create):
            with pytest.raises(RefusedError, match=f"{name}.*{next(iter(given))}"):
                work(draft())
        assert any(name in one.message for one in tracker.check() if not one.is_ok)
        assert not vendor.things()
        options: Any = given
        configured = tracker_at(vendor, url, **options)
        assert all(one.is_ok for one in configured.check())
        opened(configured)


def test_an_owner_who_left_is_reported(vendor: Any) -> None:
    owner = {"assignee": "left"}
    if not isinstance(vendor, Jira):
        owner = {"assigned_to": "left@example.com"}
    with serving_tracker(vendor, owners={draft().owner: owner}) as tracker:
        if isinstance(vendor, Jira):
            ref = opened(tracker)
            assert any("left out: assignee: is not valid" in one for one in tracker.notes)
            assert "assignee" not in vendor.issues[ref.id].fields
            return
        with pytest.raises(RefusedError, match=r"the field System.AssignedTo rejects its"):
            opened(tracker)


def test_a_project_that_got_another_name_is_followed(vendor: Any) -> None:
    with serving(vendor) as url:
        ref = opened(tracker_at(vendor, url))
        if isinstance(vendor, Jira):
            vendor.rename("100", "DEBT")
        else:
            vendor.rename_project("Modernization", "DEBT")
        later = tracker_at(vendor, url)
        assert "/DEBT" in status(later, ref).url
        later.update(ref, change())
        assert len(comments(vendor, ref)) == 1
        if isinstance(vendor, Jira):
            assert opened(later, draft("b")).url.endswith("/browse/DEBT-2")
            return
        for work in (lambda: later.create(draft("b")), lambda: later.find([KEY])):
            with pytest.raises(AccessError, match="set `project` to its new name or its id"):
                work()


def test_a_tracker_that_is_away_is_unavailable(vendor: Any) -> None:
    with serving_tracker(vendor) as tracker:
        pass
    for work in (lambda: tracker.create(draft()), lambda: tracker.find([KEY])):
        with pytest.raises(UnavailableError):
            work()


@pytest.mark.skipif(not SPECS.exists(), reason="the vendors' descriptions are not at hand")
def test_requests_are_as_the_vendors_describe_them(vendor: Any) -> None:
    with serving(vendor) as url:
        tracker = tracker_at(vendor, url)
        tracker.check()
        tracker.preview(draft())
        ref = opened(tracker)
        story = opened(tracker, draft(f"{KEY}-s1", parent=ref))
        vendor.tick(60)
        if isinstance(vendor, Jira):
            vendor.page_cap, vendor.comment_cap = 2, 1
        tracker.find([ref.key, story.key])
        for number, is_retry in ((1, False), (2, False), (1, True)):
            tracker.update(ref, change(number, is_retry=is_retry))
        tracker.close(ref, change(3))
        vendor.remove(int(story.id))
        tracker.status([ref, story])
        opened(tracker_at(vendor, url), draft("b", parent=ref))
    assert len(vendor.requests) > 15
    assert undescribed(vendor) == set()
