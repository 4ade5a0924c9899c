"""The embedded tracker: files that people read and edit, and that hostile text can't break."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from orchestration.trackers import local
from orchestration.trackers.local import LocalTracker
from orchestration.trackers.local_file import read_front_matter, with_change
from orchestration.trackers.protocol import (
    ConflictError,
    EpicChange,
    EpicDraft,
    EpicRef,
    EpicStatus,
    Preview,
    RejectedError,
    TrackerError,
)

from . import tracker_helpers as helpers

NOW = datetime(2026, 6, 26, 16, tzinfo=UTC)
KEY = "paydown-gateway-1a2b3c4d-c1"


def draft(**given: Any) -> EpicDraft:
    defaults: dict[str, Any] = {"key": KEY, "opened_at": NOW}
    return helpers.draft(**defaults | given)


def change(score: int = 27, **given: Any) -> EpicChange:
    body = f"Score {score}, was 24\n\n- New incident: servicenow:INC0012345"
    number: dict[str, Any] = {"change_id": f"change-{score:012}", "at": NOW, "slo_burn": 20.0}
    return EpicChange(score=score, body=body, **number | given)


@pytest.fixture
def tracker(tmp_path: Path) -> LocalTracker:
    return LocalTracker(tmp_path / "epics")


@pytest.fixture
def ref(tracker: LocalTracker) -> EpicRef:
    """An open epic."""
    outcome = tracker.create([draft()])[KEY]
    assert isinstance(outcome, EpicRef)
    return outcome


def file_of(tmp_path: Path) -> Path:
    return tmp_path / "epics" / f"{KEY}.md"


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def front(path: Path, *names: str) -> tuple[Any, ...]:
    fields = read_front_matter(path.read_text())
    return tuple(fields.get(name) for name in names)


def status(tracker: LocalTracker, ref: EpicRef) -> EpicStatus:
    found = tracker.status([ref])[ref.key]
    assert isinstance(found, EpicStatus), found
    return found


def test_an_epic_reads_well(tracker: LocalTracker, ref: EpicRef, tmp_path: Path) -> None:
    text = file_of(tmp_path).read_text()
    assert read_front_matter(text) == {
        "key": KEY,
        "title": "Modernize gateway to silver",
        "service": "gateway",
        "service_id": "component:default/gateway",
        "status": "open",
        "owner": "group:default/team-edge",
        "due_date": date(2026, 9, 30),
        "estimate_days": 5.0,
        "budget_usd": 4000.0,
        "current_maturity": "bronze",
        "target_maturity": "silver",
        "score": 24,
        "slo_burn": 14.4,
        "risks": ["RISK-7"],
        "labels": ["incident-modernization", KEY],
        "opened_at": NOW,
        "closed_at": None,
    }
    for line in ("# Modernize gateway to silver", "- [ ] retries back off"):
        assert line in text.splitlines()
    assert ref.url == file_of(tmp_path).as_uri()
    assert sorted(path.name for path in file_of(tmp_path).parent.iterdir()) == [
        ".lock",
        f"{KEY}.md",
    ]


def test_the_second_creator_adopts(tracker: LocalTracker, ref: EpicRef, tmp_path: Path) -> None:
    edit(file_of(tmp_path), "retries back off", "as they said")
    again = tracker.create([draft(score=99)])[KEY]
    assert isinstance(again, EpicRef)
    assert again.is_adopted
    assert not ref.is_adopted
    assert again.id == ref.id
    assert "as they said" in file_of(tmp_path).read_text()


def test_half_written_files_of_a_killed_run_go(tracker: LocalTracker, tmp_path: Path) -> None:
    (tmp_path / "epics").mkdir()
    (tmp_path / "epics" / ".0123.tmp").write_text("half an ep")
    tracker.create([draft()])
    assert list((tmp_path / "epics").glob(".*.tmp")) == []


def test_a_person_closes_an_epic(tracker: LocalTracker, ref: EpicRef, tmp_path: Path) -> None:
    assert status(tracker, ref).is_open
    edit(file_of(tmp_path), "status: open", "status: in progress")
    assert status(tracker, ref).is_open
    edit(file_of(tmp_path), "status: in progress", "status: Done")
    os.utime(file_of(tmp_path), (1_800_000_000, 1_800_000_000))
    closed = status(tracker, ref)
    assert not closed.is_open
    assert closed.closed_at == datetime.fromtimestamp(1_800_000_000, UTC)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("2026-07-01", datetime(2026, 7, 1, 23, 59, 59, tzinfo=UTC)),
        ("'2026-07-01'", datetime(2026, 7, 1, 23, 59, 59, tzinfo=UTC)),
        ("2026-07-01 10:00", datetime(2026, 7, 1, 10, tzinfo=UTC)),
        ("2026-07-01T10:00:00+02:00", datetime(2026, 7, 1, 8, tzinfo=UTC)),
    ],
)
def test_when_a_person_says_it_was_closed(
    tracker: LocalTracker, ref: EpicRef, tmp_path: Path, written: str, meant: datetime
) -> None:
    edit(file_of(tmp_path), "status: open", "status: done")
    edit(file_of(tmp_path), "closed_at: null", f"closed_at: {written}")
    assert status(tracker, ref).closed_at == meant


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("status: open", "status: done\nclosed_at: yesterday\nx: 1", "no date"),
        ("status: open", "status: [done", "YAML between"),
        ("---\nkey", "key", "does not begin with YAML"),
    ],
)
def test_a_file_that_cannot_be_read_is_told(
    tracker: LocalTracker, ref: EpicRef, tmp_path: Path, old: str, new: str, said: str
) -> None:
    if "yesterday" in new:
        edit(file_of(tmp_path), "closed_at: null\n", "")
    edit(file_of(tmp_path), old, new)
    problem = tracker.status([ref])[KEY]
    assert isinstance(problem, TrackerError)
    assert said in str(problem)
    assert f"{KEY}.md" in str(problem)


def test_renamed_deleted_and_lost_files(
    tracker: LocalTracker, ref: EpicRef, tmp_path: Path
) -> None:
    renamed = file_of(tmp_path).rename(tmp_path / "epics" / "Gateway reliability.md")
    assert status(tracker, ref).is_open
    assert tracker.find([KEY, "paydown-other"]) == {
        KEY: EpicRef(KEY, "Gateway reliability.md", renamed.as_uri())
    }
    tracker.update(ref, change())
    assert "Score 27" in renamed.read_text()

    renamed.unlink()
    assert status(tracker, ref).status_name == "deleted"
    assert tracker.find([KEY]) == {}
    # A directory that is gone may be a disk that isn't mounted: that says nothing.
    for path in (tmp_path / "epics").iterdir():
        path.unlink()
    (tmp_path / "epics").rmdir()
    assert tracker.status([ref]) == {}


@pytest.mark.parametrize("eol", ["\n", "\r\n"])
def test_evidence_is_added_once_and_edits_survive(
    tracker: LocalTracker, ref: EpicRef, tmp_path: Path, eol: str
) -> None:
    path = file_of(tmp_path)
    edited = path.read_text().replace("- [ ] retries", "- [x] retries (Ann, 1 July)")
    edited = edited.replace("status: open", "status: doing  # Ann has it")
    edited += "\n## Notes\n\nKeep me: ä | <b>\n"
    path.write_bytes(edited.replace("\n", eol).encode())
    path.chmod(0o640)

    tracker.update(ref, change())
    once = path.read_bytes().decode()
    tracker.update(ref, change())
    assert path.read_bytes().decode() == once
    assert path.stat().st_mode & 0o777 == 0o640

    added = once.replace("\r\n", "\n")
    log, notes = added.split("## Notes")
    assert notes == "\n\nKeep me: ä | <b>\n"
    kept = edited.split("## Notes")[0].rstrip().replace("score: 24", "score: 27")
    kept = kept.replace("slo_burn: 14.4", "slo_burn: 20.0")
    assert kept in log
    assert "### 2026-06-26 `change-" in log
    assert "Score 27, was 24" in log
    assert "- New incident: servicenow:INC0012345" in log
    assert once.count("\n") == once.count(eol)

    tracker.update(ref, change(score=28))
    assert path.read_text().count("### 2026-06-26") == 2


def test_evidence_finds_a_place_when_the_log_is_gone(
    tracker: LocalTracker, ref: EpicRef, tmp_path: Path
) -> None:
    path = file_of(tmp_path)
    path.write_text(path.read_text().split("## Evidence log")[0].rstrip())
    tracker.update(ref, change())
    assert "\n\n## Evidence log\n\n### 2026-06-26 `change-" in path.read_text()


def test_an_edit_made_during_an_update_survives(
    tracker: LocalTracker, ref: EpicRef, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(text: str, new: EpicChange) -> str:
        monkeypatch.undo()
        edit(file_of(tmp_path), "status: open", "status: paused")
        return with_change(text, new)

    monkeypatch.setattr(local, "with_change", interrupted)
    tracker.update(ref, change())
    text = file_of(tmp_path).read_text()
    assert "status: paused" in text
    assert text.count("Score 27, was 24") == 1
    assert list(file_of(tmp_path).parent.glob(".*.tmp")) == []


def test_an_epic_that_is_edited_all_the_time_is_left_to_the_next_run(
    tracker: LocalTracker, ref: EpicRef, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = file_of(tmp_path)

    def interrupted(text: str, new: EpicChange) -> str:
        path.write_text(f"{text}\nAnd another thing.")
        return with_change(text, new)

    monkeypatch.setattr(local, "with_change", interrupted)
    with pytest.raises(ConflictError, match="changes all the time"):
        tracker.update(ref, change())
    assert "Score 27" not in path.read_text()


def test_score_and_burn_are_paydowns_and_all_else_is_peoples(
    tracker: LocalTracker, ref: EpicRef, tmp_path: Path
) -> None:
    path = file_of(tmp_path)
    edit(path, "budget_usd: 4000.0", "budget_usd: 9000  # agreed with finance")
    edit(path, "estimate_days: 5.0\n", "")
    edit(path, "score: 24", "score: 99  # ours")
    tracker.update(ref, change(27, slo_burn=None))
    names = ("score", "slo_burn", "budget_usd", "estimate_days")
    assert front(path, *names) == (27, None, 9000, None)
    assert "score: 27  # ours" in path.read_text()
    # A retry writes them as well, and adds the evidence once.
    tracker.update(ref, change(27, slo_burn=3.0, is_retry=True))
    assert front(path, "slo_burn") == (3.0,)
    assert path.read_text().count("Score 27, was 24") == 1


@pytest.mark.parametrize("value", ["'24'", "&a 24", "[24]", "24\n  7"])
def test_a_field_that_people_wrote_in_an_unusual_way_stays(
    tracker: LocalTracker, ref: EpicRef, tmp_path: Path, value: str
) -> None:
    edit(file_of(tmp_path), "score: 24", f"score: {value}")
    before = front(file_of(tmp_path), "score")
    tracker.update(ref, change())
    assert front(file_of(tmp_path), "score") == before or before == ("24",)


def test_the_version_differs_after_any_edit(
    tracker: LocalTracker, ref: EpicRef, tmp_path: Path
) -> None:
    versions = [status(tracker, ref).version]
    assert status(tracker, ref).version == versions[0]
    for act in (
        lambda: tracker.update(ref, change()),
        lambda: edit(file_of(tmp_path), "- [ ]", "- [x]"),
        lambda: tracker.close(ref, change(28)),
    ):
        act()
        versions.append(status(tracker, ref).version)
    assert len(set(versions)) == 4


def test_an_epic_is_closed_once(tracker: LocalTracker, ref: EpicRef, tmp_path: Path) -> None:
    tracker.close(ref, change(score=3))
    assert status(tracker, ref) == EpicStatus(
        False, "done", ref.url, NOW, status(tracker, ref).version
    )
    assert front(file_of(tmp_path), "score", "closed_at") == (3, NOW)
    assert "Score 3, was 24" in file_of(tmp_path).read_text()
    once = file_of(tmp_path).read_text()
    tracker.close(ref, change(score=3))
    assert file_of(tmp_path).read_text() == once
    edit(file_of(tmp_path), "status: done", "status: open")
    tracker.close(ref, change(score=3))
    assert status(tracker, ref).is_open, "a person reopened it after this change"


def test_who_closed_it_first_keeps_the_date(
    tracker: LocalTracker, ref: EpicRef, tmp_path: Path
) -> None:
    edit(file_of(tmp_path), "status: open", "status: cancelled")
    edit(file_of(tmp_path), "closed_at: null", "closed_at: 2026-06-01")
    tracker.close(ref, change(score=3))
    assert front(file_of(tmp_path), "status", "closed_at") == ("cancelled", date(2026, 6, 1))


def test_a_status_that_cannot_be_set_is_told(
    tracker: LocalTracker, ref: EpicRef, tmp_path: Path
) -> None:
    edit(file_of(tmp_path), "status: open", "status: 'open'")
    before = file_of(tmp_path).read_text()
    with pytest.raises(RejectedError, match="close it by hand"):
        tracker.close(ref, change(score=3))
    assert file_of(tmp_path).read_text() == before


def test_stories_name_their_epic(tracker: LocalTracker, ref: EpicRef, tmp_path: Path) -> None:
    story = replace(draft(), key=f"{KEY}-config-only", parent=ref)
    created = tracker.create([story])[story.key]
    assert isinstance(created, EpicRef)
    text = (tmp_path / "epics" / created.id).read_text()
    assert read_front_matter(text)["parent"] == KEY
    assert tracker.find([KEY, story.key]).keys() == {KEY, story.key}


def test_a_preview_shows_the_file_and_writes_nothing(tracker: LocalTracker, tmp_path: Path) -> None:
    shown = tracker.preview([draft()])[KEY]
    assert isinstance(shown, Preview)
    assert not (tmp_path / "epics").exists()
    tracker.create([draft()])
    assert shown.request == {"file": f"{KEY}.md", "text": file_of(tmp_path).read_text()}
    assert shown.notes == ()
    again = tracker.preview([draft()])[KEY]
    assert isinstance(again, Preview)
    assert "adopted" in again.notes[0]


def test_a_directory_that_cannot_be_made_is_reported(tracker: LocalTracker, tmp_path: Path) -> None:
    assert [check.is_ok for check in tracker.check()] == [True]
    (tmp_path / "epics").write_text("a file where the directory should be")
    (check,) = tracker.check()
    assert not check.is_ok
    assert str(tmp_path / "epics") in check.message
    assert "PAYDOWN_HOME" in check.message
    outcome = tracker.create([draft()])[KEY]
    assert isinstance(outcome, TrackerError)
    assert "epics" in str(outcome)
