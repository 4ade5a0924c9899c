"""Files and cursor are committed together, whatever interrupts a sync."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from orchestration.landing import last_sync, open_landing

from .loopback import killed_at, landed

AT = datetime(2026, 6, 26, 16, tzinfo=UTC)


def sync(root: Path, upto: int) -> None:
    """A sync that lands the numbers after its cursor, three a commit."""
    with open_landing(root, root / "state", "made_up", AT) as landing:
        while (begin := landing.cursors.get("next", 0)) < upto:
            end = min(begin + 3, upto)
            landing.append("numbers", ({"n": n} for n in range(begin, end)))
            landing.replace("all", "all", ({"n": n} for n in range(end)))
            landing.commit(next=end)
        landing.observe("numbers", source_count=upto)
        landing.journal("complete", "", 0, AT)


def test_records_are_seen_only_after_the_commit(tmp_path: Path) -> None:
    with open_landing(tmp_path, tmp_path / "state", "made_up", AT) as landing:
        landing.append("numbers", [{"n": 1}])
        assert list(landed(tmp_path, "made_up")) == []
        landing.commit(next=1)
        assert list(landed(tmp_path, "made_up/numbers")) == [{"n": 1}]
        landing.append("numbers", [{"n": 2}])
    with open_landing(tmp_path, tmp_path / "state", "made_up", AT) as landing:
        assert landing.cursors == {"next": 1}
        landing.commit(next=None)
        assert landing.cursors == {}
    assert list(landed(tmp_path, "made_up/numbers")) == [{"n": 1}]


@pytest.mark.parametrize("event", range(45))
def test_killed_anywhere_it_loses_and_repeats_nothing(tmp_path: Path, event: int) -> None:
    was_killed = killed_at(event, lambda: sync(tmp_path, 10))
    sync(tmp_path, 10)
    assert [record["n"] for record in landed(tmp_path, "made_up/numbers")] == list(range(10))
    assert [record["n"] for record in landed(tmp_path, "made_up/all")] == list(range(10))
    assert not list(tmp_path.rglob(".partial-*"))
    assert was_killed or event >= 40


def test_equal_snapshots_are_equal_files(tmp_path: Path) -> None:
    sync(tmp_path, 10)
    (file,) = (tmp_path / "made_up" / "all").iterdir()
    before = file.read_bytes()
    with open_landing(tmp_path, tmp_path / "state", "made_up") as landing:
        landing.commit(next=None)
    sync(tmp_path, 10)
    assert file.read_bytes() == before


def test_journal_says_what_each_stream_brought(tmp_path: Path) -> None:
    with open_landing(tmp_path, tmp_path / "state", "made_up", AT) as landing:
        landing.append("numbers", [{"n": 1}, {"n": 2}])
        landing.commit(next=2)
        landing.append("numbers", [{"n": 3}])
        landing.observe("numbers", source_count=2, since=AT, until=AT)
        landing.observe("numbers", source_count=1)
        landing.journal("stopped", "no more", 4, AT)
    (row,) = landed(tmp_path, "paydown/syncs")
    assert (row["records"], row["source_count"], row["requests"]) == (2, 3, 4)
    assert (row["status"], row["message"], row["since"]) == (
        "stopped", "no more", "2026-06-26T16:00:00Z",
    )  # fmt: skip
    assert last_sync(tmp_path / "state", "made_up")["complete_at"] is None
    sync(tmp_path, 3)
    last = last_sync(tmp_path / "state", "made_up")
    assert (last["status"], last["complete_at"]) == ("complete", "2026-06-26T16:00:00Z")


def test_state_names_no_record(tmp_path: Path) -> None:
    sync(tmp_path, 4)
    state = json.loads((tmp_path / "state" / "made_up.json").read_text())
    assert state["cursors"] == {"next": 4}


def test_what_a_sync_did_to_its_cursors_in_vain_is_forgotten(tmp_path: Path) -> None:
    """A source may change a list within a cursor; the journal keeps none of it that wasn't
    committed."""
    with open_landing(tmp_path, tmp_path / "state", "demo") as landing:
        landing.commit(seen=["a"])
        landing.cursors["seen"].append("b")
        landing.append("items", [{"id": "b"}])
        landing.journal("stopped", "no answer", 2, datetime.now(UTC))
        assert landing.cursors == {"seen": ["a"]}
    with open_landing(tmp_path, tmp_path / "state", "demo") as landing:
        assert landing.cursors == {"seen": ["a"]}
        landing.cursors["seen"].append("b")
        landing.journal("stopped", "no answer", 2, datetime.now(UTC))
    with open_landing(tmp_path, tmp_path / "state", "demo") as landing:
        assert landing.cursors == {"seen": ["a"]}
