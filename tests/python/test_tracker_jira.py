"""Epics in a loopback Jira, Cloud and Data Center: opened, found, told, closed."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from orchestration.trackers.document import Paragraph, spans
from orchestration.trackers.jira import JiraTracker
from orchestration.trackers.jira.client import LONGEST_CALL_SECONDS
from orchestration.trackers.protocol import (
    EpicRef,
    EpicStatus,
    Figures,
    ForbiddenError,
    RejectedError,
    Tracker,
    UnavailableError,
)

from .jira_helpers import (
    FIELDS,
    FIGURES,
    asked,
    change,
    draft,
    drafts,
    jira,
    only,
    opened,
    settings,
)
from .vendor_jira import Jira


@pytest.fixture(params=["cloud", "data_center"])
def vendor(request: pytest.FixtureRequest) -> Jira:
    return Jira(is_cloud=request.param == "cloud")


def states_of(outcomes: Any) -> dict[str, EpicStatus]:
    assert all(isinstance(one, EpicStatus) for one in outcomes.values()), outcomes
    return outcomes


def refs_of(outcomes: Any) -> list[EpicRef]:
    assert all(isinstance(one, EpicRef) for one in outcomes.values()), outcomes
    return list(outcomes.values())


def test_what_an_epic_fills(vendor: Jira) -> None:
    owners = {"team-payments": {"assignee": "5b10:ana" if vendor.is_cloud else "ana"}}
    owners["team-payments"]["component"] = "Payments"
    given: dict[str, Any] = {
        "owners": owners,
        "priorities": {"promote_to_epic": "High"},
        "fields": {**FIELDS, "risk_id": "customfield_10205", "team": "Context"},
        "field_values": {"Cost center": "r&d"},
        "labels": ["modernization"],
    }
    vendor.required = {"customfield_10206"}
    with jira(vendor, **given) as tracker:
        named: Tracker = tracker
        assert named.name.startswith("jira:127.0.0.1:")
        assert named.name.endswith("/MOD")
        assert (named.batch_size, named.search_lag_seconds) == (50, 60.0)
        assert named.longest_call_seconds == LONGEST_CALL_SECONDS
        assert not named.is_idempotent
        ref = opened(tracker)
        assert tracker.notes == []
    issue = only(vendor)
    assert (ref.id, ref.was_there) == (issue.id, False)
    assert ref.url.endswith("/browse/MOD-1")
    fields = issue.fields
    assert fields["summary"] == "Modernize pay to silver: score 24"
    assert fields["labels"] == ["incident-modernization", "paydown-pay-c1", "modernization"]
    assert fields["duedate"] == "2026-09-30"
    assert fields["priority"] == {"name": "High"}
    assert fields["components"] == [{"name": "Payments"}]
    assert fields["assignee"] == ({"accountId": "5b10:ana"} if vendor.is_cloud else {"name": "ana"})
    assert fields["customfield_10201"] == 14.4
    assert fields["customfield_10202"] == 24
    assert fields["customfield_10203"] == "4000"
    assert fields["customfield_10204"] == {"value": "Silver"}
    assert fields["customfield_10205"] == ["RISK-7"]
    assert fields["customfield_10206"] == {"value": "R&D"}
    if vendor.is_cloud:
        assert fields["description"]["content"][3]["type"] == "taskList"
        assert fields["customfield_10207"]["type"] == "doc"
    else:
        assert "* ☐ retries back off" in fields["description"]
        assert fields["customfield_10207"] == "team-payments"
        assert fields["customfield_10901"] == "Modernize pay to silver: score 24"
    assert issue.properties["paydown"]["key"] == "paydown-pay-c1"


def test_many_epics_take_a_request_a_batch(vendor: Jira) -> None:
    epics = drafts(120)
    with jira(vendor) as tracker:
        refs = []
        for start in range(0, 120, tracker.batch_size):
            refs += refs_of(tracker.create(epics[start : start + tracker.batch_size]))
    requests = asked(vendor)
    assert requests.count("POST /issue/bulk") == 3
    # The project, its types (one page), fields by name, and the fields of a type by fours.
    pages = -(-len(vendor.on_create("Epic")) // vendor.meta_cap)
    assert len(requests) == 3 + 3 + pages
    assert sorted(refs, key=lambda ref: ref.key) == refs
    assert {vendor.issues[ref.id].properties["paydown"]["key"] for ref in refs} == {
        ref.key for ref in refs
    }
    assert all(ref.key in vendor.issues[ref.id].fields["labels"] for ref in refs)


def test_stories_go_below_their_epic(vendor: Jira) -> None:
    with jira(vendor) as tracker:
        epic = opened(tracker)
        story = opened(tracker, draft("paydown-pay-c1-refactor", parent=epic))
        asked(vendor)
    with jira(vendor) as later:
        # The project got another key since: what the reference's address says is old.
        vendor.rename("100", "DEBT")
        other = opened(later, draft("paydown-pay-c1-config", parent=epic))
    assert asked(vendor).count(f"GET /issue/{epic.id}") == (0 if vendor.is_cloud else 1)
    first, second = vendor.issues[story.id].fields, vendor.issues[other.id].fields
    assert first["issuetype"] == {"id": "10002"}
    if vendor.is_cloud:
        assert first["parent"] == second["parent"] == {"id": epic.id}
    else:
        assert first["customfield_10902"] == "MOD-1"
        assert second["customfield_10902"] == "DEBT-1"
        assert "customfield_10901" not in first


def test_a_service_may_ask_for_an_allowed_project(vendor: Jira) -> None:
    with jira(vendor, other_projects=["PAY"]) as tracker:
        keys = ("MOD", "PAY", "ELSE")
        epics = [draft(f"paydown-{key.lower()}-c1", project_key=key) for key in keys]
        refs_of(tracker.create(epics))
        assert tracker.notes == [
            "the service asks for project ELSE: add it to `other_projects` to allow that"
        ]
    assert [issue.key for issue in vendor.issues.values()] == ["MOD-1", "PAY-1", "MOD-2"]


def test_one_bad_draft_leaves_the_others_alone(vendor: Jira) -> None:
    epics = drafts(4)
    with jira(vendor) as tracker:
        opened(tracker)
        asked(vendor)
        # Required since the fields were read; what fills it for two of them is not our business.
        vendor.wrong_to_create, kept = (  # type: ignore[method-assign]
            lambda fields: (
                {"customfield_10206": "Cost center is required."}
                if fields["labels"][1][9:12] in ("001", "003")
                else kept(fields)
            ),
            vendor.wrong_to_create,
        )
        outcomes = tracker.create(epics)
    assert [type(outcomes[epic.key]) for epic in epics] == [
        EpicRef, RejectedError, EpicRef, RejectedError,
    ]  # fmt: skip
    assert "Cost center is required" in str(outcomes[epics[1].key])
    assert "field_values" in str(outcomes[epics[1].key])
    for epic in (epics[0], epics[2]):
        ref = outcomes[epic.key]
        assert isinstance(ref, EpicRef)
        assert epic.key in vendor.issues[ref.id].fields["labels"]
    assert asked(vendor) == ["POST /issue/bulk"]


def test_an_owner_who_left_doesn_t_keep_the_epic_from_being_opened(vendor: Jira) -> None:
    owners = {"team-payments": {"assignee": "gone", "component": "Payments"}}
    vendor.allowed["components"] = ["Other"]
    epics = [draft("paydown-a-c1"), draft("paydown-b-c1", owner="team-search")]
    with jira(vendor, owners=owners) as tracker:
        refs = refs_of(tracker.create(epics))
        assert len(refs) == len(vendor.issues) == 2
        assert any("left out: assignee: User cannot be assigned" in one for one in tracker.notes)
        assert "field 'Component/s' takes Other, and not 'Payments'; it stays empty" in (
            tracker.notes
        )
    assert [one for one in asked(vendor) if one == "POST /issue/bulk"] == ["POST /issue/bulk"] * 2
    assert all("assignee" not in issue.fields for issue in vendor.issues.values())


def test_a_required_field_that_nobody_fills_is_named_with_its_remedy(vendor: Jira) -> None:
    vendor.required = {"customfield_10206"}
    with jira(vendor) as tracker:
        outcome = tracker.create([draft()])["paydown-pay-c1"]
    assert isinstance(outcome, RejectedError)
    assert "requires 'Cost center' (customfield_10206, one of R&D, Run)" in str(outcome)
    assert "`field_values`" in str(outcome)
    assert "POST /issue/bulk" not in asked(vendor)


def test_a_configured_value_that_jira_refuses_is_not_dropped(vendor: Jira) -> None:
    with jira(vendor, field_values={"Cost center": {"value": "Sales"}}) as tracker:
        outcome = tracker.create([draft()])["paydown-pay-c1"]
    assert isinstance(outcome, RejectedError)
    assert "customfield_10206: Option" in str(outcome)
    assert not vendor.issues


def test_what_is_not_on_the_screen_is_said_once(vendor: Jira) -> None:
    vendor.create_screen = {
        "summary", "labels", "customfield_10202", "customfield_10901", "customfield_10902",
    }  # fmt: skip
    with jira(vendor, fields={**FIELDS, "team": "Squad"}) as tracker:
        opened(tracker)
        opened(tracker, draft("paydown-b-c1"))
        assert tracker.notes == [
            "Description is not on the screen of Epic",
            "Due date is not on the screen",
            "field 'SLO Burn' for slo_burn is not on the screen",
            "field 'Budget' for budget_usd is not on the screen",
            "field 'Squad' for team does not exist, or is hidden from us",
            "field 'Maturity' for target_maturity is not on the screen",
        ]
    assert only_fields(vendor) == {"summary", "labels", "customfield_10202"}


def only_fields(vendor: Jira) -> set[str]:
    ours = {"status", "created", "project", "issuetype", "customfield_10901"}
    return {name for issue in vendor.issues.values() for name in issue.fields} - ours


def test_a_screen_without_labels_is_refused_since_nothing_would_be_found_again(
    vendor: Jira,
) -> None:
    vendor.create_screen = {"summary", "description"}
    with jira(vendor) as tracker:
        outcome = tracker.create([draft()])["paydown-pay-c1"]
    assert isinstance(outcome, RejectedError)
    assert "lacks Labels" in str(outcome)
    assert not vendor.issues


def test_of_two_fields_with_one_name_the_one_on_the_screen_is_filled(vendor: Jira) -> None:
    # Listed first, but in use elsewhere.
    vendor.fields = {"customfield_1": vendor.fields["customfield_10201"], **vendor.fields}
    vendor.create_screen = {*vendor.fields} - {"customfield_1"}
    vendor.edit_screen = vendor.create_screen
    with jira(vendor) as tracker:
        ref = opened(tracker)
        new = replace(FIGURES, slo_burn=15.5)
        tracker.update(ref, change(figures=new))
    assert only(vendor).fields["customfield_10201"] == 15.5
    assert "customfield_1" not in only(vendor).fields


def test_rehearsing_sends_nothing_and_shows_what_would_be(vendor: Jira) -> None:
    with jira(vendor) as tracker:
        epic = draft(owner="team-search", target_maturity="platinum")
        rehearsal = tracker.rehearse([epic])[epic.key]
        assert not isinstance(rehearsal, Exception)
        assert rehearsal.notes == (
            "field 'Maturity' takes Bronze, Silver, Gold, and not 'platinum'; it stays empty",
        )
        assert {one.split()[0] for one in asked(vendor)} == {"GET"}
        ref = opened(tracker, epic)
        (sent,) = [one for one in vendor.requests if one.method == "POST"]
    assert sent.body == {"issueUpdates": [rehearsal.request]}
    assert ref.key == epic.key
    vendor.required = {"customfield_10206"}
    with jira(vendor) as tracker:
        assert isinstance(tracker.rehearse([epic])[epic.key], RejectedError)


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


def test_a_secret_that_is_missing_is_named() -> None:
    vendor = Jira()
    config = settings("http://127.0.0.1:9", vendor)
    with pytest.raises(ForbiddenError, match="JIRA_TOKEN is not set"):
        JiraTracker(config, {"JIRA_USER": "a@b.c"})


def test_a_jira_that_is_not_there_is_unavailable() -> None:
    with jira(Jira()) as tracker:
        pass
    with pytest.raises(UnavailableError):
        tracker.create([draft()])
    with pytest.raises(UnavailableError):
        tracker.find(["paydown-a-c1"])
