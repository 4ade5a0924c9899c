"""PagerDuty's extractor against a made-up account in which people go on working meanwhile."""

from __future__ import annotations

import json
import random
from collections import Counter
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from orchestration.http import SourceError, UnavailableError
from orchestration.vendors.base import moment
from orchestration.vendors.pagerduty import pages
from orchestration.vendors.pagerduty.extractor import PagerDutyConfig

from .extraction import CALM, Source
from .loopback import landed, serving
from .vendor_pagerduty import START, TOKEN, Account

FLOOR = datetime(2026, 3, 1, tzinfo=UTC)
SETTLE = timedelta(seconds=60)
ALWAYS = 0.0001


def account(ends: str = "[)") -> Account:
    return Account(page=5, cap=40, ends=ends)


def sync(root: Path, url: str, **options: Any) -> int:
    """One sync, with pages as small as those of `account`; how many requests it took."""
    values = {"url": url, "since": date(2026, 3, 1), **options}
    source = Source("pagerduty", {"PAGERDUTY_TOKEN": TOKEN}, patience=CALM)
    with patch.multiple(pages, PAGE=5, CAP=40):
        return source.sync(root, PagerDutyConfig.model_validate(values))[0]


def incidents(root: Path) -> dict[str, dict[str, Any]]:
    """The newest landed version of each."""
    versions = sorted(landed(root, "pagerduty/incidents"), key=lambda one: one["updated_at"])
    return {one["id"]: one for one in versions}


def entries(root: Path) -> Counter[str]:
    return Counter(one["id"] for one in landed(root, "pagerduty/log_entries"))


def deleted(root: Path) -> set[str]:
    """As `int_incidents__pagerduty` has it: within a swept window, and not in it."""
    swept = list(landed(root, "pagerduty/incident_ids"))
    windows = [pages.Window(moment(s["since"]), moment(s["until"])) for s in swept if not s["id"]]
    ids = {one["id"] for one in swept}
    return {
        name
        for name, one in incidents(root).items()
        if name not in ids and any(moment(one["created_at"]) in window for window in windows)
    }


def state(root: Path) -> dict[str, Any]:
    return json.loads((root / "state" / "pagerduty.json").read_text())["cursors"]


def all_is_there(root: Path, vendor: Account, end: datetime, changed: set[str]) -> None:
    """Landed is what the account holds that was created from SINCE to `end`, or is in `changed`."""
    known = incidents(root)
    held = {
        name: one
        for name, one in vendor.incidents.items()
        if FLOOR <= moment(one["created_at"]) < end or name in changed
    }
    assert {name: known.get(name) for name in held} == held
    in_scope = {name for name, one in known.items() if moment(one["created_at"]) >= FLOOR}
    assert deleted(root) == in_scope - vendor.incidents.keys()
    logged = entries(root)
    assert set(logged.values()) <= {1}
    in_time = {e.record["id"] for e in vendor.entries if FLOOR <= e.at < end}
    of_changed = {e.record["id"] for e in vendor.entries if e.record["incident"]["id"] in changed}
    assert in_time | of_changed <= logged.keys()


@pytest.mark.parametrize("seed", range(10))
def test_nothing_is_lost_while_people_work(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    vendor = account(ends=chance.choice(["[)", "[]", "(]", "()"]))
    vendor.embeds = seed % 4 > 0
    vendor.totals = seed % 3 > 0
    vendor.late = timedelta(seconds=chance.choice([0, 0, 200]))
    vendor.fill(50, older=9, chance=chance)
    before = {one.record["id"] for one in vendor.entries}
    vendor.step = timedelta(seconds=5)
    with serving(vendor) as url:
        rate = chance.choice([0.1, 0.3])
        vendor.before = lambda _: vendor.something(chance) if chance.random() < rate else None
        for _ in range(1 + seed % 2):
            # Where a single second never stands still it gives up for this time.
            with suppress(UnavailableError):
                sync(tmp_path, url, sweep_recent_hours=ALWAYS)
            vendor.clock += timedelta(minutes=chance.choice([1, 10, 90]))
        vendor.before = lambda _: None
        vendor.clock += timedelta(minutes=10)
        end = vendor.clock + vendor.step - SETTLE
        sync(tmp_path, url, sweep_recent_hours=ALWAYS)
    began = moment(state(tmp_path)["began"])
    changed = {
        e.record["incident"]["id"]
        for e in vendor.entries
        if e.at >= began and e.record["id"] not in before
    }
    all_is_there(tmp_path, vendor, end, changed)


def test_changes_take_no_more_requests_than_their_entries_have_pages(tmp_path: Path) -> None:
    vendor = account()
    vendor.fill(20, older=9, chance=random.Random(3))
    with serving(vendor) as url:
        sync(tmp_path, url)
        vendor.clock += timedelta(hours=1)
        # The clock, an empty page of changes, and the count.
        assert sync(tmp_path, url) == 3
        known = [n for n, one in vendor.incidents.items() if moment(one["created_at"]) >= FLOOR]
        for one in known[:7]:
            vendor.change(one, "acknowledged")
            vendor.change(one, "resolved")
        vendor.clock += timedelta(hours=1)
        vendor.requests.clear()
        # Of 14 entries the first page brings five and each other four: the last of the page
        # before comes again.
        assert sync(tmp_path, url) == 2 + 4
        asked = Counter(one.path for one in vendor.requests)
        assert asked == {"/incidents": 2, "/log_entries": 4}
        assert {one: incidents(tmp_path)[one]["status"] for one in known[:7]} == dict.fromkeys(
            known[:7], "resolved"
        )


def test_years_are_read_back_in_windows_that_fit(tmp_path: Path) -> None:
    vendor = account()
    for day in range(0, 900, 3):
        vendor.create(START - timedelta(days=day, hours=2))
    storm = START - timedelta(days=400)
    for second in range(130):
        vendor.create(storm + timedelta(seconds=second))
    with serving(vendor) as url:
        sync(tmp_path, url, since=date(2024, 2, 1))
        held = {name for name, one in vendor.incidents.items() if one["created_at"] >= "2024-02"}
        assert incidents(tmp_path).keys() == held
        assert set(entries(tmp_path).values()) == {1}
        assert len(entries(tmp_path)) == len(held)
        # No window was asked for that the server refuses, and none twice for its count alone.
        assert len(vendor.requests) < 480
        # An earlier beginning is made up for, and nothing is read again.
        vendor.requests.clear()
        vendor.clock += timedelta(minutes=5)
        sync(tmp_path, url, since=date(2024, 1, 1))
        assert incidents(tmp_path).keys() == vendor.incidents.keys()
        assert set(entries(tmp_path).values()) == {1}
        assert len(vendor.requests) < 15
    journal = landed(tmp_path, "paydown/syncs")
    (last,) = [row for row in journal if row["stream"] == "incidents"][1:]
    assert last["source_count"] == len(vendor.incidents)


@pytest.mark.parametrize("ends", ["[)", "[]", "(]", "()"])
def test_what_happens_on_the_edge_of_a_window_lands_once(tmp_path: Path, ends: str) -> None:
    vendor = account(ends=ends)
    vendor.create(FLOOR)
    for edge in (datetime(2026, 5, 1, tzinfo=UTC), datetime(2026, 6, 1, tzinfo=UTC)):
        vendor.create(edge - timedelta(seconds=1))
        vendor.create(edge)
    with serving(vendor) as url:
        for _ in range(4):
            end = vendor.clock - SETTLE
            sync(tmp_path, url, overlap_seconds=0)
            # Where this sync stopped, and what it stopped before.
            vendor.create(end)
            vendor.create(end + timedelta(seconds=1))
            vendor.clock += timedelta(hours=1)
        sync(tmp_path, url, overlap_seconds=0)
    assert incidents(tmp_path) == vendor.incidents
    assert set(entries(tmp_path).values()) == {1}
    assert entries(tmp_path).keys() == {one.record["id"] for one in vendor.entries}


def test_records_of_one_second_may_come_in_any_order(tmp_path: Path) -> None:
    chance = random.Random(8)
    vendor = account()
    vendor.tie = lambda _: chance.random()
    # The first page ends between the second and the third of one second.
    for n in range(30):
        vendor.create(START - timedelta(hours=20 + n // 3))
    with serving(vendor) as url:
        for n in range(8):
            sync(tmp_path / str(n), url, directory=["teams"])
            assert incidents(tmp_path / str(n)) == vendor.incidents
            assert len(entries(tmp_path / str(n))) == 30
            assert set(entries(tmp_path / str(n)).values()) == {1}


def test_a_second_with_more_than_can_be_paged_is_reported(tmp_path: Path) -> None:
    vendor = account()
    for _ in range(41):
        vendor.create(START - timedelta(days=40))
    # The second after it is asked for with a second to spare.
    said = r"the second 2026-05-17T16:00:0[01]Z: 41 records; PagerDuty pages at most 40"
    with serving(vendor) as url, pytest.raises(SourceError, match=said):
        sync(tmp_path, url)


def test_a_late_reopening_brings_all_of_an_old_incident(tmp_path: Path) -> None:
    vendor = account()
    old, other = (vendor.create(START - timedelta(days=days)) for days in (500, 300))
    vendor.change(old, "resolved", START - timedelta(days=499))
    with serving(vendor) as url:
        sync(tmp_path, url)
        assert incidents(tmp_path) == {}
        vendor.clock += timedelta(days=30)
        vendor.change(old, "triggered")
        vendor.clock += timedelta(days=1)
        sync(tmp_path, url)
        vendor.change(old, "resolved")
        vendor.clock += timedelta(days=1)
        sync(tmp_path, url)
    assert incidents(tmp_path) == {old: vendor.incidents[old]}
    kinds = Counter(one["type"] for one in landed(tmp_path, "pagerduty/log_entries"))
    assert kinds == {
        "trigger_log_entry": 1, "unacknowledge_log_entry": 1, "resolve_log_entry": 2,
    }  # fmt: skip
    assert other not in incidents(tmp_path)


def test_what_an_incident_was_merged_into_comes_too(tmp_path: Path) -> None:
    vendor = account()
    vendor.logs_merges = False
    target = vendor.create(START - timedelta(days=200))
    # Half a character lands as it came.
    vendor.incidents[target]["title"] = "cut \ud83d"
    one = vendor.create(START - timedelta(days=2))
    with serving(vendor) as url:
        sync(tmp_path, url)
        assert incidents(tmp_path).keys() == {one}
        vendor.merge(one, target)
        vendor.clock += timedelta(hours=1)
        sync(tmp_path, url)
    assert incidents(tmp_path) == vendor.incidents


def test_deleted_incidents_show_and_other_windows_keep_their_bytes(tmp_path: Path) -> None:
    vendor = account()
    vendor.fill(30, older=9, chance=random.Random(5))
    gone, recent = [
        min(vendor.incidents.values(), key=lambda one, at=at: abs(moment(one["created_at"]) - at))
        for at in (START - timedelta(days=60), START - timedelta(days=4))
    ]
    with serving(vendor) as url:
        sync(tmp_path, url)
        vendor.delete(gone["id"])
        vendor.delete(recent["id"])
        before = files(tmp_path)
        vendor.clock += timedelta(hours=23)
        sync(tmp_path, url)
        assert files(tmp_path) == before
        assert deleted(tmp_path) == set()
        vendor.clock += timedelta(hours=2)
        sync(tmp_path, url)
    assert deleted(tmp_path) == {gone["id"], recent["id"]}
    after = files(tmp_path)
    assert before.keys() == after.keys()
    assert len([name for name in before if before[name] != after[name]]) == 2


def test_directory_is_read_once_a_day_and_leaves_out_how_people_are_reached(
    tmp_path: Path,
) -> None:
    vendor = account()
    vendor.has_priorities = False
    with serving(vendor) as url:
        sync(tmp_path, url)
        vendor.requests.clear()
        vendor.clock += timedelta(hours=23)
        sync(tmp_path, url)
        assert not {one.path for one in vendor.requests} & {"/users", "/services", "/priorities"}
        vendor.clock += timedelta(hours=1)
        sync(tmp_path, url)
        assert {"/users", "/services"} <= {one.path for one in vendor.requests}
        sync(tmp_path / "other", url, directory=["teams"])
    users = list(landed(tmp_path, "pagerduty/users"))
    assert [one["id"] for one in users] == [f"PU{n}" for n in range(7)]
    assert {"time_zone", "name"} <= users[0].keys()
    assert not {"contact_methods", "notification_rules"} & users[0].keys()
    assert list(landed(tmp_path, "pagerduty/priorities")) == []
    assert not (tmp_path / "other" / "pagerduty" / "users").exists()


def files(root: Path) -> dict[str, bytes]:
    return {
        path.name: path.read_bytes() for path in (root / "pagerduty" / "incident_ids").iterdir()
    }
