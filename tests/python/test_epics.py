"""What becomes of rows of rpt_promotion_candidates, with the embedded tracker and SQLite."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from orchestration.epics.candidates import Candidate
from orchestration.epics.content.document import draft_epic, epic_key
from orchestration.epics.publisher import EpicsReport, publish_epics
from orchestration.ledger import EpicState, Figures, Ledger
from orchestration.trackers.local import LocalTracker
from orchestration.trackers.local_file import read_front_matter

from .epics_driver import row as full_row

NOW = datetime(2026, 6, 26, 16, tzinfo=UTC)
GATEWAY = "component:default/gateway"


def row(service_id: str = GATEWAY, **columns: Any) -> dict[str, Any]:
    """A row without workstreams or a limit, so that tests speak of epics only."""
    return full_row(service_id, **({"fix_classes": "", "wip_limit": None} | columns))


class World:
    """A ledger and a directory of epics, published to."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.epics = home / "epics"

    @property
    def ledger(self) -> Ledger:
        return Ledger(f"sqlite:///{self.home / 'ledger.db'}")

    def publish(self, *rows: dict[str, Any], days: int = 0, dry_run: bool = False) -> EpicsReport:
        report = publish_epics(
            rows,
            self.ledger,
            LocalTracker(self.epics),
            dry_run=dry_run,
            now=NOW + timedelta(days=days),
            run_id=f"run-{days}",
        )
        parts = sum(report.counts.values())
        assert parts == len(rows), "every row is in exactly one part"
        return report

    @property
    def files(self) -> dict[str, str]:
        return {path.stem: path.read_text() for path in sorted(self.epics.glob("*.md"))}

    def close(self, key: str, on: str) -> None:
        path = self.epics / f"{key}.md"
        text = path.read_text().replace("status: open", "status: done")
        path.write_text(text.replace("closed_at: null", f"closed_at: {on}"))

    def snapshot(self) -> dict[str, bytes]:
        paths = [path for path in sorted(self.home.rglob("*")) if path.is_file()]
        return {str(path.relative_to(self.home)): path.read_bytes() for path in paths}


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path / "home")


def test_a_promoted_service_gets_one_epic_and_a_rerun_changes_nothing(world: World) -> None:
    report = world.publish(row())
    key = epic_key(GATEWAY, 1)
    assert key.startswith("paydown-gateway-")
    assert key.endswith("-c1")
    assert [(e.service, e.key) for e in report.opened] == [("gateway", key)]
    assert report.opened[0].url == (world.epics / f"{key}.md").as_uri()
    assert report.has_changes
    before = world.snapshot()

    again = world.publish(row(), days=1)
    assert [e.key for e in again.already_open] == [key]
    assert not again.has_changes
    assert world.snapshot() == before
    kinds = [event.kind for event in world.ledger.events("local", key)]
    assert kinds == ["intended", "attempted", "opened"]


def test_a_dry_run_tells_the_same_and_writes_nothing(world: World) -> None:
    foretold = world.publish(row(), row("b", decision="close", score=3), dry_run=True)
    assert not world.home.exists()
    done = world.publish(row(), row("b", decision="close", score=3))
    assert [(e.key, e.reason) for e in foretold.opened] == [(e.key, e.reason) for e in done.opened]
    assert (foretold.dry_run, done.dry_run) == (True, False)

    world.close(epic_key(GATEWAY, 1), "2026-07-01")
    before = world.snapshot()
    later = row(newest_incident_at=datetime(2026, 7, 3))
    foretold = world.publish(later, days=10, dry_run=True)
    assert [e.key for e in foretold.opened] == [epic_key(GATEWAY, 2)]
    assert world.snapshot() == before


def test_new_evidence_is_told_once(world: World) -> None:
    world.publish(row())
    more = row(score=27, incident_ids="pagerduty:Q1,servicenow:INC0012345,pagerduty:Q2")
    report = world.publish(more, days=7)
    assert [e.reason for e in report.updated] == ["score 24 -> 27, 1 more incident"]
    text = world.files[epic_key(GATEWAY, 1)]
    assert "### 2026-07-03 `change-" in text
    assert "Score 27, was 24" in text
    assert "- New incident: pagerduty:Q2" in text
    assert not world.publish(more, days=8).has_changes
    # Coming back to what it was is news again, once.
    assert len(world.publish(row(), days=9).updated) == 1
    assert not world.publish(row(), days=10).has_changes
    assert len(world.publish(more, days=11).updated) == 1
    assert world.files[epic_key(GATEWAY, 1)].count("\n### ") == 3


def test_order_and_other_columns_are_no_evidence(world: World) -> None:
    world.publish(row())
    same = row(incident_ids="servicenow:INC0012345, pagerduty:Q1", score_rank=3, score_delta=0)
    assert not world.publish(same, days=1).has_changes


def test_bundle_adds_evidence_to_the_open_epic_once(world: World) -> None:
    bundle = row(decision="bundle", score=18, band="bundle_with_existing")
    waiting = world.publish(bundle)
    assert [e.key for e in waiting.waiting] == [None]
    assert "no epic of the service is open" in waiting.waiting[0].reason
    assert world.files == {}

    world.publish(row())
    report = world.publish(bundle, days=7)
    assert [e.key for e in report.bundled] == [epic_key(GATEWAY, 1)]
    again = world.publish(bundle, days=14)
    assert (again.bundled, len(again.already_open)) == ((), 1)
    assert world.files[epic_key(GATEWAY, 1)].count("\n### ") == 1


def test_bundle_needs_nothing_that_an_epic_needs(world: World) -> None:
    world.publish(row())
    bundle = row(decision="bundle", score=18, due_date=None, budget_usd=None, owner=None)
    assert len(world.publish(bundle).bundled) == 1


@pytest.mark.parametrize(
    ("columns", "missing", "who"),
    [
        ({"owner": ""}, "owner", "catalog-info.yaml"),
        ({"due_date": None}, "due date", "group:default/team-edge sets the review date"),
        ({"budget_usd": float("nan")}, "budget", "estimate"),
        ({"exit_criteria": ""}, "exit criteria", "maturity.yaml"),
        ({"missing_fields": "owner,budget", "decision": "blocked"}, "owner, budget", "catalog"),
    ],
)
def test_blocked_rows_say_what_is_missing_and_who_acts(
    world: World, columns: dict[str, Any], missing: str, who: str
) -> None:
    report = world.publish(row(**columns))
    assert len(report.blocked) == 1
    assert f"but no {missing}:" in report.blocked[0].reason
    assert who in report.blocked[0].reason
    assert world.files == {}


def test_hygiene_closes_nothing_that_people_have_open(world: World) -> None:
    key = epic_key(GATEWAY, 1)
    world.publish(row())
    path = world.epics / f"{key}.md"
    path.write_text(path.read_text() + "\nAna: on it.\n")
    over = row(decision="close", score=4, band="close_as_hygiene")
    before = world.files
    for days in (30, 31):
        report = world.publish(over, days=days)
        assert [e.key for e in report.closed_as_hygiene] == [key]
        assert "stays open, because people have worked on it" in report.closed_as_hygiene[0].reason
        assert not report.has_changes
    assert world.files == before
    assert world.ledger.records("local")[0].state is EpicState.OPENED
    kinds = [event.kind for event in world.ledger.events("local", key)]
    assert kinds == ["intended", "attempted", "opened", "touched"]


def test_a_new_cycle_needs_a_closed_epic_and_a_later_incident(world: World) -> None:
    first, second = epic_key(GATEWAY, 1), epic_key(GATEWAY, 2)
    world.publish(row())
    world.close(first, "2026-07-01")

    quiet = world.publish(row(newest_incident_at=datetime(2026, 7, 1, 23, 59, 59)), days=10)
    assert [e.key for e in quiet.waiting] == [first]
    assert "closed on 2026-07-01 and no incident came after" in quiet.waiting[0].reason
    (record,) = world.ledger.records("local")
    assert record.closed_at == datetime(2026, 7, 1, 23, 59, 59, tzinfo=UTC)

    again = row(newest_incident_at=datetime(2026, 7, 2, 0, 0, 1))
    report = world.publish(again, days=10)
    assert [e.key for e in report.opened] == [second]
    assert read_front_matter(world.files[second])["previous"] == first
    assert f"`{first}`" in world.files[second]
    assert not world.publish(again, days=11).has_changes


def test_an_epic_closed_by_an_early_clock_opens_no_second_one(world: World) -> None:
    world.publish(row())
    world.close(epic_key(GATEWAY, 1), "2020-01-01")
    assert len(world.publish(row(), days=1).waiting) == 1


def test_a_reopened_epic_is_used_again(world: World) -> None:
    key = epic_key(GATEWAY, 1)
    world.publish(row())
    world.close(key, "2026-07-01")
    world.publish(row(), days=10)
    path = world.epics / f"{key}.md"
    path.write_text(path.read_text().replace("status: done", "status: open"))
    later = row(newest_incident_at=datetime(2026, 7, 9), score=30)
    assert [e.key for e in world.publish(later, days=14).updated] == [key]
    assert [*world.files] == [key]


def test_a_deleted_epic_counts_as_closed(world: World) -> None:
    key = epic_key(GATEWAY, 1)
    world.publish(row(), row("b"))
    (world.epics / f"{key}.md").unlink()
    assert [e.key for e in world.publish(row(), row("b"), days=1).waiting] == [key]
    later = row(newest_incident_at=datetime(2026, 7, 9))
    assert [e.key for e in world.publish(later, days=14).opened] == [epic_key(GATEWAY, 2)]


def test_a_lost_directory_is_reported_and_nothing_opened_twice(world: World) -> None:
    world.publish(row())
    world.epics.rename(world.home / "elsewhere")
    report = world.publish(row(newest_incident_at=datetime(2026, 7, 9)), days=14)
    assert len(report.failed) == 1
    assert "restore it" in report.failed[0].reason
    (world.home / "elsewhere").rename(world.epics)
    assert len(world.publish(row(), days=15).already_open) == 1


def test_a_broken_file_is_reported_and_the_rest_goes_on(world: World) -> None:
    key = epic_key(GATEWAY, 1)
    world.publish(row())
    (world.epics / f"{key}.md").write_text("no front matter")
    report = world.publish(row(score=30), row("b", score_rank=2), days=7)
    assert [e.key for e in report.failed] == [key]
    assert [e.service for e in report.opened] == ["b"]
    assert world.files[key] == "no front matter"


def test_a_lost_ledger_adopts_what_the_tracker_has(world: World) -> None:
    world.publish(row(), row("b"))
    world.close(epic_key(GATEWAY, 1), "2026-07-01")
    later = row(newest_incident_at=datetime(2026, 7, 3))
    world.publish(later, row("b"), days=10)
    before = world.files
    (world.home / "ledger.db").unlink()

    foretold = world.publish(later, row("b"), days=11, dry_run=True)
    report = world.publish(later, row("b"), days=11)
    for said in (foretold, report):
        assert said.opened == ()
        assert {e.key for e in said.updated} == {epic_key(GATEWAY, 2), epic_key("b", 1)}
    assert [*world.files] == [*before]
    assert {r.state for r in world.ledger.records("local")} == {EpicState.OPENED, EpicState.CLOSED}
    assert not world.publish(later, row("b"), days=12).has_changes


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
    assert "it was there" in report.already_open[0].reason
    assert not world.publish(row(), days=1).has_changes
    assert len(world.files) == 1


@pytest.mark.parametrize(
    "service_id",
    [
        "../../etc/passwd",
        "a/../..",
        "/",
        "",
        "паймент",
        "💳",
        "x" * 300,
        "a\x00b\n",
        "-rf",
        "A B,c;d",
    ],
)
def test_hostile_service_names(world: World, service_id: str) -> None:
    rows = [row(service_id), row(f"{service_id}/x", score_rank=2)]
    report = world.publish(*rows)
    keys = [str(e.key) for e in report.opened]
    assert len(set(keys)) == 2
    for key in keys:
        assert len(key) <= 70
        assert set(key) <= set("abcdefghijklmnopqrstuvwxyz0123456789-")
    assert sorted(world.files) == sorted(keys)
    assert sorted(path.name for path in world.home.parent.iterdir()) == ["home"]
    assert not world.publish(*rows).has_changes


def test_rows_are_checked_before_anything_is_done(world: World) -> None:
    with pytest.raises(ValueError, match="two rows of 'component:default/gateway'"):
        world.publish(row(), row())
    with pytest.raises(ValueError, match=r"gateway.*'maybe' is not a valid Decision"):
        world.publish(row("a"), row(decision="maybe"))
    short = row()
    del short["score"]
    with pytest.raises(KeyError, match=r"gateway.*score"):
        world.publish(row("a"), short)
    with pytest.raises(ValueError, match="no time zone"):
        publish_epics(
            [],
            world.ledger,
            LocalTracker(world.epics),
            dry_run=False,
            now=datetime.now(),
            run_id="",
        )
    assert not world.home.exists()


def test_nothing_to_publish(world: World) -> None:
    assert not world.publish().has_changes
    assert not world.home.exists()


def test_a_draft_carries_what_trackers_map() -> None:
    candidate = Candidate.from_row(row(due_date="2026-08-10", coverage=None))
    draft = draft_epic(candidate, key="k", previous_key=None, now=NOW)
    assert draft.labels == ("incident-modernization", "k")
    assert draft.due_date == date(2026, 8, 10)
    assert draft.figures == Figures(score=24, slo_burn=18.2, estimate_days=5.0, budget_usd=4500.0)
    assert draft.risk_ids == ("RISK-7",)
    long = Candidate.from_row(row(service_name="x" * 999))
    assert len(draft_epic(long, key="k", previous_key=None, now=NOW).title) <= 250
    with pytest.raises(ValueError, match="misses owner"):
        draft_epic(Candidate.from_row(row(owner=None)), key="k", previous_key=None, now=NOW)
