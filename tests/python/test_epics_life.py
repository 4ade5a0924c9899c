"""The life of epics and stories day by day, with the embedded tracker and SQLite."""

from __future__ import annotations

import random
from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from orchestration.epics.candidates import epic_key
from orchestration.http import UnavailableError
from orchestration.ledger import EpicState, Ledger
from orchestration.trackers.local import LocalTracker
from orchestration.trackers.protocol import EpicChange, EpicRef

from .decisions import Load
from .epics_world import GATEWAY, KEY, NOW, OVER, World, row, services

STORY = f"{KEY}-config-only"
SECOND_STORY = f"{KEY}-code-refactor"
BOTH = row(fix_classes="config_only,code_refactor")
WEEK_0 = NOW.replace(tzinfo=None)
STAYS = "its epic stays open, because others have worked on it"


pytestmark = pytest.mark.usefixtures("decisions")


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def _die(*_: Any, **__: Any) -> None:
    raise KeyboardInterrupt


# Renames.


def test_a_renamed_service_keeps_its_open_epic_and_its_cycles(world: World) -> None:
    """The fault: the epic of the old name stayed open for ever, and a second one was opened."""
    world.publish(row())
    renamed = row("component:default/edge-gateway", incident_ids="pagerduty:Q2")
    former_ids = [(GATEWAY, renamed["service_id"])]
    result = world.publish(renamed, former_ids=former_ids)
    assert [(entry.key, entry.service) for entry in result.updated] == [(KEY, "edge-gateway")]
    assert not result.opened
    assert not world.publish(renamed, former_ids=former_ids).has_changes
    # The next cycle goes on from the one of the old name.
    world.close(KEY, "2026-07-01")
    later = renamed | {"newest_incident_at": datetime(2027, 1, 1)}
    opened = world.publish(later, former_ids=former_ids, day=40).opened
    second = epic_key(GATEWAY, 2)
    assert [entry.key for entry in opened] == [second]
    assert (world.record(second).previous_key, world.record(second).cycle) == (KEY, 2)
    assert world.record(second).service_hash == world.record(KEY).service_hash


# Stories.


def test_each_fix_class_is_a_story_once_and_a_later_one_joins(world: World) -> None:
    report = world.publish(row(fix_classes="config_only"))
    assert [story.key for story in report.stories] == [STORY]
    assert world.field(STORY, "parent") == world.record(STORY).parent_key == KEY
    assert world.kinds(STORY) == ["claimed", "opened"]
    before = world.snapshot()
    assert not world.publish(row(fix_classes="config_only")).has_changes
    assert world.snapshot() == before

    report = world.publish(BOTH)
    assert [story.key for story in report.stories] == [SECOND_STORY]
    assert services(report.already_open) == ["gateway"]
    assert sorted(world.files) == sorted([KEY, STORY, SECOND_STORY])


def test_what_became_of_stories_is_found_again_and_stays(world: World, tmp_path: Path) -> None:
    world.publish(BOTH)
    (tmp_path / "ledger.db").unlink()
    for _ in range(2):
        report = world.publish(BOTH)
        assert (report.stories, report.opened) == ((), ())
    assert {record.parent_key for record in world.ledger.records("local")} == {None, KEY}
    world.close(STORY)
    (world.epics / f"{SECOND_STORY}.md").unlink()
    before = world.files
    assert not world.publish(BOTH).has_changes
    assert world.files == before
    # A new cycle has stories of its own.
    world.close(KEY)
    report = world.publish(row(fix_classes="config_only", newest_incident_at=datetime(2027, 1, 1)))
    second = epic_key(GATEWAY, 2)
    assert [story.key for story in report.stories] == [f"{second}-config-only"]
    assert world.field(f"{second}-config-only", "parent") == second


# Shared fixes.

FIX = "shared-fix:tls"
FIX_KEY = epic_key(FIX, 1)
OWN_KEY = epic_key("a", 1)


def shared_rows(**member: Any) -> list[dict[str, Any]]:
    fix = row(FIX, service_name="TLS library", members="a,b", shared_fix_id="tls", score_rank=1)
    columns: dict[str, Any] = {"decision": "shared", "shared_fix_id": "tls", "score_rank": 2}
    return [fix, row("a", **columns | member), row("b", **columns)]


def test_a_shared_fix_is_one_epic_with_members(world: World) -> None:
    report = world.publish(*shared_rows())
    assert services(report.opened) == ["TLS library"]
    assert services(report.shared) == ["a", "b"]
    assert [*world.files] == [FIX_KEY]
    assert world.field(FIX_KEY, "members") == ["a", "b"]
    report = world.publish(*shared_rows())
    assert not report.has_changes
    assert [e.key for e in report.shared] == [FIX_KEY, FIX_KEY]


def test_an_own_epic_of_a_member_stays_open_and_points_to_the_fix_once(world: World) -> None:
    world.publish(row("a"))
    assert services(world.publish(*shared_rows()).opened) == ["TLS library"]
    report = world.publish(*shared_rows())
    assert [(e.service, e.key) for e in report.bundled] == [("a", OWN_KEY)]
    assert services(report.shared) == ["b"]
    assert FIX_KEY in world.files[OWN_KEY]
    assert not world.publish(*shared_rows()).has_changes
    # Its own evidence is still added.
    assert services(world.publish(*shared_rows(score=27)).bundled) == ["a"]
    assert world.files[OWN_KEY].count("One change serves this service and others") == 1
    assert world.record(OWN_KEY).state is EpicState.OPENED
    assert sorted(world.files) == sorted([OWN_KEY, FIX_KEY])


# Limits of work in progress.


def test_a_team_takes_as_many_as_it_can_work_on_the_best_ranked_first(world: World) -> None:
    rows = [row(f"s{n}", score_rank=n, wip_limit=2, score=30 - n) for n in range(4)]
    other = row("x", score_rank=9, wip_limit=1, team_id="group:default/other")
    report = world.publish(*reversed(rows), other)
    assert services(report.opened) == ["s0", "s1", "x"]
    assert services(report.waiting) == ["s2", "s3"]
    assert "takes 2 at a time and has 2: s0, s1;" in report.waiting[0].reason
    report = world.publish(*rows, other)
    assert not report.has_changes
    assert epic_key("s0", 1) in report.waiting[0].reason

    # Open epics count whoever is in the rows, and whatever they are now.
    bundled = row("s0", wip_limit=2, decision="bundle", score=18)
    assert services(world.publish(bundled, rows[2]).waiting) == ["s2"]
    world.close(epic_key("s1", 1))
    assert services(world.publish(*rows, other).opened) == ["s2"]


def test_a_limit_holds_back_nothing_that_was_begun(world: World) -> None:
    class DyingTracker(LocalTracker):
        def create(self, draft: Any) -> Any:
            super().create(draft)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        world.publish(row("first", wip_limit=1), tracker=DyingTracker(world.epics))
    report = world.publish(row("better", wip_limit=1), row("first", wip_limit=1, score_rank=2))
    assert services(report.waiting) == ["better"]
    assert services(report.already_open) == ["first"]


# Hygiene.


def test_an_epic_that_nobody_touched_is_closed_once_with_its_stories(world: World) -> None:
    world.publish(row(fix_classes="config_only"))
    world.publish(row(fix_classes="config_only", score=27))
    preview = world.publish(row(**OVER), dry_run=True)
    assert [e.key for e in preview.closed] == [KEY]
    assert "Closed as hygiene" in preview.closed[0].preview["comment"]
    assert world.record(KEY).state is EpicState.OPENED
    assert [e.key for e in world.publish(row(**OVER)).closed] == [KEY]
    for key in (KEY, STORY):
        assert world.field(key, "status") == "done"
        assert world.files[key].count("Closed as hygiene") == 1
        assert world.record(key).state is EpicState.CLOSED
        assert world.kinds(key)[-2:] == ["close_claimed", "closed_as_hygiene"]
    before = world.files
    report = world.publish(row(**OVER))
    assert not report.has_changes
    assert services(report.closed_as_hygiene) == ["gateway"]
    assert world.files == before
    # What people reopened is never closed again.
    world.edit(KEY, "status: done", "status: open")
    for _ in range(2):
        assert not world.publish(row(**OVER)).has_changes
    assert world.field(KEY, "status") == "open"
    world.edit(KEY, "status: open", "status: done")
    # A later incident opens the next cycle.
    again = row(newest_incident_at=datetime(2027, 1, 1))
    assert [e.key for e in world.publish(again).opened] == [epic_key(GATEWAY, 2)]


@pytest.mark.parametrize(
    "touch",
    ["a comment", "an assignee", "a story in progress", "a story closed", "a story deleted"],
)
def test_what_others_have_worked_on_stays_open(world: World, touch: str) -> None:
    world.publish(BOTH)
    match touch:
        case "a comment":
            world.edit(KEY, "## Evidence log", "Ana: on it.\n\n## Evidence log")
        case "an assignee":
            world.edit(KEY, "status: open", "status: open\nassignee: Ana")
        case "a story in progress":
            world.edit(SECOND_STORY, "status: open", "status: in progress")
        case "a story closed":
            world.close(SECOND_STORY)
        case "a story deleted":
            (world.epics / f"{SECOND_STORY}.md").unlink()
    before = world.files
    for dry_run in (True, False, False):
        report = world.publish(row(**OVER), dry_run=dry_run)
        assert (report.failed, report.closed) == ((), ())
        assert STAYS in report.closed_as_hygiene[0].reason
    assert world.files == before
    assert world.kinds(KEY) == ["claimed", "opened", "changed_by_others"]
    # Our own later comment doesn't make it ours again.
    world.publish(row(score=30))
    assert not world.publish(row(**OVER)).has_changes


def test_a_story_that_we_closed_before_we_died_is_no_persons_work(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.publish(row(fix_classes="config_only"))
    with monkeypatch.context() as patch:
        patch.setattr(Ledger, "record_closed", _die)
        with pytest.raises(KeyboardInterrupt):
            world.publish(row(**OVER))
    assert world.field(STORY, "status") == "done"
    assert world.record(STORY).state is EpicState.OPENED
    assert [e.key for e in world.publish(row(**OVER)).closed] == [KEY]
    assert world.field(KEY, "status") == "done"


def test_an_epic_that_people_take_up_while_others_are_closed_stays_open(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.publish(row("a"), row("b", score_rank=2))
    close = LocalTracker.close

    def close_while_people_work(self: LocalTracker, ref: EpicRef, change: EpicChange) -> None:
        close(self, ref, change)
        world.edit(epic_key("b", 1), "status: open", "status: in progress")

    monkeypatch.setattr(LocalTracker, "close", close_while_people_work)
    report = world.publish(row("a", **OVER), row("b", score_rank=2, **OVER))
    assert [e.key for e in report.closed] == [epic_key("a", 1)]
    assert STAYS in report.closed_as_hygiene[0].reason


def test_nothing_is_closed_after_inputs_shrank_or_while_the_tracker_is_away(world: World) -> None:
    class AwayTracker(LocalTracker):
        def status(self, refs: Any) -> Any:
            raise UnavailableError("503")

    world.publish(row())
    loads = [(name, WEEK_0, "loaded") for name in ("a", "b")]
    loads.append(("b", WEEK_0 + timedelta(days=6), "removed"))
    for changes in (row(**OVER), row(score=23)):
        report = world.publish(changes, loads=loads)
        shrunk = "backstage.entities has 3 of 6 records in 1 of 2 files"
        assert f"shrank: {shrunk}" in report.waiting[0].reason.replace("have shrunk", "shrank")
    assert services(world.publish(row(score=25), loads=loads).updated) == ["gateway"]
    report = world.publish(row(**OVER), tracker=AwayTracker(world.epics))
    assert "the tracker could not be asked: 503" in report.waiting[0].reason
    assert report.stopped == "503"
    assert services(world.publish(row(**OVER)).closed) == ["gateway"]


def test_what_was_closed_while_an_input_was_away_opens_again(world: World) -> None:
    world.publish(row())
    assert services(world.publish(row(**OVER)).closed) == ["gateway"]
    report = world.publish(row())
    assert [e.key for e in report.opened] == [epic_key(GATEWAY, 2)]
    assert f"{KEY} was closed as hygiene, and the score is back" in report.opened[0].reason
    # What a person closed stays closed.
    world.close(epic_key(GATEWAY, 2))
    assert services(world.publish(row(), day=40).waiting) == ["gateway"]


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("weeks", [12, pytest.param(200, marks=pytest.mark.slow)])
def test_inputs_that_vanish_and_come_back_close_and_open_nothing(world: World, weeks: int) -> None:
    dice = random.Random(weeks)
    names = [f"s{n}" for n in range(6)]
    # Of each service: whether it is in the band, since when, its incidents, and its catalog file.
    is_high, since = dict.fromkeys(names, True), dict.fromkeys(names, 0)
    incident, away, rises = dict.fromkeys(names, 0), dict.fromkeys(names, 0), Counter(names)
    loads: list[Load] = [(name, WEEK_0, "loaded") for name in names]
    held = 0
    for week in range(weeks):
        at = WEEK_0 + timedelta(weeks=week)
        for name in names:
            if away[name]:
                away[name] -= 1
                loads += [] if away[name] else [(name, at, "loaded")]
            elif week > weeks - 5:
                continue  # At last, all inputs are there.
            elif week and dice.random() < 0.15:
                away[name] = dice.choice((1, 2))
                loads.append((name, at, "removed"))
            elif week - since[name] > 5 and dice.random() < 0.3:
                is_high[name], since[name] = not is_high[name], week
                rises[name] += is_high[name]
                incident[name] = week if is_high[name] else incident[name]
        rows = [
            row(
                name,
                newest_incident_at=WEEK_0 + timedelta(weeks=incident[name], hours=-1),
                **({} if is_high[name] and not away[name] else OVER),
            )
            for name in names
        ]
        held += len(world.publish(*rows, day=7 * week, loads=loads).waiting)
        records = world.ledger.records("local")
        is_open = {r.service for r in records if r.state is EpicState.OPENED}
        assert {name for name in names if is_high[name]} <= is_open, week
        opened = Counter(record.service for record in records)
        assert all(opened[name] <= rises[name] for name in names), week
    assert held
    assert is_open == {name for name in names if is_high[name]}, "what is over is closed"
    assert len(records) >= len(names)


# Dry run.


def test_a_dry_run_shows_exactly_what_would_be_sent(world: World) -> None:
    rows = [row(fix_classes="config_only"), row("b", score_rank=2)]
    preview = world.publish(*rows, dry_run=True)
    assert not world.epics.exists()
    assert [s.key for s in preview.stories] == [STORY]
    assert preview.stories[0].notes
    shown = {entry.key: entry.preview["text"] for entry in preview.opened}
    world.publish(*rows, day=world.day)
    assert {key: world.files[str(key)] for key in shown} == shown

    worse = row(fix_classes="config_only", score=27)
    sent = world.publish(worse, dry_run=True).updated[0].preview
    assert sent["figures"] == {"score": 27, "slo_burn": 18.2}
    assert "Score 27, was 24" in sent["comment"]
    world.publish(worse)
    assert sent["comment"].splitlines()[0] in world.files[KEY]
