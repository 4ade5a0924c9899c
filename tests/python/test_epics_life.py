"""The life of an epic: stories, figures, people's edits, shared fixes, limits, hygiene."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from orchestration.epics.content.document import epic_key
from orchestration.epics.publisher import EpicsReport, publish_epics
from orchestration.ledger import EpicRecord, EpicState, Ledger
from orchestration.trackers.local import LocalTracker
from orchestration.trackers.local_file import read_front_matter
from orchestration.trackers.protocol import EpicChange, EpicRef

from .epics_driver import row as full_row

NOW = datetime(2026, 6, 26, 16, tzinfo=UTC)


def row(service_id: str = "gateway", **columns: Any) -> dict[str, Any]:
    return full_row(service_id, **({"fix_classes": "", "wip_limit": None} | columns))


class World:
    """A ledger and a directory of epics, published to day by day."""

    def __init__(self, home: Path) -> None:
        self.epics = home / "epics"
        self.url = f"sqlite:///{home / 'ledger.db'}"
        self.day = 0

    @property
    def ledger(self) -> Ledger:
        return Ledger(self.url)

    def publish(self, *rows: dict[str, Any], dry_run: bool = False) -> EpicsReport:
        self.day += 1
        report = publish_epics(
            rows,
            self.ledger,
            LocalTracker(self.epics),
            dry_run=dry_run,
            now=NOW + timedelta(days=self.day),
            run_id=f"run-{self.day}",
        )
        assert sum(report.counts.values()) == len(rows)
        return report

    def text(self, key: str) -> str:
        return (self.epics / f"{key}.md").read_text()

    def edit(self, key: str, old: str, new: str) -> None:
        text = self.text(key)
        assert old in text
        (self.epics / f"{key}.md").write_text(text.replace(old, new))

    def field(self, key: str, name: str) -> Any:
        return read_front_matter(self.text(key))[name]

    @property
    def files(self) -> dict[str, str]:
        return {path.stem: path.read_text() for path in sorted(self.epics.glob("*.md"))}

    def record(self, key: str) -> EpicRecord:
        return {r.key: r for r in self.ledger.records("local")}[key]

    def kinds(self, key: str) -> list[str]:
        return [event.kind for event in self.ledger.events("local", key)]


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


KEY = epic_key("gateway", 1)


def services(entries: Sequence[Any]) -> list[str]:
    return [entry.service for entry in entries]


# Stories.


def test_each_workstream_is_a_story_once_and_a_later_one_joins(world: World) -> None:
    report = world.publish(row(fix_classes="config_only"))
    config, refactor = f"{KEY}-config-only", f"{KEY}-code-refactor"
    assert [story.key for story in report.stories] == [config]
    assert world.field(config, "parent") == KEY
    assert world.record(config).parent_key == KEY
    assert world.kinds(config) == ["intended", "attempted", "opened"]
    before = world.files
    assert not world.publish(row(fix_classes="config_only")).has_changes
    assert world.files == before

    report = world.publish(row(fix_classes="config_only,code_refactor"))
    assert [story.key for story in report.stories] == [refactor]
    assert services(report.already_open) == ["gateway"]
    assert sorted(world.files) == sorted([KEY, config, refactor])


def test_a_story_that_people_closed_or_deleted_stays_so(world: World) -> None:
    both = row(fix_classes="config_only,code_refactor")
    world.publish(both)
    world.edit(f"{KEY}-config-only", "status: open", "status: done")
    (world.epics / f"{KEY}-code-refactor.md").unlink()
    before = world.files
    assert not world.publish(both).has_changes
    assert world.files == before


def test_stories_are_found_again_after_the_ledger_was_lost(world: World, tmp_path: Path) -> None:
    both = row(fix_classes="config_only,code_refactor")
    world.publish(both)
    before = sorted(world.files)
    (tmp_path / "ledger.db").unlink()
    report = world.publish(both)
    assert (report.stories, report.opened) == ((), ())
    assert sorted(world.files) == before
    assert {record.parent_key for record in world.ledger.records("local")} == {None, KEY}
    assert not world.publish(both).has_changes


def test_a_new_cycle_has_stories_of_its_own(world: World) -> None:
    world.publish(row(fix_classes="config_only"))
    world.edit(KEY, "status: open", "status: done")
    later = row(fix_classes="config_only", newest_incident_at=datetime(2027, 1, 1))
    report = world.publish(later)
    second = epic_key("gateway", 2)
    assert [story.key for story in report.stories] == [f"{second}-config-only"]
    assert world.field(f"{second}-config-only", "parent") == second


# Figures.


def test_figures_stay_true_with_one_comment_a_change(world: World) -> None:
    world.publish(row())
    dearer = row(budget_usd=5400.0, estimate_days=6.0)
    report = world.publish(dearer)
    reason = report.updated[0].reason
    assert reason == "estimate 5 -> 6, budget 4,500 -> 5,400"
    assert world.field(KEY, "budget_usd") == 5400
    assert world.field(KEY, "estimate_days") == 6
    assert not world.publish(dearer).has_changes


def test_what_people_set_stays_and_is_said_once(world: World) -> None:
    world.publish(row())
    world.edit(KEY, "budget_usd: 4500.0", "budget_usd: 9999")
    report = world.publish(row(budget_usd=5400.0))
    assert report.updated[0].reason.endswith("people set the budget there, which stays")
    assert world.field(KEY, "budget_usd") == 9999
    assert world.kinds(KEY)[-2:] == ["updated", "edits_kept"]
    # Only a budget that is theirs has changed: no news.
    assert not world.publish(row(budget_usd=6300.0)).has_changes

    for score in (26, 27):
        report = world.publish(row(score=score, budget_usd=6300.0))
        assert "people set" not in report.updated[0].reason
        assert world.field(KEY, "budget_usd") == 9999
        assert world.field(KEY, "score") == score
    assert world.text(KEY).count("People set the budget here") == 1
    assert world.kinds(KEY).count("edits_kept") == 1


def test_what_people_gave_back_is_kept_true_again(world: World) -> None:
    world.publish(row())
    world.edit(KEY, "budget_usd: 4500.0", "budget_usd: 9999")
    world.publish(row(budget_usd=5400.0))
    world.edit(KEY, "budget_usd: 9999", "budget_usd: 4500.0")
    world.publish(row(score=27, budget_usd=5400.0))
    assert world.field(KEY, "budget_usd") == 5400
    assert world.record(KEY).edited == {}


# Shared fixes.

FIX = "shared-fix:tls"
FIX_KEY = epic_key(FIX, 1)


def shared_rows(**member: Any) -> list[dict[str, Any]]:
    fix = row(FIX, service_name="TLS library", members="a,b", shared_fix_id="tls", score_rank=1)
    columns: dict[str, Any] = {"decision": "shared", "shared_fix_id": "tls", "score_rank": 2}
    return [fix, row("a", **columns | member), row("b", **columns)]


def test_a_shared_fix_is_one_epic_with_members(world: World) -> None:
    report = world.publish(*shared_rows())
    assert services(report.opened) == ["TLS library"]
    assert [(e.service, e.key) for e in report.shared] == [("a", FIX_KEY), ("b", FIX_KEY)]
    assert [*world.files] == [FIX_KEY]
    assert world.field(FIX_KEY, "members") == ["a", "b"]
    assert not world.publish(*shared_rows()).has_changes


def test_an_own_epic_of_a_member_stays_open_and_is_told_once(world: World) -> None:
    own = epic_key("a", 1)
    world.publish(row("a"))
    report = world.publish(*shared_rows())
    assert services(report.opened) == ["TLS library"]
    assert [(e.service, e.key) for e in report.bundled] == [("a", own)]
    assert services(report.shared) == ["b"]
    assert world.text(own).count("One change serves this service and others") == 1
    assert FIX_KEY in world.text(own)
    assert not world.publish(*shared_rows()).has_changes
    # It is still told of its own evidence.
    assert services(world.publish(*shared_rows(score=27)).bundled) == ["a"]
    assert world.text(own).count("One change serves this service and others") == 1
    assert world.record(own).state is EpicState.OPENED
    assert sorted(world.files) == sorted([own, FIX_KEY])


# Limits of work in progress.


def test_a_team_takes_as_many_as_it_can_work_on_the_best_ranked_first(world: World) -> None:
    rows = [row(f"s{n}", score_rank=n, wip_limit=2, score=30 - n) for n in range(4)]
    other = row("x", score_rank=9, wip_limit=1, team_id="group:default/other")
    report = world.publish(*reversed(rows), other)
    assert services(report.opened) == ["s0", "s1", "x"]
    assert services(report.waiting) == ["s2", "s3"]
    reason = report.waiting[0].reason
    assert "takes 2 at a time and has 2" in reason
    assert epic_key("s0", 1) in reason
    assert "opens when one is closed" in reason
    assert not world.publish(*rows, other).has_changes

    world.edit(epic_key("s1", 1), "status: open", "status: done")
    assert services(world.publish(*rows, other).opened) == ["s2"]


def test_open_epics_count_whoever_is_in_the_rows_and_whatever_they_are_now(world: World) -> None:
    world.publish(row("gone", wip_limit=2), row("bundled", wip_limit=2, score_rank=2))
    report = world.publish(
        row("bundled", wip_limit=2, decision="bundle", score=18), row("new", wip_limit=2)
    )
    assert services(report.waiting) == ["new"]


def test_a_limit_holds_back_nothing_that_was_begun(world: World) -> None:
    class DyingTracker(LocalTracker):
        def create(self, drafts: Any) -> Any:
            super().create(drafts)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        publish_epics(
            [row("first", wip_limit=1)],
            world.ledger,
            DyingTracker(world.epics),
            dry_run=False,
            now=NOW,
            run_id="dies",
        )
    report = world.publish(row("better", wip_limit=1), row("first", wip_limit=1, score_rank=2))
    assert services(report.waiting) == ["better"]
    assert services(report.already_open) == ["first"]


# Hygiene.


def _die(*_: Any, **__: Any) -> None:
    raise KeyboardInterrupt


OVER: dict[str, Any] = {"decision": "close", "score": 4, "band": "close_as_hygiene"}


def test_an_epic_that_nobody_touched_is_closed_once_with_its_stories(world: World) -> None:
    world.publish(row(fix_classes="config_only"))
    foretold = world.publish(row(**OVER), dry_run=True)
    assert [e.key for e in foretold.closed] == [KEY]
    assert world.record(KEY).state is EpicState.OPENED
    report = world.publish(row(**OVER))
    assert [e.key for e in report.closed] == [KEY]
    story = f"{KEY}-config-only"
    for key in (KEY, story):
        assert world.field(key, "status") == "done"
        assert world.text(key).count("Closed as hygiene") == 1
        assert world.record(key).state is EpicState.CLOSED
        assert world.kinds(key)[-2:] == ["close_intended", "closed_as_hygiene"]
    before = world.files
    report = world.publish(row(**OVER))
    assert not report.has_changes
    assert services(report.closed_as_hygiene) == ["gateway"]
    assert world.files == before
    # A later incident opens the next cycle.
    again = row(newest_incident_at=datetime(2027, 1, 1))
    assert [e.key for e in world.publish(again).opened] == [epic_key("gateway", 2)]


def test_a_story_that_people_work_on_keeps_its_epic_open(world: World) -> None:
    world.publish(row(fix_classes="config_only,code_refactor"))
    world.edit(f"{KEY}-code-refactor", "status: open", "status: in progress")
    for _ in range(2):
        report = world.publish(row(**OVER))
        assert "people have worked on it" in report.closed_as_hygiene[0].reason
        assert not report.has_changes
    assert world.field(f"{KEY}-config-only", "status") == "open"
    assert world.record(KEY).touched_at


@pytest.mark.parametrize("how", ["deleted", "closed"])
def test_a_story_that_people_deleted_or_closed_keeps_its_epic_open(world: World, how: str) -> None:
    world.publish(row(fix_classes="config_only,code_refactor"))
    story = f"{KEY}-code-refactor"
    if how == "deleted":
        (world.epics / f"{story}.md").unlink()
    else:
        world.edit(story, "status: open", "status: done")
    foretold = world.publish(row(**OVER), dry_run=True)
    assert world.record(story).state is EpicState.OPENED
    for report in (foretold, world.publish(row(**OVER)), world.publish(row(**OVER))):
        assert (report.failed, report.closed) == ((), ())
        assert "people have worked on it" in report.closed_as_hygiene[0].reason
    assert world.record(story).state is EpicState.CLOSED
    assert world.field(KEY, "status") == "open"
    assert world.kinds(KEY).count("touched") == 1


def test_a_story_that_we_closed_before_we_died_is_no_persons_work(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.publish(row(fix_classes="config_only"))
    with monkeypatch.context() as patch:
        patch.setattr(Ledger, "record_closed", _die)
        with pytest.raises(KeyboardInterrupt):
            world.publish(row(**OVER))
    assert world.field(f"{KEY}-config-only", "status") == "done"
    assert world.record(f"{KEY}-config-only").state is EpicState.OPENED
    assert [e.key for e in world.publish(row(**OVER)).closed] == [KEY]
    assert world.field(KEY, "status") == "done"


def test_an_epic_that_people_take_up_while_others_are_closed_stays_open(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    services = [row("a"), row("b", score_rank=2)]
    world.publish(*services)
    close = LocalTracker.close

    def close_while_people_work(self: LocalTracker, ref: EpicRef, change: EpicChange) -> None:
        close(self, ref, change)
        world.edit(epic_key("b", 1), "status: open", "status: in progress")

    monkeypatch.setattr(LocalTracker, "close", close_while_people_work)
    report = world.publish(row("a", **OVER), row("b", score_rank=2, **OVER))
    assert [e.key for e in report.closed] == [epic_key("a", 1)]
    assert world.record(epic_key("b", 1)).touched_at


def test_an_epic_that_people_reopened_is_never_closed_again(world: World) -> None:
    world.publish(row())
    world.publish(row(**OVER))
    world.edit(KEY, "status: done", "status: open")
    for _ in range(2):
        assert not world.publish(row(**OVER)).has_changes
    assert world.field(KEY, "status") == "open"


# Dry run.


def test_a_dry_run_shows_exactly_what_would_be_sent(world: World) -> None:
    rows = [row(fix_classes="config_only"), row("b", score_rank=2)]
    foretold = world.publish(*rows, dry_run=True)
    assert not world.epics.exists()
    assert [s.key for s in foretold.stories] == [f"{KEY}-config-only"]
    shown = {entry.key: entry.rehearsal["text"] for entry in foretold.opened}
    world.day -= 1
    world.publish(*rows)
    assert {key: world.text(str(key)) for key in shown} == shown

    dearer = row(fix_classes="config_only", score=27, budget_usd=5400.0)
    foretold = world.publish(dearer, dry_run=True)
    rehearsal = foretold.updated[0].rehearsal
    assert rehearsal["figures"]["budget_usd"] == 5400
    assert "Score 27, was 24" in rehearsal["comment"]
    world.publish(dearer)
    assert rehearsal["comment"].splitlines()[0] in world.text(KEY)
