"""What every source must stand: an error at any request, a kill anywhere, no secret shown."""

from __future__ import annotations

import gzip
import random
import shutil
from collections.abc import Collection, Generator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from orchestration.http import AccessError, SourceError
from orchestration.vendors import SOURCE_NAMES
from orchestration.vendors.sources import Sources

from .disturbed_sources import AT_WORK, Records, Site, landed_records
from .extraction import CALM
from .loopback import FAULTS, IMPATIENT, Fault, audited_events, killed_at, serving

WHEN = ("first", "second")
# Longer than any overlap, so that what one sync passes over the next doesn't stumble upon.
PAUSE = timedelta(hours=2)
# No use to ask again in the same sync.
STOPS: tuple[Fault, ...] = ("expired", "redirect")
# How answers that come too slowly are given up is a matter of `Http` alone, and takes long to test.
ASKED_AGAIN = [
    pytest.param(fault, marks=[] if fault in ("500", "html") else [pytest.mark.slow])
    for fault in FAULTS
    if fault not in (*STOPS, "slow_drip")
]
SLOW = (pytest.mark.slow, pytest.mark.timeout(1200))
KILLS = [pytest.param(one, 8) for one in AT_WORK]
KILLS += [pytest.param(one, 100, marks=SLOW) for one in AT_WORK]


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


def no_secret_in(root: Path, site: Site) -> None:
    for path in (*(root / "landing").rglob("*"), *(root / "state").rglob("*")):
        if path.is_file():
            content = path.read_bytes()
            plain = gzip.decompress(content) if path.suffix == ".gz" else content
            assert not any(secret.encode() in plain for secret in site.secrets), path


@pytest.mark.parametrize("when", WHEN)
@pytest.mark.parametrize("fault", STOPS)
@pytest.mark.parametrize("source", AT_WORK)
def test_stopped_at_any_request_the_next_sync_completes(
    tmp_path: Path, source: str, fault: Fault, when: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with at_work(tmp_path, source, when, monkeypatch) as (site, url, begun):
        undisturbed = begin(tmp_path / "undisturbed", site, begun)
        site.sync(undisturbed, url, CALM)
        requests = len(site.vendor.requests)
        expected = end(undisturbed, site, url)
        for at in range(requests):
            root = begin(tmp_path / str(at), site, begun, fault, [at])
            with pytest.raises(SourceError) as raised:
                site.sync(root, url, IMPATIENT)
            assert isinstance(raised.value, AccessError) == (fault == "expired")
            assert not any(secret in str(raised.value) for secret in site.secrets)
            assert end(root, site, url) == expected, f"request {at} of {requests}"
            no_secret_in(root, site)


@pytest.mark.parametrize("when", WHEN)
@pytest.mark.parametrize("fault", ASKED_AGAIN)
@pytest.mark.parametrize("source", AT_WORK)
def test_when_each_question_has_to_be_asked_twice_nothing_is_lost(
    tmp_path: Path, source: str, fault: Fault, when: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if fault == "html" and source in ("git", "decisions"):
        pytest.skip("git takes a page for the list of refs of an old server, and so it ends")
    with at_work(tmp_path, source, when, monkeypatch) as (site, url, begun):
        undisturbed = begin(tmp_path / "undisturbed", site, begun)
        site.sync(undisturbed, url, CALM)
        root = begin(tmp_path / "disturbed", site, begun, fault, site.twice)
        site.sync(root, url, IMPATIENT)
        assert landed_records(root) == landed_records(undisturbed)


@pytest.mark.parametrize("when", WHEN)
@pytest.mark.parametrize(("source", "count"), KILLS)
def test_killed_anywhere_nothing_is_lost_and_nothing_lands_twice(
    tmp_path: Path, source: str, count: int, when: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    chance = random.Random(f"{source}{when}")
    with at_work(tmp_path, source, when, monkeypatch) as (site, url, begun):

        def sync(root: Path) -> None:
            site.sync(root, url, CALM)

        undisturbed = begin(tmp_path / "undisturbed", site, begun)
        # Some more, for a sync that commits only at its end to come to it now and then.
        events = audited_events(lambda: sync(undisturbed)) * 5 // 4
        expected = landed_records(undisturbed)
        kills = rounds = 0
        while kills < count:
            root = begin(tmp_path / f"killed{rounds}", site, begun)
            while kills < count and killed_at(
                chance.randrange(events), lambda root=root: sync(root)
            ):
                kills += 1
            sync(root)
            rounds += 1
            assert landed_records(root) == expected
            assert not list(root.rglob(".partial-*"))


# What `check` says, and what to do about credentials that are refused.
CHECKED = {
    "pagerduty": ("incidents in 30 days", r"put an API key .* into PAGERDUTY_TOKEN"),
    "opsgenie": ("5 alerts; alerts and incidents may be read", "give OPSGENIE_API_KEY the rights"),
    "servicenow": ("25 records in incident", "check SERVICENOW_TOKEN, or SERVICENOW_USER"),
    "backstage": ("8 entities", "may read the catalog into BACKSTAGE_TOKEN"),
    "git": ("1 repositories and folders", "may read it into SHOP_TOKEN"),
    "prometheus": ("series now: 2 of errors, 1 of objectives", "PROMETHEUS_TOKEN"),
    "datadog": ("3 SLOs", r"DD_API_KEY and DD_APP_KEY.*slos_read"),
}


@pytest.mark.parametrize("source", AT_WORK)
def test_check_says_what_is_there_or_which_secret_is_wrong_or_missing(
    tmp_path: Path, source: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    found, hint = CHECKED.get(source, ("", "_TOKEN"))
    with at_work(tmp_path, source, "first", monkeypatch) as (site, url, _):
        config = site.config(url)
        assert found in config.extractor(site.context()).check()
        site.vendor.is_expired = True
        with pytest.raises(AccessError, match=hint) as refused:
            config.extractor(site.context()).check()
        assert not any(secret in str(refused.value) for secret in site.secrets)
        if source not in ("prometheus", "decisions"):  # They may be open to all.
            with pytest.raises(AccessError, match=r"[A-Z_]+ is not set"):
                config.extractor(site.context({})).check()


def test_the_names_are_those_of_the_file() -> None:
    assert tuple(Sources.model_fields) == SOURCE_NAMES
