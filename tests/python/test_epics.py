"""What becomes of rows of rpt_promotion_candidates, with the embedded tracker and SQLite."""

from __future__ import annotations

import shutil
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from orchestration.epics.candidates import epic_key, read_candidates
from orchestration.epics.publisher import publish_epics
from orchestration.epics.reconcile import reconcile
from orchestration.epics.run import Run
from orchestration.ledger import EpicState, Ledger
from orchestration.trackers.local import LocalTracker

from .decisions import DECIDED
from .epics_world import GATEWAY, KEY, NOW, OVER, World, row, services

pytestmark = pytest.mark.usefixtures("decisions")
SECOND = epic_key(GATEWAY, 2)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path / "home")


def test_a_promoted_service_gets_one_epic_and_a_rerun_changes_nothing(world: World) -> None:
    assert not world.publish().has_changes
    preview = world.publish(row(), row("b", **OVER), dry_run=True)
    assert preview.dry_run
    assert not world.home.exists()

    report = world.publish(row(), row("b", **OVER))
    assert KEY.startswith("paydown-gateway-")
    assert KEY.endswith("-c1")
    assert [(e.service, e.key) for e in report.opened] == [("gateway", KEY)]
    assert report.opened[0].url == (world.epics / f"{KEY}.md").as_uri()
    assert [(e.key, e.reason) for e in preview.opened] == [(KEY, report.opened[0].reason)]
    assert report.has_changes
    assert not report.dry_run
    before = world.snapshot()

    again = world.publish(row(), row("b", **OVER))
    assert [e.key for e in again.already_open] == [KEY]
    assert not again.has_changes
    assert services(world.publish(row(score=30), dry_run=True).updated) == ["gateway"]
    assert world.snapshot() == before
    assert world.kinds(KEY) == ["claimed", "opened"]


def test_new_evidence_is_added_once(world: World) -> None:
    world.publish(row())
    more = row(score=27, incident_ids="pagerduty:Q1,servicenow:INC0012345,pagerduty:Q2")
    report = world.publish(more)
    assert [e.reason for e in report.updated] == ["score 24 -> 27, 1 more incident"]
    text = world.files[KEY]
    assert "### 2026-06-28 `change-" in text
    assert "Score 27, was 24" in text
    assert "- New incident: pagerduty:Q2" in text
    assert world.field(KEY, "score") == 27
    assert not world.publish(more).has_changes
    # Coming back to what it was is news again, once.
    for back in (row(), more):
        assert len(world.publish(back).updated) == 1
        assert not world.publish(back).has_changes
    assert world.files[KEY].count("\n### ") == 3
    # Order and other columns are no evidence.
    same = more | {
        "incident_ids": "servicenow:INC0012345, pagerduty:Q2, pagerduty:Q1",
        "score_rank": 3, "score_delta": 0, "budget_usd": 9999.0, "due_date": date(2026, 9, 9),
    }  # fmt: skip
    assert not world.publish(same).has_changes
    assert world.field(KEY, "budget_usd") == 4500


def test_score_and_burn_are_ours_and_the_rest_is_peoples(world: World) -> None:
    world.publish(row())
    for name, old, new in (("budget_usd", 4500.0, 9999), ("score", 24, 1)):
        world.edit(KEY, f"{name}: {old}", f"{name}: {new}")
    assert services(world.publish(row(slo_burn=20.5, budget_usd=1.0)).updated) == ["gateway"]
    assert [world.field(KEY, n) for n in ("score", "slo_burn", "budget_usd")] == [24, 20.5, 9999]


def test_bundle_adds_evidence_to_the_open_epic_once(world: World) -> None:
    bundle = row(decision="bundle", score=18, band="bundle_with_existing", due_date=None, owner="")
    waiting = world.publish(bundle)
    assert [e.key for e in waiting.waiting] == [None]
    assert "no epic of the service is open" in waiting.waiting[0].reason
    assert world.files == {}
    world.publish(row())
    assert [e.key for e in world.publish(bundle).bundled] == [KEY]
    again = world.publish(bundle)
    assert (again.bundled, len(again.already_open)) == ((), 1)
    assert world.files[KEY].count("\n### ") == 1


def test_a_blocked_row_says_what_is_missing_and_who_acts(world: World) -> None:
    blocked = row(decision="blocked", missing_fields="owner,budget", owner="", budget_usd=None)
    report = world.publish(blocked)
    assert "score 24, but no owner, budget: the service's team" in report.blocked[0].reason
    assert world.files == {}


def test_a_new_cycle_needs_a_closed_epic_and_a_later_incident(world: World) -> None:
    world.publish(row())
    world.close(KEY, "2026-07-01")
    quiet = world.publish(row(newest_incident_at=datetime(2026, 7, 1, 23, 59, 59)), day=10)
    assert [e.key for e in quiet.waiting] == [KEY]
    assert "closed on 2026-07-01 and no incident came after" in quiet.waiting[0].reason
    assert world.record(KEY).closed_at == datetime(2026, 7, 1, 23, 59, 59, tzinfo=UTC)

    again = row(newest_incident_at=datetime(2026, 7, 2, 0, 0, 1))
    assert [e.key for e in world.publish(again).opened] == [SECOND]
    assert world.field(SECOND, "previous") == KEY
    assert f"`{KEY}`" in world.files[SECOND]
    assert not world.publish(again).has_changes
    # A reopened one stays closed in the ledger beside it, as there is one open epic a service,
    world.edit(KEY, "status: done", "status: open")
    assert [e.key for e in world.publish(again).already_open] == [SECOND]
    assert world.record(KEY).state is EpicState.CLOSED
    # and counts before the newest once that is closed.
    world.close(SECOND, "2026-07-12")
    world.publish(again, day=20)
    newer = row(newest_incident_at=datetime(2026, 7, 20), score=30)
    assert [e.key for e in world.publish(newer, day=30).updated] == [KEY]
    assert sorted(world.files) == sorted([KEY, SECOND])


def test_an_epic_closed_by_an_early_clock_opens_no_second_one(world: World) -> None:
    world.publish(row())
    world.close(KEY, "2020-01-01")
    assert len(world.publish(row()).waiting) == 1


def test_a_deleted_epic_counts_as_closed(world: World) -> None:
    world.publish(row(), row("b"))
    (world.epics / f"{KEY}.md").unlink()
    assert [e.key for e in world.publish(row(), row("b")).waiting] == [KEY]
    later = row(newest_incident_at=datetime(2026, 7, 9))
    assert [e.key for e in world.publish(later, day=14).opened] == [SECOND]


def test_what_cannot_be_read_is_reported_and_nothing_opened_twice(world: World) -> None:
    world.publish(row())
    later = row(newest_incident_at=datetime(2026, 7, 9))
    world.epics.rename(world.home / "elsewhere")
    assert "restore it" in world.publish(later, day=14).failed[0].reason
    (world.home / "elsewhere").rename(world.epics)
    assert len(world.publish(row()).already_open) == 1

    (world.epics / f"{KEY}.md").write_text("no front matter")
    report = world.publish(row(score=30), row("b", score_rank=2))
    assert [e.key for e in report.failed] == [KEY]
    assert services(report.opened) == ["b"]
    assert world.files[KEY] == "no front matter"


def test_a_lost_ledger_adopts_what_the_tracker_has(world: World) -> None:
    world.publish(row(), row("b"))
    world.close(KEY, "2026-07-01")
    later = row(newest_incident_at=datetime(2026, 7, 3))
    world.publish(later, row("b"), day=10)
    before = world.files
    (world.home / "ledger.db").unlink()
    for dry_run in (True, False, False):  # The ledger learns of one cycle a run.
        assert world.publish(later, row("b"), dry_run=dry_run).opened == ()
    assert [*world.files] == [*before]
    assert {r.state for r in world.ledger.records("local")} == {EpicState.OPENED, EpicState.CLOSED}
    assert [e.key for e in world.publish(later, row("b")).updated] == [SECOND]
    assert not world.publish(later, row("b")).has_changes


def test_a_ledger_from_a_backup_keeps_one_open_epic_a_service(world: World) -> None:
    """Its epic was closed since, a later cycle opened, and then people reopened the first."""
    world.publish(row())
    backup = shutil.copy(world.home / "ledger.db", world.home / "backup.db")
    world.close(KEY, "2026-07-01")
    later = row(newest_incident_at=datetime(2026, 7, 3))
    assert [e.key for e in world.publish(later, day=10).opened] == [SECOND]
    world.edit(KEY, "status: done", "status: open")
    shutil.copy(backup, world.home / "ledger.db")
    run = Run(world.ledger, LocalTracker(world.epics), "reconcile", NOW + timedelta(days=11))
    reconcile(read_candidates([later | DECIDED]), run)
    assert world.record(KEY).state is EpicState.CLOSED
    assert world.record(SECOND).state is EpicState.OPENED


def test_a_run_overtaken_by_one_that_dies_adopts_its_epic(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    claim = Ledger.claim

    def die(*_arguments: Any, **_options: Any) -> None:
        raise KeyboardInterrupt

    def overtaken(*arguments: Any) -> Any:
        monkeypatch.undo()
        with monkeypatch.context() as patch:
            patch.setattr(Ledger, "record_opened", die)
            with pytest.raises(KeyboardInterrupt):
                world.publish(row())
        return claim(*arguments)

    monkeypatch.setattr(Ledger, "claim", overtaken)
    report = world.publish(row())
    assert "found in the tracker" in report.already_open[0].reason
    # What the dead run made it say isn't known, so it is said once more.
    assert len(world.publish(row()).updated) == 1
    assert not world.publish(row()).has_changes
    assert len(world.files) == 1


@pytest.mark.parametrize(
    "service_id",
    ["../../etc/passwd", "a/../..", "/", "", "паймент", "💳", "x" * 300, "-rf", "A B,c;d"],
)
def test_hostile_service_names(world: World, service_id: str) -> None:
    rows = [row(service_id), row(f"{service_id}/x", score_rank=2, team_id="t\x00eam")]
    keys = [str(e.key) for e in world.publish(*rows).opened]
    assert len(set(keys)) == 2
    for key in keys:
        assert len(key) <= 70
        assert set(key) <= set("abcdefghijklmnopqrstuvwxyz0123456789-")
    assert sorted(world.files) == sorted(keys)
    assert sorted(path.name for path in world.home.parent.iterdir()) == ["home"]
    teams = {record.team for record in world.ledger.records()}
    assert teams == {"group:default/team-edge", "t eam"}
    assert not world.publish(*rows).has_changes


def test_rows_are_checked_before_anything_is_done(world: World) -> None:
    good = row() | DECIDED
    bad = [
        ([good, good], "two rows of 'component:default/gateway'"),
        ([row("a") | DECIDED, good | {"epic_action": "maybe"}], "gateway.*action"),
        ([{name: value for name, value in good.items() if name != "score"}], "gateway.*score"),
    ]
    tracker = LocalTracker(world.epics)
    for rows, message in bad:
        with pytest.raises(ValueError, match=message):
            publish_epics(rows, Run(world.ledger, tracker, "", NOW))
    with pytest.raises(ValueError, match="no time zone"):
        Run(world.ledger, tracker, "", datetime.now())
    assert not world.home.exists()
