"""Which epics of a loopback Jira nobody touched: what paydown does itself, and what people do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from orchestration.trackers.jira import JiraTracker

from orchestration.trackers.protocol import EpicRef, RejectedError

from .jira_helpers import FIELDS, FIGURES, change, draft, drafts, jira, opened
from .vendor_jira import Jira
from .vendor_jira_state import Issue


@pytest.fixture(params=["cloud", "data_center"])
def vendor(request: pytest.FixtureRequest) -> Jira:
    return Jira(is_cloud=request.param == "cloud")


def body(vendor: Jira, text: str = "hm") -> Any:
    """A comment as the vendor keeps it."""
    if not vendor.is_cloud:
        return text
    content = [{"type": "paragraph", "content": [{"type": "text", "text": text}]}]
    return {"type": "doc", "version": 1, "content": content}


def untouched(tracker: JiraTracker, ref: EpicRef) -> bool:
    told = tracker.untouched([ref])[ref.key]
    assert isinstance(told, bool), told
    return told


def test_what_paydown_does_leaves_an_epic_and_its_story_untouched(vendor: Jira) -> None:
    with jira(vendor) as tracker:
        ref = opened(tracker)
        assert untouched(tracker, ref)
        story = opened(tracker, draft("paydown-pay-c1-config", parent=ref))
        tracker.update(ref, change())
        new = replace(FIGURES, score=26, slo_burn=20.0, budget_usd=5000.0)
        tracker.update(ref, change(2, figures=new, written=change().figures))
        # Also beyond the first page of comments and history.
        vendor.history_cap = 1
        for one in (ref, story):
            assert vendor.issues[one.id].changes
            assert untouched(tracker, one)
        # A close that was cut short: of the story it is done, and nobody has noted it.
        tracker.close(story, change(3))
        assert untouched(tracker, story)


def test_figures_that_are_mapped_by_their_id_are_ours_too(vendor: Jira) -> None:
    with jira(vendor, fields={**FIELDS, "score": "customfield_10202"}) as tracker:
        ref = opened(tracker)
        tracker.update(ref, change())
        assert untouched(tracker, ref)


def test_a_link_whose_field_was_renamed_is_still_a_link() -> None:
    vendor = Jira(is_cloud=False)
    vendor.fields["customfield_10902"] = ("Lien d'epic", vendor.fields["customfield_10902"][1])
    with jira(vendor) as tracker:
        ref = opened(tracker)
        story = opened(tracker, draft("paydown-pay-c1-config", parent=ref))
        assert untouched(tracker, story)


def assigned(vendor: Jira, issue: Issue, by: str) -> None:
    vendor.edit(issue, by, assignee=vendor.people[by])


def retitled(vendor: Jira, issue: Issue, by: str) -> None:
    vendor.edit(issue, by, summary="Mine")


def with_a_figure(vendor: Jira, issue: Issue, by: str) -> None:
    """In one edit with a figure of ours."""
    vendor.edit(issue, by, customfield_10202=30, summary="Mine")


def other_field(vendor: Jira, issue: Issue, by: str) -> None:
    vendor.edit(issue, by, customfield_10206={"value": "Run"})


def commented(vendor: Jira, issue: Issue, by: str) -> None:
    vendor.comment(issue, body(vendor), by)


def quoted(vendor: Jira, issue: Issue, by: str) -> None:
    """Names a change, but isn't its telling."""
    vendor.comment(issue, body(vendor, "Why change-000000000001, of all?"), by)


def started(vendor: Jira, issue: Issue, by: str) -> None:
    vendor.move_to(issue, "In Progress", by)


def reopened(vendor: Jira, issue: Issue, by: str) -> None:
    vendor.move_to(issue, "Done", by)
    vendor.move_to(issue, "To Do", by)


@pytest.mark.parametrize("by", ["ana", "bot"])
@pytest.mark.parametrize(
    "edit",
    [
        assigned, retitled, with_a_figure, other_field, commented, quoted, started, reopened,
    ],
)  # fmt: skip
def test_what_anybody_does_by_hand_touches_it(
    vendor: Jira, edit: Callable[[Jira, Issue, str], None], by: str
) -> None:
    """Also somebody whose account and token are paydown's."""
    with jira(vendor) as tracker:
        ref = opened(tracker)
        tracker.update(ref, change())
        assert untouched(tracker, ref)
        edit(vendor, vendor.issues[ref.id], by)
        assert not untouched(tracker, ref)


def figure(vendor: Jira, issue: Issue) -> None:
    vendor.edit(issue, "ana", customfield_10202=30)


def comment_edited(vendor: Jira, issue: Issue) -> None:
    issue.comments[0]["updateAuthor"] = vendor.people["ana"]


def comment_copied(vendor: Jira, issue: Issue) -> None:
    vendor.comment(issue, issue.comments[0]["body"], "ana")


def linked(vendor: Jira, issue: Issue) -> None:
    vendor.log(issue, "ana", "Epic Child")


def closed(vendor: Jira, issue: Issue) -> None:
    vendor.move_to(issue, "Done", "ana")


def created(vendor: Jira, issue: Issue) -> None:
    issue.creator = vendor.people["ana"]


@pytest.mark.parametrize("edit", [figure, comment_edited, comment_copied, linked, closed, created])
def test_what_only_paydown_may_do_touches_it_when_others_do_it(
    vendor: Jira, edit: Callable[[Jira, Issue], None]
) -> None:
    with jira(vendor) as tracker:
        ref = opened(tracker)
        tracker.update(ref, change())
        edit(vendor, vendor.issues[ref.id])
        assert not untouched(tracker, ref)


def test_a_person_beyond_the_first_page_is_seen(vendor: Jira) -> None:
    with jira(vendor) as tracker:
        refs = [opened(tracker, epic) for epic in drafts(2)]
        vendor.history_cap = 2
        for number in range(1, 6):
            for ref in refs:
                written, new = (replace(FIGURES, score=n + number) for n in (23, 24))
                tracker.update(ref, change(number, figures=new, written=written))
        first, second = (vendor.issues[ref.id] for ref in refs)
        vendor.edit(first, duedate="2027-01-01")
        second.comments.insert(0, vendor.comment(second, body(vendor)))
        second.comments.pop()
        assert [untouched(tracker, ref) for ref in refs] == [False, False]


def test_an_epic_that_is_gone_can_t_be_told(vendor: Jira) -> None:
    with jira(vendor) as tracker:
        ref = opened(tracker)
        vendor.delete(vendor.issues[ref.id])
        assert isinstance(tracker.untouched([ref])[ref.key], RejectedError)
