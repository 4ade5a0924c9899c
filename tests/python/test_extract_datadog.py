"""SLOs of Datadog and their histories land once and in full, whatever happens on the way."""

from __future__ import annotations

import random
from collections import Counter
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from orchestration.landing import open_landing
from orchestration.vendors import datadog
from orchestration.vendors.base import Context
from orchestration.vendors.datadog import DatadogConfig

from .loopback import IMPATIENT, landed, serving
from .vendor_datadog import FakeDatadog

DAY = 86_400
NOW = 1_767_225_600 + 9 * 3600 + 12 * 60  # 2026-01-01 09:12
SINCE = date(2025, 12, 30)
BEGIN = 1_767_225_600 - 2 * DAY
KEYS = {"DD_API_KEY": "api-51d0c4", "DD_APP_KEY": "app-9be2f7"}


def config(url: str, **settings: Any) -> DatadogConfig:
    defaults: dict[str, Any] = {"since": SINCE, "backfill_days": 1}
    return DatadogConfig(url=url, **(defaults | settings))


def sync(root: Path, source: DatadogConfig) -> int:
    extractor = source.extractor(Context(environment=KEYS, patience=IMPATIENT))
    with open_landing(root, root / "state", "datadog") as landing:
        extractor.sync(landing)
    return extractor.requests


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
    vendor.has_common_times = has_common_times
    with serving(vendor) as url:
        sync(tmp_path, config(url))
    assert windows(tmp_path) == expected("a")
    samples = list(landed(tmp_path, "datadog/samples"))
    assert len(samples) == 72 * 3
    for sample in samples:
        at = sample["sampled_at"] // 1000
        assert (sample["good"], sample["total"]) == vendor.events("a", at)
        assert sample["from_ts"] <= at < sample["to_ts"]
    assert {sample["interval_seconds"] for sample in samples} == {1200, 300}


def test_a_state_history_lands_as_it_is(tmp_path: Path) -> None:
    vendor = FakeDatadog(NOW)
    vendor.add("m", "monitor")
    with serving(vendor) as url:
        sync(tmp_path, config(url))
    assert not list(landed(tmp_path, "datadog/samples"))
    first = next(iter(landed(tmp_path, "datadog/histories")))
    assert first["data"]["overall"]["history"][1] == [BEGIN + 600, 1]


def test_requests_are_as_many_as_windows_that_are_over(tmp_path: Path) -> None:
    vendor = vendor_of("a", "b")
    with serving(vendor) as url:
        assert sync(tmp_path, config(url)) == 1 + 2 * 3
        assert sync(tmp_path, config(url)) == 1
        vendor.at += 3 * 3600  # 12:12, not yet late enough for the window to 12:00
        assert sync(tmp_path, config(url)) == 1
        vendor.at += 30 * 60
        assert sync(tmp_path, config(url)) == 1 + 2
        assert set(windows(tmp_path).values()) == {1}
        extractor = config(url).extractor(Context(environment=KEYS, patience=IMPATIENT))
        assert extractor.check() == "2 SLOs"


@pytest.mark.parametrize("seed", range(30))
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
        sync(tmp_path, config(url))
        vendor.before = lambda _: None
        sync(tmp_path, config(url))
    there = sorted(slo["id"] for slo in vendor.slos)
    assert listed(tmp_path) == there
    found = windows(tmp_path)
    assert {key: count for key, count in found.items() if key[0] in there} == expected(*there)
    assert set(found.values()) == {1}


def test_years_are_read_in_long_windows(tmp_path: Path) -> None:
    vendor = vendor_of("a")
    with serving(vendor) as url:
        requests = sync(tmp_path, config(url, since=date(2023, 1, 2), backfill_days=3))
    assert requests == 1 + 365 + 1  # 1,095 days by three, and six hours
    assert sum(windows(tmp_path).values()) == requests - 1
    ends = [to for _, _, to in sorted(windows(tmp_path))]
    assert [start for _, start, _ in sorted(windows(tmp_path))][1:] == ends[:-1]


def test_an_slo_that_is_gone_is_forgotten_and_read_again_when_asked(tmp_path: Path) -> None:
    vendor = vendor_of("a", "b")
    with serving(vendor) as url:
        sync(tmp_path, config(url))
        del vendor.slos[0]
        sync(tmp_path, config(url))
        assert listed(tmp_path) == ["b"]
        with open_landing(tmp_path, tmp_path / "state", "datadog") as landing:
            assert set(landing.cursors) == {"b"}
            landing.commit(b=None)
        vendor.corrections["b"] = 1
        sync(tmp_path, config(url))
    assert windows(tmp_path) == expected("a", "b") + expected("b")


def test_only_slos_with_the_tag(tmp_path: Path) -> None:
    vendor = vendor_of("a")
    vendor.add("x", tags=["env:test"])
    with serving(vendor) as url:
        sync(tmp_path, config(url, tags_query="env:prod"))
    assert listed(tmp_path) == ["a"]
