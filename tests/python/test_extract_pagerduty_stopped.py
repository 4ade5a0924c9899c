"""However a sync of PagerDuty ends, the next one completes it, and nobody's secret is told."""

from __future__ import annotations

import gzip
import random
from datetime import date
from pathlib import Path

import pytest

from orchestration.http import AccessError, SourceError
from orchestration.vendors.base import Context
from orchestration.vendors.pagerduty import PagerDutyConfig

from .loopback import killed_at, serving
from .pagerduty_helpers import (
    CALM,
    account,
    contents,
    extractor,
    fill,
    journal,
    sync,
)
from .vendor_pagerduty import TOKEN


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
