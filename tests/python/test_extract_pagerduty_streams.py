"""What of PagerDuty lands besides what was created and changed in time."""

from __future__ import annotations

import random
from collections import Counter
from datetime import timedelta
from pathlib import Path

from orchestration.vendors.base import moment

from .loopback import landed, serving
from .pagerduty_helpers import (
    account,
    deleted,
    fill,
    incidents,
    sync,
)
from .vendor_pagerduty import START

ALWAYS = 0.0001


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
    fill(vendor, 30, random.Random(5))
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


def test_analytics_finds_changes_without_the_accounts_log_entries(tmp_path: Path) -> None:
    chance = random.Random(2)
    vendor = account()
    fill(vendor, 20, chance)
    with serving(vendor) as url:
        sync(tmp_path, url, changes="analytics")
        for _ in range(3):
            vendor.clock += timedelta(hours=3)
            for _ in range(9):
                vendor.something(chance)
            vendor.clock += timedelta(hours=1)
            vendor.requests.clear()
            sync(tmp_path, url, changes="analytics", sweep_recent_hours=ALWAYS)
            assert "/log_entries" not in {one.path for one in vendor.requests}
            known = incidents(tmp_path)
            held = {n: o for n, o in vendor.incidents.items() if n in known}
            assert {n: known[n] for n in held} == held
            assert deleted(tmp_path) <= known.keys() - held.keys()
        vendor.clock += timedelta(hours=1)
        # Clock, a page of analytics of the day of overlap or more, and the count; no incident.
        vendor.requests.clear()
        sync(tmp_path, url, changes="analytics")
        assert {one.path for one in vendor.requests} == {"/incidents", "/analytics/raw/incidents"}
    new = [n for n, one in vendor.incidents.items() if moment(one["created_at"]) >= START]
    assert new
    assert set(new) <= incidents(tmp_path).keys()


def test_half_a_character_lands_as_it_came(tmp_path: Path) -> None:
    vendor = account()
    one = vendor.create(START - timedelta(hours=1))
    vendor.incidents[one]["title"] = "cut \ud83d"
    with serving(vendor) as url:
        sync(tmp_path, url)
    assert incidents(tmp_path) == vendor.incidents


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
