"""SLOs of Datadog and their histories land once and in full, whatever happens on the way."""

from __future__ import annotations

import itertools
import random
from collections import Counter
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from orchestration.landing import open_landing
from orchestration.vendors import datadog

from .extraction import Source
from .loopback import landed, serving
from .vendor_datadog import FakeDatadog

DAY = 86_400
NOW = 1_767_225_600 + 9 * 3600 + 12 * 60  # 2026-01-01 09:12
BEGIN = 1_767_225_600 - 2 * DAY


def sync(root: Path, url: str, **settings: Any) -> int:
    values = {"url": url, "since": date(2025, 12, 30), "backfill_days": 1, **settings}
    source = Source("datadog", {"DD_API_KEY": "api-51d0c4", "DD_APP_KEY": "app-9be2f7"})
    return source.sync(root, datadog.DatadogConfig.model_validate(values))[0]


def windows(root: Path) -> Counter[tuple[str, int, int]]:
    return Counter(
        (answer["slo_id"], answer["from_ts"], answer["to_ts"])
        for answer in landed(root, "datadog/histories")
    )


def listed(root: Path) -> list[str]:
    return [slo["id"] for slo in landed(root, "datadog/slos")]


def expected(*slo_ids: str) -> Counter[tuple[str, int, int]]:
    """Two days at once, then the six hours of today that are over."""
    today = BEGIN + 2 * DAY
    spans = [(BEGIN, BEGIN + DAY), (BEGIN + DAY, today), (today, today + 6 * 3600)]
    return Counter((slo_id, *span) for slo_id in slo_ids for span in spans)


def vendor_of(*slo_ids: str) -> FakeDatadog:
    vendor = FakeDatadog(NOW)
    for slo_id in slo_ids:
        vendor.add(slo_id)
    return vendor


@pytest.mark.parametrize("has_common_times", [True, False])
def test_points_of_events_are_good_and_all_of_each_interval(
    tmp_path: Path, has_common_times: bool
) -> None:
    vendor = vendor_of("a")
    vendor.add("m", "monitor")
    vendor.has_common_times = has_common_times
    with serving(vendor) as url:
        sync(tmp_path, url)
    assert windows(tmp_path) == expected("a", "m")
    samples = list(landed(tmp_path, "datadog/samples"))
    assert len(samples) == 72 * 3
    for sample in samples:
        at = sample["sampled_at"] // 1000
        assert (sample["good"], sample["total"]) == vendor.events("a", at)
        assert sample["from_ts"] <= at < sample["to_ts"]
    assert {sample["interval_seconds"] for sample in samples} == {1200, 300}
    # A history of states lands as it is.
    states = [one for one in landed(tmp_path, "datadog/histories") if one["slo_id"] == "m"]
    assert states[0]["data"]["overall"]["history"][1] == [BEGIN + 600, 1]


def test_requests_are_as_many_as_windows_that_are_over(tmp_path: Path) -> None:
    vendor = vendor_of("a", "b")
    with serving(vendor) as url:
        # The second: 12:12 is not yet late enough for the window to 12:00; 30 minutes later is.
        for seconds, requests in [(0, 1 + 2 * 3), (0, 1), (3 * 3600, 1), (1800, 1 + 2)]:
            vendor.at += seconds
            assert sync(tmp_path, url) == requests
        assert set(windows(tmp_path).values()) == {1}
        # 1,095 days by three, and six hours.
        assert sync(tmp_path / "3", url, since=date(2023, 1, 2), backfill_days=3) == 1 + 2 * 367
    spans = [(start, end) for one, start, end in sorted(windows(tmp_path / "3")) if one == "a"]
    assert all(end == start for (_, end), (start, _) in itertools.pairwise(spans))


@pytest.mark.parametrize("seed", range(15))
def test_slos_that_come_and_go_while_they_are_listed(
    tmp_path: Path, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(datadog, "PAGE", 3)
    chance = random.Random(seed)
    vendor = vendor_of(*(f"s{number}" for number in range(10)))

    def changes(_: object) -> None:
        if chance.random() < 0.3:
            vendor.slos.remove(chance.choice(vendor.slos))
        if chance.random() < 0.3:
            vendor.add(f"n{chance.randrange(10**6)}")

    with serving(vendor) as url:
        vendor.before = changes
        sync(tmp_path, url)
        vendor.before = lambda _: None
        sync(tmp_path, url)
    there = sorted(slo["id"] for slo in vendor.slos)
    assert listed(tmp_path) == there
    found = windows(tmp_path)
    assert {key: count for key, count in found.items() if key[0] in there} == expected(*there)
    assert set(found.values()) == {1}


def test_an_slo_that_is_gone_is_forgotten_and_read_again_when_asked(tmp_path: Path) -> None:
    vendor = vendor_of("a", "b")
    vendor.add("x", tags=["env:test"])
    with serving(vendor) as url:
        sync(tmp_path, url, tags_query="env:prod")
        assert listed(tmp_path) == ["a", "b"]
        del vendor.slos[0]
        sync(tmp_path, url, tags_query="env:prod")
        assert listed(tmp_path) == ["b"]
        with open_landing(tmp_path, tmp_path / "state", "datadog") as landing:
            assert set(landing.cursors) == {"b"}
            landing.commit(b=None)
        sync(tmp_path, url, tags_query="env:prod")
    assert windows(tmp_path) == expected("a", "b") + expected("b")
