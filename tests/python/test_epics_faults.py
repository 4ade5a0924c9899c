"""The publisher against a tracker that fails the way real ones do, in simulated time."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from orchestration.epics.content import epic_key
from orchestration.epics.reconcile import close_by_hand
from orchestration.epics.report import EpicsReport
from orchestration.ledger import EpicState, Ledger
from orchestration.trackers.protocol import (
    AmbiguousError,
    ForbiddenError,
    RejectedError,
    UnavailableError,
)

from .decisions import publish as publish_rows
from .epics_world import row
from .fake_tracker import LAG, LONGEST_CALL, NOW, FakeTracker, done_but, instead

pytestmark = pytest.mark.usefixtures("decisions")


@pytest.fixture
def tracker() -> FakeTracker:
    return FakeTracker()


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(f"sqlite:///{tmp_path / 'ledger.db'}")


def publish(
    ledger: Ledger, tracker: FakeTracker, rows: list[dict[str, Any]], **options: Any
) -> EpicsReport:
    given: dict[str, Any] = {"now": NOW, "clock": tracker.clock, "sleep": tracker.sleep}
    return publish_rows(rows, ledger, tracker, **(given | options))


def services(count: int, **columns: Any) -> list[dict[str, Any]]:
    return [row(f"s{n}", score_rank=n, **columns) for n in range(count)]


def states(ledger: Ledger) -> dict[str, EpicState]:
    return {record.service: record.state for record in ledger.records("fake")}


def kinds(ledger: Ledger, service_id: str) -> list[str]:
    return [event.kind for event in ledger.events("fake", epic_key(service_id, 1))]


@pytest.mark.parametrize(("batch_size", "creates"), [(50, 3), (1, 120)])
def test_the_number_of_requests(ledger: Ledger, batch_size: int, creates: int) -> None:
    tracker = FakeTracker(batch_size)
    report = publish(ledger, tracker, services(120))
    assert len(report.opened) == 120
    assert tracker.requests == ["find", *["create", "status"] * creates]
    tracker.requests.clear()
    publish(ledger, tracker, services(120))
    assert tracker.requests == ["status"]


def test_a_time_out_after_the_server_did_it(ledger: Ledger, tracker: FakeTracker) -> None:
    tracker.faults["create"] = [done_but(AmbiguousError("read timed out"))]
    report = publish(ledger, tracker, services(3))
    assert len(report.opened) == 3
    assert tracker.waited == LAG
    assert tracker.requests == ["find", "create", "find", "status"]
    assert sorted(tracker.keys) == sorted(str(e.key) for e in report.opened)
    assert kinds(ledger, "s0") == ["claimed", "ambiguous", "opened"]
    assert not publish(ledger, tracker, services(3)).has_changes


def test_a_time_out_before_the_server_did_it(ledger: Ledger, tracker: FakeTracker) -> None:
    tracker.faults["create"] = [instead(AmbiguousError("connection reset"))]
    report = publish(ledger, tracker, services(3))
    assert len(report.opened) == 3
    # Nothing of the first call can take effect any more when it is made again.
    assert tracker.waited == LAG + LONGEST_CALL
    assert len(tracker.keys) == 3


def test_an_answer_that_leaves_keys_out(ledger: Ledger, tracker: FakeTracker) -> None:
    def forgetful(act: Callable[[], Any]) -> Any:
        return dict(list(act().items())[:1])

    tracker.faults["create"] = [forgetful]
    assert len(publish(ledger, tracker, services(3)).opened) == 3
    assert sorted(tracker.keys) == sorted(epic_key(f"s{n}", 1) for n in range(3))


def test_twice_ambiguous_is_left_to_the_next_run(ledger: Ledger, tracker: FakeTracker) -> None:
    tracker.faults["create"] = [
        instead(AmbiguousError("502")),
        done_but(AmbiguousError("502")),
    ]
    report = publish(ledger, tracker, services(1))
    assert "the next run looks" in report.failed[0].reason
    assert states(ledger) == {"s0": EpicState.INTENDED}

    # A run right after it finds nothing yet, must not create, and says who has it.
    tracker.sleep(1)
    hasty = publish(ledger, tracker, services(1))
    assert "is opening it since" in hasty.waiting[0].reason
    assert len(tracker.keys) == 1

    tracker.sleep(3600)
    late = publish(ledger, tracker, services(1))
    assert [e.key for e in late.already_open] == tracker.keys
    assert states(ledger) == {"s0": EpicState.OPENED}


def test_an_intent_is_adopted_even_when_the_service_is_promoted_no_more(
    ledger: Ledger, tracker: FakeTracker
) -> None:
    tracker.faults["create"] = [done_but(KeyboardInterrupt())]
    with pytest.raises(KeyboardInterrupt):
        publish(ledger, tracker, services(1))
    tracker.sleep(3600)
    waiting = services(1, decision="blocked", owner="")
    publish(ledger, tracker, waiting)
    assert states(ledger) == {"s0": EpicState.OPENED}
    assert len(tracker.keys) == 1


def test_an_attempt_that_came_to_nothing_is_asked_about_once(
    ledger: Ledger, tracker: FakeTracker
) -> None:
    tracker.faults["create"] = [instead(KeyboardInterrupt())]
    with pytest.raises(KeyboardInterrupt):
        publish(ledger, tracker, services(1))
    over = services(1, decision="close", score=3)
    publish(ledger, tracker, over)
    assert states(ledger) == {"s0": EpicState.INTENDED}, "it may turn up until its lease is over"
    tracker.sleep(3600)
    publish(ledger, tracker, over)
    assert states(ledger) == {"s0": EpicState.FAILED}
    assert kinds(ledger, "s0") == ["claimed", "missing"]
    tracker.requests.clear()
    publish(ledger, tracker, over)
    assert tracker.requests == []


def test_a_run_that_stalled_after_its_claim_looks_who_has_it_before_it_sends(
    ledger: Ledger, tracker: FakeTracker, monkeypatch: pytest.MonkeyPatch
) -> None:
    claim = ledger.claim

    def stall(*arguments: Any) -> Any:
        claims = claim(*arguments)
        monkeypatch.undo()
        tracker.sleep(3600)  # Far longer than a call may take.
        assert len(publish(ledger, tracker, services(1)).opened) == 1
        return claims

    monkeypatch.setattr(ledger, "claim", stall)
    report = publish(ledger, tracker, services(1))
    assert "the ledger has changed" in report.waiting[0].reason
    assert len(tracker.keys) == 1


def test_what_was_not_opened_waits_for_a_place_as_any_other(
    ledger: Ledger, tracker: FakeTracker
) -> None:
    tracker.faults["create"] = [instead(UnavailableError("503"))]
    publish(ledger, tracker, services(2, team_id="edge", wip_limit=2))
    report = publish(ledger, tracker, services(2, team_id="edge", wip_limit=1))
    assert [e.service for e in report.opened] == ["s0"]
    assert [e.service for e in report.waiting] == ["s1"]


def test_a_search_that_fails_before_anything_is_sent_blocks_nobody(
    ledger: Ledger, tracker: FakeTracker
) -> None:
    tracker.faults["create"] = [instead(KeyboardInterrupt())]
    with pytest.raises(KeyboardInterrupt):
        publish(ledger, tracker, services(1))
    tracker.sleep(3600)
    tracker.faults["find"] = [lambda act: act(), instead(UnavailableError("503"))]
    report = publish(ledger, tracker, services(2))
    assert report.stopped == "503"
    assert [e.reason for e in report.failed] == ["not attempted: 503"] * 2
    assert len(publish(ledger, tracker, services(2)).opened) == 2
    assert len(tracker.keys) == 2


def test_an_epic_that_was_destroyed_holds_its_place_until_it_is_closed_by_hand(
    ledger: Ledger, tracker: FakeTracker
) -> None:
    limited = services(2, team="edge", wip_limit=1)
    assert [e.service for e in publish(ledger, tracker, limited).opened] == ["s0"]
    lost = tracker.epics.pop()[0]
    report = publish(ledger, tracker, limited)
    assert f"paydown ledger close {lost.key}" in report.failed[0].reason
    assert [e.service for e in report.waiting] == ["s1"]
    close_by_hand(ledger, lost.key, tracker=None, why="destroyed", now=NOW, at=NOW)
    assert [e.service for e in publish(ledger, tracker, limited).opened] == ["s1"]
    # Its next incident opens a new cycle, though the tracker still can't show the first epic.
    later = [row("s0", team="edge", newest_incident_at=datetime(2027, 1, 1)), limited[1]]
    tracker.closed.add(epic_key("s1", 1))
    assert [e.key for e in publish(ledger, tracker, later).opened] == [epic_key("s0", 2)]


def test_an_epic_that_cannot_be_seen_for_the_moment_is_not_taken_for_closed(
    ledger: Ledger, tracker: FakeTracker
) -> None:
    publish(ledger, tracker, services(1))
    tracker.closed.add(epic_key("s0", 1))
    publish(ledger, tracker, services(1))
    assert states(ledger) == {"s0": EpicState.CLOSED}
    tracker.faults["status"] = [
        lambda _act: {epic_key("s0", 1): UnavailableError("not readable now")}
    ]
    again = [row("s0", newest_incident_at=datetime(2027, 1, 1))]
    assert "not readable now" in publish(ledger, tracker, again).failed[0].reason
    assert len(tracker.keys) == 1


def test_no_permission_stops_the_run(ledger: Ledger) -> None:
    tracker = FakeTracker(batch_size=2)
    publish(ledger, tracker, [row("old", score_rank=99)])
    tracker.requests.clear()
    tracker.faults["create"] = [lambda act: act(), instead(ForbiddenError("no right to create"))]
    rows = [
        *services(6),
        row("old", score_rank=99, score=30),
        row("x", score_rank=100, decision="close"),
    ]
    report = publish(ledger, tracker, rows)
    assert report.stopped == "no right to create"
    assert [e.service for e in report.opened] == ["s0", "s1"]
    assert [e.service for e in report.failed] == ["s2", "s3", "s4", "s5", "old"]
    assert [e.service for e in report.closed_as_hygiene] == ["x"]
    assert tracker.requests == ["status", "find", "create", "status", "create"]
    assert states(ledger)["s2"] is EpicState.FAILED
    # With the permission back, the very next run completes it.
    again = publish(ledger, tracker, rows)
    assert [e.service for e in again.opened] == ["s2", "s3", "s4", "s5"]
    assert [e.service for e in again.updated] == ["old"]
    assert again.stopped is None


def test_a_rejected_row_is_alone(ledger: Ledger, tracker: FakeTracker) -> None:
    tracker.rejected_keys = {epic_key("s1", 1)}
    report = publish(ledger, tracker, services(3))
    assert [(e.service, e.reason) for e in report.failed] == [("s1", "field Team is required")]
    assert [e.service for e in report.opened] == ["s0", "s2"]
    assert report.stopped is None
    reasons = {record.service: record.reason for record in ledger.records("fake")}
    assert reasons["s1"] == "field Team is required"
    assert len(publish(ledger, tracker, services(3)).failed) == 1
    tracker.rejected_keys = set()
    assert [e.service for e in publish(ledger, tracker, services(3)).opened] == ["s1"]
    assert kinds(ledger, "s1")[-2:] == ["claimed", "opened"]


@pytest.mark.parametrize("request_kind", ["status", "find", "create"])
def test_a_tracker_that_is_down(ledger: Ledger, tracker: FakeTracker, request_kind: str) -> None:
    publish(ledger, tracker, [row("old")])
    tracker.faults[request_kind] = [instead(UnavailableError("503 for 5 minutes"))]
    rows = [
        row("old"),
        row("new", score_rank=2),
        row("x", score_rank=3, decision="blocked", owner=""),
    ]
    report = publish(ledger, tracker, rows)
    # Where only the first question failed, the previous state stands.
    went_on = request_kind == "status"
    assert [e.service for e in (report.opened if went_on else report.failed)] == ["new"]
    assert [e.service for e in report.blocked] == ["x"]
    assert report.stopped == "503 for 5 minutes"
    assert not report.is_clean
    again = publish(ledger, tracker, rows)
    assert [e.service for e in again.opened] == ([] if went_on else ["new"])


def test_evidence_whose_outcome_is_unknown_is_told_once(
    ledger: Ledger, tracker: FakeTracker
) -> None:
    publish(ledger, tracker, services(1))
    tracker.faults["update"] = [done_but(AmbiguousError("read timed out"))]
    report = publish(ledger, tracker, services(1, score=27))
    assert "the next run looks" in report.failed[0].reason
    assert len(tracker.told) == 1
    tracker.sleep(3600)
    assert len(publish(ledger, tracker, services(1, score=27)).updated) == 1
    assert len(tracker.told) == 1
    assert not publish(ledger, tracker, services(1, score=27)).has_changes


def test_evidence_that_was_told_before_a_tracker_went_down_is_told_once(
    ledger: Ledger, tracker: FakeTracker
) -> None:
    publish(ledger, tracker, services(1))
    news = services(1, score=27)
    tracker.faults["update"] = [done_but(AmbiguousError("read timed out"))]
    publish(ledger, tracker, news)
    tracker.sleep(3600)
    # The one that looks whether it was told can't: nothing is known of the first one yet.
    tracker.is_down = True
    assert publish(ledger, tracker, news).failed[0].reason == "503"
    tracker.is_down = False
    assert len(publish(ledger, tracker, news).updated) == 1
    assert len(tracker.told) == 1
    assert not publish(ledger, tracker, news).has_changes


def test_evidence_that_goes_back_and_forth_between_dying_runs_is_told_under_no_id_twice(
    ledger: Ledger, tracker: FakeTracker
) -> None:
    publish(ledger, tracker, services(1))
    for score in (27, 28, 27, 28):
        tracker.faults["update"] = [done_but(KeyboardInterrupt())]
        with pytest.raises(KeyboardInterrupt):
            publish(ledger, tracker, services(1, score=score))
        tracker.sleep(3600)
    publish(ledger, tracker, services(1, score=28))
    ids = [change.change_id for change in tracker.told]
    assert len(ids) == len(set(ids)) == 4
    assert not publish(ledger, tracker, services(1, score=28)).has_changes


def test_evidence_that_was_refused_is_tried_again(ledger: Ledger, tracker: FakeTracker) -> None:
    publish(ledger, tracker, services(1))
    tracker.faults["update"] = [instead(RejectedError("comment too long"))]
    assert publish(ledger, tracker, services(1, score=27)).failed[0].reason == "comment too long"
    assert len(publish(ledger, tracker, services(1, score=27)).updated) == 1
    assert [change.is_retry for change in tracker.told] == [False]


def test_a_run_that_stalls_again_and_again_sends_nothing(
    ledger: Ledger, tracker: FakeTracker, monkeypatch: pytest.MonkeyPatch
) -> None:
    claim = ledger.claim

    def slow(*arguments: Any) -> Any:
        claims = claim(*arguments)
        tracker.sleep(31)
        return claims

    monkeypatch.setattr(ledger, "claim", slow)
    assert "stalled" in publish(ledger, tracker, services(1)).failed[0].reason
    monkeypatch.undo()
    assert tracker.keys == []
    assert len(publish(ledger, tracker, services(1)).opened) == 1


def test_a_duplicate_that_a_freeze_within_the_call_made_is_told(
    ledger: Ledger, tracker: FakeTracker
) -> None:
    def frozen(act: Callable[[], Any]) -> Any:
        tracker.sleep(3600)  # Far longer than a call may take.
        publish(ledger, tracker, services(1))
        return act()

    tracker.faults["create"] = [frozen]
    report = publish(ledger, tracker, services(1))
    assert report.failed[0].reason == "the tracker has it twice, MOD-1 and MOD-2: close one of them"


def test_a_dry_run_only_reads(ledger: Ledger, tracker: FakeTracker) -> None:
    publish(ledger, tracker, services(1))
    tracker.requests.clear()
    report = publish(ledger, tracker, services(3, score=30), dry_run=True)
    assert (len(report.opened), len(report.updated)) == (2, 1)
    assert tracker.requests == ["find", "status"]
    assert len(ledger.records("fake")) == 1
