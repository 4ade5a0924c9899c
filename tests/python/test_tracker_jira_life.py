"""Epics in a loopback Jira, Cloud and Data Center: told of what is new, and closed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from orchestration.trackers.document import Paragraph, spans
from orchestration.trackers.protocol import (
    Figures,
    RejectedError,
)

from .jira_helpers import (
    FIGURES,
    asked,
    change,
    draft,
    jira,
    only,
    opened,
    states_of,
)
from .vendor_jira import Jira


@pytest.fixture(params=["cloud", "data_center"])
def vendor(request: pytest.FixtureRequest) -> Jira:
    return Jira(is_cloud=request.param == "cloud")


def test_new_evidence_is_one_comment_and_true_figures(vendor: Jira) -> None:
    with jira(vendor) as tracker:
        ref = opened(tracker)
        asked(vendor)
        new = Figures(score=26, slo_burn=20.0, estimate_days=5.0, budget_usd=4000.5)
        assert tracker.update(ref, change(figures=new)) == frozenset()
        # With another run's figures: one GET, one comment, one PUT.
        assert asked(vendor) == [
            f"GET /issue/{ref.id}", f"POST /issue/{ref.id}/comment", f"PUT /issue/{ref.id}",
        ]  # fmt: skip
        issue = only(vendor)
        assert issue.fields["customfield_10201"] == 20
        assert issue.fields["customfield_10202"] == 26
        assert issue.fields["customfield_10203"] == "4000.5"
        (comment,) = issue.comments
        assert "change-000000000001" in str(comment["body"])
        assert "Two more incidents." in str(comment["body"])
        # The same figures again: nothing to write.
        tracker.update(ref, change(2, figures=new, written=new))
        assert [one.split()[0] for one in asked(vendor)] == ["GET", "POST"]
        # A figure that is no longer known is no longer shown.
        tracker.update(ref, change(3, figures=replace(new, slo_burn=None), written=new))
        assert issue.fields["customfield_10201"] is None


def test_a_retry_adds_only_what_is_missing(vendor: Jira) -> None:
    with jira(vendor) as tracker:
        ref = opened(tracker)
        tracker.update(ref, change())
        issue = only(vendor)
        # Many comments later, over several pages; and one whose mark begins like ours.
        vendor.history_cap = 3
        tracker.update(ref, change(2, change_id="change-0000000000012"))
        for _ in range(7):
            vendor.comment(issue, {"type": "doc", "content": []} if vendor.is_cloud else "hm")
        count = len(issue.comments)
        asked(vendor)
        issue.fields["customfield_10202"] = 24.0
        tracker.update(ref, change(is_retry=True))
        assert len(issue.comments) == count
        assert issue.fields["customfield_10202"] == 25
        tracker.update(ref, change(is_retry=True, change_id="change-00000000000"))
        assert len(issue.comments) == count + 1


def test_a_person_s_figures_stay_and_are_reported(vendor: Jira) -> None:
    with jira(vendor) as tracker:
        ref = opened(tracker)
        issue = only(vendor)
        vendor.edit(issue, customfield_10201=2.0, customfield_10203="$ 12k")
        new = Figures(score=26, slo_burn=20.0, budget_usd=5000.0)
        asked(vendor)
        assert tracker.update(ref, change(figures=new)) == {"slo_burn", "budget_usd"}
        (put,) = [one for one in vendor.requests if one.method == "PUT"]
        assert len(vendor.requests) == 3
        assert put.body == {"fields": {"customfield_10202": 26}}
        # Cleared by a person is edited by a person.
        vendor.edit(issue, customfield_10202=None)
        assert "score" in tracker.update(ref, change(2, written=new, figures=FIGURES))
        # What was written last isn't known: everything stays.
        assert tracker.update(ref, change(3, written=None)) == frozenset()
        assert issue.fields["customfield_10202"] is None


def test_a_field_that_was_mapped_later_is_filled(vendor: Jira) -> None:
    with jira(vendor, fields={}) as tracker:
        ref = opened(tracker)
    assert "customfield_10202" not in only(vendor).fields
    with jira(vendor) as later:
        new = replace(FIGURES, score=25, budget_usd=None)
        assert later.update(ref, change(figures=new)) == frozenset()
        assert only(vendor).fields["customfield_10202"] == 25
        vendor.edit(only(vendor), customfield_10202=None)
        newest = replace(FIGURES, score=26, budget_usd=None)
        assert later.update(ref, change(2, figures=newest, written=new)) == {"score"}


def test_an_epic_recorded_by_its_key_is_followed_too(vendor: Jira) -> None:
    with jira(vendor) as tracker:
        ref = replace(opened(tracker), id="MOD-1")
        story = opened(tracker, draft("paydown-pay-c1-config", parent=ref))
        vendor.tick(60)
        vendor.rename("100", "DEBT")
        assert states_of(tracker.status([ref]))[ref.key].is_open
        tracker.update(ref, change())
    assert len(vendor.by_label(ref.key)[0].comments) == 1
    fields = vendor.issues[story.id].fields
    assert fields["parent" if vendor.is_cloud else "customfield_10902"] == (
        {"key": "MOD-1"} if vendor.is_cloud else "MOD-1"
    )


@pytest.mark.parametrize("written", ["4000", "4000.0", " 4000 "])
def test_a_number_is_the_same_however_it_is_written(vendor: Jira, written: str) -> None:
    with jira(vendor) as tracker:
        ref = opened(tracker)
        only(vendor).fields |= {"customfield_10203": written, "customfield_10202": 24.0}
        new = replace(FIGURES, score=25, budget_usd=1234567.0)
        assert tracker.update(ref, change(figures=new)) == frozenset()
    assert only(vendor).fields["customfield_10203"] == "1234567"


def test_a_figure_off_the_edit_screen_is_said_once(vendor: Jira) -> None:
    vendor.edit_screen = {"summary", "customfield_10202"}
    with jira(vendor) as tracker:
        ref = opened(tracker)
        new = replace(FIGURES, slo_burn=20.0, score=26)
        assert tracker.update(ref, change(figures=new)) == frozenset()
        tracker.update(ref, change(2, figures=replace(new, score=27), written=new))
        assert tracker.notes == [
            "field for slo_burn can't be edited: put it on the edit screen",
            "field for budget_usd can't be edited: put it on the edit screen",
        ]
    assert only(vendor).fields["customfield_10202"] == 27


def test_closing_takes_the_way_to_done(vendor: Jira) -> None:
    with jira(vendor) as tracker:
        ref = opened(tracker)
        tracker.close(ref, change())
        issue = only(vendor)
        assert issue.fields["status"] == "Done"
        (comment,) = issue.comments
        assert "change-000000000001" in str(comment["body"])
        (moved,) = [one for one in vendor.requests if one.path.endswith("transitions") and one.body]
        assert moved.body["fields"] == {"resolution": {"name": "Done"}}
        assert tracker.untouched([ref]) == {ref.key: True}
        # Closed already is fine, and a retry says it only once.
        tracker.close(ref, change(is_retry=True))
        assert len(issue.comments) == 1


def test_closing_by_another_name(vendor: Jira) -> None:
    with jira(vendor, done_transition="rejected") as tracker:
        ref = opened(tracker)
        tracker.close(ref, change())
    assert only(vendor).fields["status"] == "Rejected"


@pytest.mark.parametrize(
    ("ways", "screen", "words"),
    [
        (("In Progress",), {}, "ways from there: Move to In Progress"),
        (
            ("Done",),
            {"customfield_10206": {"name": "Cost center", "required": True}},
            "requires 'Cost center' (customfield_10206)",
        ),
    ],
)
def test_where_no_way_leads_to_done_nothing_is_done(
    vendor: Jira, ways: tuple[str, ...], screen: Any, words: str
) -> None:
    vendor.workflow = {"To Do": ways}
    vendor.transition_fields = screen
    with jira(vendor) as tracker:
        ref = opened(tracker)
        with pytest.raises(RejectedError) as told:
            tracker.close(ref, change())
    assert words in str(told.value)
    assert only(vendor).comments == []


def test_a_deleted_epic_takes_no_evidence(vendor: Jira) -> None:
    with jira(vendor) as tracker:
        ref = opened(tracker)
        vendor.delete(only(vendor))
        for attempt in (tracker.update, tracker.close):
            with pytest.raises(RejectedError, match="is gone"):
                attempt(ref, change())


def test_a_long_body_is_cut_and_a_long_comment_keeps_its_mark(vendor: Jira) -> None:
    body = tuple(Paragraph(spans("x" * 400)) for _ in range(200))
    with jira(vendor) as tracker:
        ref = opened(tracker, draft(body=body))
        tracker.update(ref, change(body=body))
        issue = only(vendor)
        assert "Cut here" in str(issue.fields["description"])
        assert "Cut here" in str(issue.comments[0]["body"])
        tracker.update(ref, change(body=body, is_retry=True))
        assert len(issue.comments) == 1
