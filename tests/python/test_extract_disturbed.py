"""A fault at any request of any source's sync: the next sync completes it, and nobody's secret is
told."""

from __future__ import annotations

import shutil
from collections.abc import Collection, Generator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from orchestration.http import AccessError, SourceError

from .disturbed_sources import AT_WORK, Records, Site, landed_records
from .loopback import FAULTS, IMPATIENT, Fault, serving

WHEN = ("first", "second")
# Longer than any overlap, so that what one sync passes over the next doesn't stumble upon.
PAUSE = timedelta(hours=2)
# No use to ask again in the same sync.
STOPS: tuple[Fault, ...] = ("expired", "redirect")
# How answers that come too slowly are given up is a matter of `Http` alone, and takes long to test.
ASKED_AGAIN = [fault for fault in FAULTS if fault not in (*STOPS, "slow_drip")]


@contextmanager
def at_work(
    folder: Path, source: str, when: str, monkeypatch: pytest.MonkeyPatch
) -> Generator[tuple[Site, str, Path | None]]:
    """The source's site, its address, and before a second sync what the first one left."""
    site = AT_WORK[source](folder)
    for (owner, name), value in site.small.items():
        monkeypatch.setattr(owner, name, value)
    with serving(site.vendor) as url:
        begun = None
        if when == "second":
            begun = folder / "begun"
            site.sync(begun, url, IMPATIENT)
            site.passes(timedelta(minutes=20))
            site.changes()
            site.passes(site.gap)
        yield site, url, begun


def begin(
    root: Path, site: Site, begun: Path | None, fault: Fault = "500", at: Collection[int] = ()
) -> Path:
    """Where a sync goes on from, and the fault that it meets at these requests."""
    if begun:
        shutil.copytree(begun, root)
    site.vendor.requests.clear()
    site.vendor.faults = dict.fromkeys(at, fault)
    return root


def end(root: Path, site: Site, url: str) -> Records:
    """All that landed, after one more sync; the clock then stands again where it stood."""
    site.vendor.renew()
    site.passes(PAUSE)
    site.sync(root, url, IMPATIENT)
    site.passes(-PAUSE)
    return landed_records(root)


@pytest.mark.parametrize("when", WHEN)
@pytest.mark.parametrize("fault", STOPS)
@pytest.mark.parametrize("source", AT_WORK)
def test_stopped_at_any_request_the_next_sync_completes(
    tmp_path: Path, source: str, fault: Fault, when: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with at_work(tmp_path, source, when, monkeypatch) as (site, url, begun):
        whole = begin(tmp_path / "whole", site, begun)
        site.sync(whole, url, IMPATIENT)
        requests = len(site.vendor.requests)
        expected = end(whole, site, url)
        assert requests >= 3
        for at in range(requests):
            root = begin(tmp_path / str(at), site, begun, fault, [at])
            with pytest.raises(SourceError) as told:
                site.sync(root, url, IMPATIENT)
            assert isinstance(told.value, AccessError) == (fault == "expired")
            assert not any(secret in str(told.value) for secret in site.secrets)
            assert end(root, site, url) == expected, f"request {at} of {requests}"


@pytest.mark.parametrize("when", WHEN)
@pytest.mark.parametrize("fault", ASKED_AGAIN)
@pytest.mark.parametrize("source", AT_WORK)
def test_when_each_question_has_to_be_asked_twice_nothing_is_lost(
    tmp_path: Path, source: str, fault: Fault, when: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if (source, fault) == ("git", "html"):
        pytest.skip("git takes a page for the list of refs of an old server, and so it ends")
    with at_work(tmp_path, source, when, monkeypatch) as (site, url, begun):
        whole = begin(tmp_path / "whole", site, begun)
        site.sync(whole, url, IMPATIENT)
        root = begin(tmp_path / "disturbed", site, begun, fault, site.twice)
        site.sync(root, url, IMPATIENT)
        assert landed_records(root) == landed_records(whole)
