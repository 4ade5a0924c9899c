"""However a sync of PagerDuty ends, the next one completes it, and nobody's secret is told."""

from __future__ import annotations

import gzip
import random
import shutil
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from orchestration.extract.base import Context
from orchestration.extract.errors import AccessError, SourceError
from orchestration.extract.pagerduty import PagerDutyConfig, analytics

from .loopback import FAULTS, HURRIED, Fault, killed_at, serving
from .pagerduty_helpers import (
    CALM,
    account,
    contents,
    extractor,
    fill,
    journal,
    sync,
)
from .vendor_pagerduty import START, TOKEN, Account


@pytest.mark.parametrize("fault", FAULTS)
def test_after_any_fault_the_next_sync_completes(tmp_path: Path, fault: Fault) -> None:
    vendor = account()
    fill(vendor, 4, random.Random(7), days=20)
    with serving(vendor) as url:
        at_every_request(tmp_path, vendor, url, fault)


@pytest.mark.parametrize("fault", FAULTS)
def test_after_any_fault_among_changes_the_next_sync_completes(
    tmp_path: Path, fault: Fault
) -> None:
    vendor = account()
    old = vendor.create(START - timedelta(days=90))
    fill(vendor, 8, random.Random(3), days=20)
    one, other, gone, *_ = sorted(
        name for name, incident in vendor.incidents.items() if incident["created_at"] > "2026-06-10"
    )
    with serving(vendor) as url:
        sync(tmp_path / "start", url, since=date(2026, 6, 1))
        vendor.clock += timedelta(hours=1)
        vendor.change(one, "acknowledged")
        # Only the incident that was merged says which one it was merged into.
        vendor.logs_merges = False
        vendor.merge(one, other)
        vendor.change(old, "triggered")
        vendor.delete(gone)
        vendor.create()
        vendor.clock += timedelta(hours=30)
        at_every_request(tmp_path, vendor, url, fault, start=tmp_path / "start")


def at_every_request(
    tmp_path: Path, vendor: Account, url: str, fault: Fault, start: Path | None = None
) -> None:
    """A sync for each of its requests, from `start` on, with the fault there, and then another:
    together they land what one lands that nothing happens to."""
    options: dict[str, Any] = {"since": date(2026, 6, 1)}
    if fault == "slow_drip":
        options["patience"] = HURRIED

    def begun(name: str) -> Path:
        if start:
            shutil.copytree(start, tmp_path / name)
        vendor.requests.clear()
        return tmp_path / name

    whole = begun("whole")
    sync(whole, url, **options)
    expected = contents(whole)
    assert len(vendor.requests) >= 8
    for at in range(len(vendor.requests)):
        root = begun(str(at))
        vendor.faults = {at: fault}
        if fault in ("expired", "redirect"):
            with pytest.raises(SourceError) as told:
                sync(root, url, **options)
            assert isinstance(told.value, AccessError) == (fault == "expired")
            assert TOKEN not in str(told.value)
        else:
            sync(root, url, **options)
        vendor.renew()
        sync(root, url, **options)
        assert contents(root) == expected


def test_killed_anywhere_it_loses_and_repeats_nothing(tmp_path: Path) -> None:
    chance = random.Random(11)
    vendor = account(cap=10)
    fill(vendor, 14, chance, days=24)
    kills = rounds = 0
    with serving(vendor) as url:

        def work(root: Path) -> None:
            sync(root, url, cap=10, since=date(2026, 6, 1), directory=["teams"])

        work(tmp_path / "whole")
        expected = contents(tmp_path / "whole")
        while kills < 200:
            root = tmp_path / str(rounds)
            while killed_at(chance.randrange(5, 70), lambda root=root: work(root)):
                kills += 1
            assert contents(root) == expected
            rounds += 1
    assert rounds > 5


def test_analytics_goes_on_where_it_was_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(analytics, "TOGETHER", 2)
    vendor = account()
    fill(vendor, 9, random.Random(6), days=20)
    options: dict[str, Any] = {"changes": "analytics", "since": date(2026, 6, 1)}
    with serving(vendor) as url:
        sync(tmp_path / "start", url, **options)
        for one in sorted(vendor.incidents)[:7]:
            vendor.change(one, "acknowledged", START + timedelta(minutes=1))
        vendor.clock += timedelta(hours=3)
        vendor.requests.clear()
        shutil.copytree(tmp_path / "start", tmp_path / "whole")
        sync(tmp_path / "whole", url, **options)
        for at in range(len(vendor.requests)):
            root = tmp_path / str(at)
            shutil.copytree(tmp_path / "start", root)
            vendor.requests.clear()
            vendor.faults = {at: "expired"}
            with pytest.raises(AccessError):
                sync(root, url, **options)
            vendor.renew()
            sync(root, url, **options)
            assert contents(root) == contents(tmp_path / "whole")


def test_no_secret_is_written_anywhere(tmp_path: Path) -> None:
    vendor = account()
    fill(vendor, 10, random.Random(1))
    vendor.faults = {9: "expired"}
    with serving(vendor) as url:
        with pytest.raises(SourceError):
            sync(tmp_path, url)
        vendor.renew()
        sync(tmp_path, url)
    for path in tmp_path.rglob("*"):
        if path.is_file():
            raw = path.read_bytes()
            text = gzip.decompress(raw) if path.suffix == ".gz" else raw
            assert TOKEN.encode() not in text
    assert [one["status"] for one in journal(tmp_path)][-1] == "complete"


def test_check_says_what_is_there_or_what_to_do() -> None:
    vendor = account()
    fill(vendor, 3, random.Random(1))
    with serving(vendor) as url:
        assert extractor(url).check().endswith("incidents in 30 days")
        assert len(vendor.requests) == 1
        config = PagerDutyConfig.model_validate({"url": url})
        with pytest.raises(AccessError, match=r"put an API key .* into PAGERDUTY_TOKEN"):
            config.extractor(Context({"PAGERDUTY_TOKEN": "wrong"}, patience=CALM)).check()
    with pytest.raises(AccessError, match="PAGERDUTY_TOKEN is not set"):
        config.extractor(Context({}))
