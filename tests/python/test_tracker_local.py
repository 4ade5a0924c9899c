"""The embedded tracker: files that people read and edit, and that hostile text can't break."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from orchestration.documents.readers import read_front_matter as read_for_staging
from orchestration.http import ConflictError, RefusedError, UnavailableError
from orchestration.trackers import local
from orchestration.trackers.local import LocalTracker
from orchestration.trackers.local_file import read_front_matter, with_change
from orchestration.trackers.protocol import EpicChange, EpicRef, EpicStatus, Preview

from .tracker_helpers import KEY, NOW, draft, opened, status
from .tracker_helpers import change as any_change


def change(score: int = 27, **given: Any) -> EpicChange:
    body = f"Score {score}, was 24\n\n- New incident: servicenow:INC0012345"
    return any_change(score - 24, body=body, **given)


@pytest.fixture
def tracker(tmp_path: Path) -> LocalTracker:
    return LocalTracker(tmp_path / "epics")


@pytest.fixture
def ref(tracker: LocalTracker) -> EpicRef:
    """An open epic."""
    return opened(tracker)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "epics" / f"{KEY}.md"


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def front(path: Path, *names: str) -> tuple[Any, ...]:
    fields = read_front_matter(path.read_text())
    return tuple(fields.get(name) for name in names)


def test_an_epic_reads_well(ref: EpicRef, path: Path) -> None:
    text = path.read_text()
    assert read_front_matter(text) == {
        "key": KEY,
        "title": "Modernize gateway to silver",
        "service": "gateway",
        "service_id": "component:default/gateway",
        "status": "open",
        "owner": "group:default/team-edge",
        "due_date": "2026-09-30",
        "estimate_days": 5.0,
        "budget_usd": 4000.0,
        "current_maturity": "bronze",
        "target_maturity": "silver",
        "score": 24,
        "slo_burn": 14.4,
        "risks": ["RISK-7"],
        "labels": ["incident-modernization", KEY],
        "opened_at": str(NOW),
        "closed_at": None,
    }
    assert {"# Modernize gateway to silver", "- [ ] retries back off"} <= {*text.splitlines()}
    assert ref.url == path.as_uri()
    assert sorted(path.name for path in path.parent.iterdir()) == [".lock", f"{KEY}.md"]


@pytest.mark.parametrize("title", ["1.5e3", "-.5", "no", "0012345", "2026-09-30", "~", "on: off"])
def test_a_file_is_read_by_one_reader_and_text_stays_text(
    tracker: LocalTracker, path: Path, title: str
) -> None:
    opened(tracker, draft(title=title))
    assert front(path, "title") == (title,)
    edit(path, "status: open", "status: no")
    edit(path, "closed_at: null", "closed_at: 2026-07-01")
    (line,) = read_for_staging(path)
    assert (line.reason, '"status": "no", ' in line.text) == (None, True)
    assert front(path, "status", "closed_at") == ("no", "2026-07-01")


def test_the_second_creator_adopts(tracker: LocalTracker, ref: EpicRef, path: Path) -> None:
    edit(path, "retries back off", "as they said")
    again = opened(tracker, draft(score=99))
    assert (ref.is_adopted, again.is_adopted, again.id) == (False, True, ref.id)
    assert "as they said" in path.read_text()


def test_half_written_files_of_a_killed_run_go(tracker: LocalTracker, path: Path) -> None:
    path.parent.mkdir()
    (path.parent / ".0123.tmp").write_text("half an ep")
    opened(tracker)
    assert list(path.parent.glob(".*.tmp")) == []


def test_a_person_closes_an_epic(tracker: LocalTracker, ref: EpicRef, path: Path) -> None:
    edit(path, "status: open", "status: in progress")
    assert status(tracker, ref).is_open
    edit(path, "status: in progress", "status: Done")
    os.utime(path, (1_800_000_000, 1_800_000_000))
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
    tracker: LocalTracker, ref: EpicRef, path: Path, written: str, meant: datetime
) -> None:
    edit(path, "status: open", "status: done")
    edit(path, "closed_at: null", f"closed_at: {written}")
    assert status(tracker, ref).closed_at == meant


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("status: open", "status: [done", "line 7: document: owner: .* is not YAML"),
        ("status: open", "status: open\nstatus: done", "line 7: status: the key is given twice"),
        ("---\nkey", "key", "line 1: .* has no front matter; fix: begin the file with YAML"),
        ("open", "\x00", r"control character U\+0000"),
    ],
)
def test_an_unreadable_file_is_reported_by_name_line_and_fix(
    tracker: LocalTracker, ref: EpicRef, path: Path, old: str, new: str, said: str
) -> None:
    edit(path, old, new)
    problem = tracker.status([ref])[KEY]
    assert isinstance(problem, RefusedError)
    with pytest.raises(RefusedError, match=rf"{KEY}\.md: .*{said}") as caught:
        tracker.update(ref, change())
    assert str(caught.value) == str(problem)


def test_an_invalid_date_is_reported(tracker: LocalTracker, ref: EpicRef, path: Path) -> None:
    edit(path, "status: open", "status: done")
    edit(path, "closed_at: null", "closed_at: yesterday")
    problem = tracker.status([ref])[KEY]
    assert isinstance(problem, RefusedError)
    assert f"{KEY}.md: `closed_at` is not a date, write it as 2026-06-26" in str(problem)


def test_renamed_deleted_and_lost_files(tracker: LocalTracker, ref: EpicRef, path: Path) -> None:
    renamed = path.rename(path.with_name("Gateway reliability.md"))
    assert status(tracker, ref).is_open
    found = {KEY: EpicRef(KEY, "Gateway reliability.md", renamed.as_uri())}
    assert tracker.find([KEY, "paydown-other"]) == found
    tracker.update(ref, change())
    assert "Score 27" in renamed.read_text()

    renamed.unlink()
    assert status(tracker, ref).status_name == "deleted"
    assert tracker.find([KEY]) == {}
    # A directory that is gone may be a disk that isn't mounted: that says nothing.
    path.parent.rename(path.parent.with_name("elsewhere"))
    assert tracker.status([ref]) == {}


@pytest.mark.parametrize("eol", ["\n", "\r\n"])
def test_evidence_is_added_once_and_edits_survive(
    tracker: LocalTracker, ref: EpicRef, path: Path, eol: str
) -> None:
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
    assert once.count("\n") == once.count(eol)

    log, notes = once.replace("\r\n", "\n").split("## Notes")
    assert notes == "\n\nKeep me: ä | <b>\n"
    kept = edited.split("## Notes")[0].rstrip().replace("score: 24", "score: 25")
    kept = kept.replace("slo_burn: 14.4", "slo_burn: 20.0")
    assert kept.replace("score: 25", "score: 27", 1) in log
    added = "### 2026-06-26 `change-000000000003`\n\nScore 27, was 24\n\n- New incident: "
    assert added in log

    tracker.update(ref, change(28))
    assert path.read_text().count("### 2026-06-26") == 2


def test_evidence_finds_a_place_when_the_log_is_gone(
    tracker: LocalTracker, ref: EpicRef, path: Path
) -> None:
    path.write_text(path.read_text().split("## Evidence log")[0].rstrip())
    tracker.update(ref, change())
    assert "\n\n## Evidence log\n\n### 2026-06-26 `change-" in path.read_text()


@pytest.mark.parametrize("is_endless", [False, True])
def test_an_edit_made_during_an_update_survives(
    tracker: LocalTracker,
    ref: EpicRef,
    path: Path,
    monkeypatch: pytest.MonkeyPatch,
    is_endless: bool,
) -> None:
    def interrupted(text: str, new: EpicChange) -> str:
        if not is_endless:
            monkeypatch.undo()
        path.write_text(f"{text}\nAnd another thing.")
        return with_change(text, new)

    monkeypatch.setattr(local, "with_change", interrupted)
    if is_endless:
        with pytest.raises(ConflictError, match="keeps changing"):
            tracker.update(ref, change())
    else:
        tracker.update(ref, change())
    text = path.read_text()
    assert "And another thing." in text
    assert text.count("Score 27, was 24") == (0 if is_endless else 1)
    assert list(path.parent.glob(".*.tmp")) == []


def test_score_and_burn_are_paydowns_and_all_else_is_peoples(
    tracker: LocalTracker, ref: EpicRef, path: Path
) -> None:
    edit(path, "budget_usd: 4000.0", "budget_usd: 9000  # agreed with finance")
    edit(path, "estimate_days: 5.0\n", "")
    edit(path, "score: 24", "score: 99  # ours")
    tracker.update(ref, change(slo_burn=None))
    names = ("score", "slo_burn", "budget_usd", "estimate_days")
    assert front(path, *names) == (27, None, 9000, None)
    assert "score: 27  # ours" in path.read_text()
    # A retry writes them as well, and adds the evidence once.
    tracker.update(ref, change(slo_burn=3.0, is_retry=True))
    assert front(path, "slo_burn") == (3.0,)
    assert path.read_text().count("Score 27, was 24") == 1


@pytest.mark.parametrize("value", ["'24'", "&a 24", "[24]", "24\n  7"])
def test_a_field_that_people_wrote_in_an_unusual_way_stays(
    tracker: LocalTracker, ref: EpicRef, path: Path, value: str
) -> None:
    edit(path, "\nscore: 24", f"\nscore: {value}")
    tracker.update(ref, change())
    assert f"\nscore: {value}\n" in path.read_text()


def test_the_version_differs_after_any_edit(
    tracker: LocalTracker, ref: EpicRef, path: Path
) -> None:
    acts: list[Callable[[], None]] = [
        lambda: None,
        lambda: tracker.update(ref, change()),
        lambda: edit(path, "- [ ]", "- [x]"),
        lambda: tracker.close(ref, change(28)),
    ]
    versions = [status(tracker, ref).version]
    for act in acts:
        act()
        versions.append(status(tracker, ref).version)
    assert (versions[0] == versions[1], len({*versions})) == (True, 4)


def test_an_epic_is_closed_once(tracker: LocalTracker, ref: EpicRef, path: Path) -> None:
    tracker.close(ref, change(3))
    version = status(tracker, ref).version
    assert status(tracker, ref) == EpicStatus(False, "done", ref.url, NOW, version)
    assert front(path, "score", "closed_at") == (3, str(NOW))
    once = path.read_text()
    assert "Score 3, was 24" in once
    tracker.close(ref, change(3))
    assert path.read_text() == once
    edit(path, "status: done", "status: open")
    tracker.close(ref, change(3))
    assert status(tracker, ref).is_open, "a person reopened it after this change"


def test_who_closed_it_first_keeps_the_date(
    tracker: LocalTracker, ref: EpicRef, path: Path
) -> None:
    edit(path, "status: open", "status: cancelled")
    edit(path, "closed_at: null", "closed_at: 2026-06-01")
    tracker.close(ref, change(3))
    assert front(path, "status", "closed_at") == ("cancelled", "2026-06-01")


def test_a_status_that_cannot_be_set_is_reported(
    tracker: LocalTracker, ref: EpicRef, path: Path
) -> None:
    edit(path, "status: open", "status: 'open'")
    before = path.read_text()
    with pytest.raises(RefusedError, match="close it by hand"):
        tracker.close(ref, change(3))
    assert path.read_text() == before


def test_stories_name_their_epic(tracker: LocalTracker, ref: EpicRef, path: Path) -> None:
    story = opened(tracker, draft(f"{KEY}-config-only", parent=ref))
    assert front(path.with_name(story.id), "parent") == (KEY,)
    assert tracker.find([KEY, story.key]).keys() == {KEY, story.key}


def test_a_preview_shows_the_file_and_writes_nothing(tracker: LocalTracker, path: Path) -> None:
    shown = tracker.preview(draft())
    assert not path.parent.exists()
    opened(tracker)
    assert shown == Preview({"file": f"{KEY}.md", "text": path.read_text()})


def test_a_directory_that_cannot_be_made_is_reported(tracker: LocalTracker, path: Path) -> None:
    assert [check.is_ok for check in tracker.check()] == [True]
    path.parent.write_text("a file where the directory should be")
    (check,) = tracker.check()
    assert not check.is_ok
    assert str(path.parent) in check.message
    assert "PAYDOWN_HOME" in check.message
    with pytest.raises(UnavailableError, match="epics"):
        tracker.create(draft())
