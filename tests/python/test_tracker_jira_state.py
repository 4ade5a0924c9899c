"""Epics in a loopback Jira, Cloud and Data Center: found by their key, and how they are doing."""

from __future__ import annotations

from datetime import timedelta

import pytest

from orchestration.trackers.protocol import (
    EpicStatus,
    ForbiddenError,
    RejectedError,
)

from .jira_helpers import (
    asked,
    change,
    draft,
    drafts,
    jira,
    only,
    opened,
    refs_of,
    states_of,
)
from .vendor_jira import Jira


@pytest.fixture(params=["cloud", "data_center"])
def vendor(request: pytest.FixtureRequest) -> Jira:
    return Jira(is_cloud=request.param == "cloud")


def test_the_search_finds_epics_once_it_has_caught_up(vendor: Jira) -> None:
    epics = drafts(7)
    vendor.page_cap = 3
    with jira(vendor) as tracker:
        refs = refs_of(tracker.create(epics))
        keys = [epic.key for epic in epics]
        assert tracker.find(keys) == {}
        vendor.tick(vendor.lag)
        asked(vendor)
        assert tracker.find([*keys, "paydown-none-c1"]) == {ref.key: ref for ref in refs}
        assert len(asked(vendor)) == 3
        assert tracker.find([]) == {}
        assert asked(vendor) == []


def test_a_search_a_page_of_a_hundred_keys(vendor: Jira) -> None:
    with jira(vendor) as tracker:
        for start in (0, 50, 100):
            tracker.create(drafts(150)[start : start + 50])
        vendor.tick(60)
        asked(vendor)
        assert len(tracker.find([epic.key for epic in drafts(150)])) == 150
        assert len(asked(vendor)) == 2


def test_a_clone_is_not_the_epic_wherever_the_epic_went(vendor: Jira) -> None:
    with jira(vendor) as tracker:
        ref = opened(tracker)
        issue = only(vendor)
        vendor.clone(issue)
        issue.project, issue.number = vendor.projects["200"], 9
        vendor.tick(60)
        found = tracker.find([ref.key])[ref.key]
    assert found.id == ref.id
    assert found.url.endswith("/browse/PAY-9")


def test_a_key_with_quotes_is_one_string_of_the_query(vendor: Jira) -> None:
    key = 'x") or project = MOD or labels in ("\\'
    with jira(vendor) as tracker:
        opened(tracker)
        vendor.tick(60)
        assert tracker.find([key]) == {}
    (search,) = [one for one in vendor.requests if "search" in one.path]
    assert '"x\\") or project = MOD or labels in (\\"\\\\"' in search.body["jql"]


def test_states_are_read_without_lag_in_few_requests(vendor: Jira) -> None:
    epics = drafts(50)
    with jira(vendor) as tracker:
        refs = refs_of(tracker.create(epics))
        vendor.tick(60)
        issues = [vendor.issues[ref.id] for ref in refs]
        vendor.move_to(issues[0], "In Progress")
        vendor.move_to(issues[1], "Done")
        vendor.delete(issues[2])
        vendor.edit(issues[3], archiveddate=vendor.stamp())
        vendor.tick(60)
        asked(vendor)
        states = states_of(tracker.status(refs))
        requests = asked(vendor)
        # A search, and by id what is closed, archived or gone; then whether we may see the gone.
        assert len(requests) == (1 + 1 if vendor.is_cloud else 1 + 3 + 1)
        assert set(states) == {epic.key for epic in epics}
        named = [states[epic.key] for epic in epics[:5]]
        assert [(one.is_open, one.status_name) for one in named] == [
            (True, "In Progress"), (False, "Done"), (False, "deleted"), (False, "archived"),
            (True, "To Do"),
        ]  # fmt: skip
        steady = states_of(tracker.status(refs[4:]))
        assert len(asked(vendor)) == 1
        assert all(one.is_open for one in steady.values())


def test_an_epic_just_opened_is_open_though_the_search_misses_it(vendor: Jira) -> None:
    with jira(vendor) as tracker:
        ref = opened(tracker)
        state = tracker.status([ref])[ref.key]
        assert state == EpicStatus(is_open=True, status_name="To Do", url=ref.url)
        issue = only(vendor)
        vendor.tick(60)
        vendor.move_to(issue, "Done")
        # Reopened this moment: the index may still say that it is done.
        vendor.tick(60)
        vendor.move_to(issue, "To Do")
        assert states_of(tracker.status([ref]))[ref.key].is_open


def test_when_an_epic_was_closed(vendor: Jira) -> None:
    with jira(vendor) as tracker:
        ref = opened(tracker)
        issue = only(vendor)
        # A resolution that outlived reopening.
        vendor.edit(issue, resolutiondate="2026-06-01T10:00:00.000+0200")
        vendor.move_to(issue, "Rejected")
        vendor.tick(60)
        state = tracker.status([ref])[ref.key]
    assert isinstance(state, EpicStatus)
    assert state.closed_at is not None
    if vendor.is_cloud:
        assert state.closed_at == vendor.clock - timedelta(seconds=60)
    else:
        assert state.closed_at.isoformat() == "2026-06-01T08:00:00+00:00"


def test_a_project_that_got_another_key_is_followed(vendor: Jira) -> None:
    with jira(vendor) as tracker:
        ref = opened(tracker)
        vendor.rename("100", "DEBT")
        vendor.tick(60)
        state = tracker.status([ref])[ref.key]
        assert isinstance(state, EpicStatus)
        assert state.url.endswith("/browse/DEBT-1")
        assert tracker.find([ref.key])[ref.key].url == state.url
    # A new run under the old key opens epics in the same project.
    with jira(vendor) as later:
        opened(later, draft("paydown-b-c1"))
    assert [issue.key for issue in vendor.issues.values()] == ["DEBT-1", "DEBT-2"]


def test_an_archived_project_is_told_and_nothing_is_taken_for_closed(vendor: Jira) -> None:
    with jira(vendor) as tracker:
        ref = opened(tracker)
        vendor.tick(60)
        vendor.projects["100"].is_archived = True
    with jira(vendor) as later:
        state = later.status([ref])[ref.key]
        assert isinstance(state, RejectedError)
        assert "project MOD is archived" in str(state)
        outcome = later.create([draft("paydown-b-c1")])["paydown-b-c1"]
        assert isinstance(outcome, RejectedError)
        with pytest.raises(RejectedError):
            later.update(ref, change())


def test_without_the_right_to_browse_nothing_is_taken_for_deleted(vendor: Jira) -> None:
    with jira(vendor) as tracker:
        ref = opened(tracker)
        vendor.tick(60)
        vendor.permissions.clear()
        # The search of the real one shows nothing either.
        vendor.index.clear()
        state = tracker.status([ref])[ref.key]
    assert isinstance(state, ForbiddenError)
    assert "can't browse MOD" in str(state)
