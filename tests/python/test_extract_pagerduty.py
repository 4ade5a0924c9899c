"""PagerDuty's extractor against a made-up account in which people go on working meanwhile."""

from __future__ import annotations

import random
from collections import Counter
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from orchestration.http import SourceError, UnavailableError
from orchestration.vendors.base import moment

from .loopback import serving
from .pagerduty_helpers import (
    FLOOR,
    SETTLE,
    account,
    deleted,
    entries,
    fill,
    incidents,
    journal,
    state,
    sync,
)
from .vendor_pagerduty import START, Account

ALWAYS = 0.0001


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


@pytest.mark.parametrize("seed", range(16))
def test_nothing_is_lost_while_people_work(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    vendor = account(ends=chance.choice(["[)", "[]", "(]", "()"]))
    vendor.embeds = seed % 4 > 0
    vendor.totals = seed % 3 > 0
    vendor.late = timedelta(seconds=chance.choice([0, 0, 200]))
    fill(vendor, 50, chance)
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
    fill(vendor, 20, random.Random(3))
    with serving(vendor) as url:
        sync(tmp_path, url)
        vendor.clock += timedelta(hours=1)
        # The clock, an empty page of changes, and the count.
        assert sync(tmp_path, url).requests == 3
        known = [n for n, one in vendor.incidents.items() if moment(one["created_at"]) >= FLOOR]
        for one in known[:7]:
            vendor.change(one, "acknowledged")
            vendor.change(one, "resolved")
        vendor.clock += timedelta(hours=1)
        vendor.requests.clear()
        # Of 14 entries the first page brings five and each other four: the last of the page
        # before comes again.
        assert sync(tmp_path, url).requests == 2 + 4
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
        assert len(vendor.requests) < 320
        # An earlier beginning is made up for, and nothing is read again.
        vendor.requests.clear()
        vendor.clock += timedelta(minutes=5)
        sync(tmp_path, url, since=date(2024, 1, 1))
        assert incidents(tmp_path).keys() == vendor.incidents.keys()
        assert set(entries(tmp_path).values()) == {1}
        assert len(vendor.requests) < 15
    (last,) = [r for r in journal(tmp_path) if r["stream"] == "incidents"][1:]
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


def test_log_entries_that_come_late_are_found(tmp_path: Path) -> None:
    vendor = account()
    one = vendor.create(START - timedelta(hours=1))
    vendor.late = timedelta(minutes=5)
    vendor.change(one, "acknowledged", START - timedelta(minutes=2))
    with serving(vendor) as url:
        sync(tmp_path, url)
        assert len(entries(tmp_path)) == 1
        vendor.clock += timedelta(minutes=2)
        vendor.change(one, "resolved")
        vendor.clock += timedelta(minutes=2)
        sync(tmp_path, url)
        vendor.clock += timedelta(minutes=6)
        sync(tmp_path, url)
    assert incidents(tmp_path) == vendor.incidents
    assert entries(tmp_path) == {one.record["id"]: 1 for one in vendor.entries}


def test_a_second_with_more_than_can_be_paged_is_told(tmp_path: Path) -> None:
    vendor = account()
    for _ in range(41):
        vendor.create(START - timedelta(days=40))
    # The second after it is asked for with a second to spare.
    said = r"the second 2026-05-17T16:00:0[01]Z: 41 records; PagerDuty pages at most 40"
    with serving(vendor) as url, pytest.raises(SourceError, match=said):
        sync(tmp_path, url)
