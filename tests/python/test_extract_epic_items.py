"""Epics read back from trackers on loopback that change while they are read."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from orchestration.http import SourceError
from orchestration.landing import open_landing
from orchestration.vendors.azure_devops import AzureDevOpsSourceConfig
from orchestration.vendors.base import Context, SourceConfig
from orchestration.vendors.jira import JiraSourceConfig

from .described import SPECS
from .loopback import IMPATIENT, Answer, Request, landed, serving
from .tracker_helpers import ENVIRONMENT, REMOTE, undescribed, vendor_of
from .tracker_people import BOARD
from .vendor_azure_devops import ORGANIZATION
from .vendor_jira import Jira

NOW = datetime(2026, 6, 26, 16, tzinfo=UTC)
DAY = timedelta(days=1, minutes=5)
Site = Any


def board(kind: str, seed: int = 0) -> Site:
    vendor = vendor_of(kind, now=NOW, seed=seed)
    vendor.lag = 90
    if isinstance(vendor, Jira):
        vendor.page_cap = 3
        # Names are not unique.
        double = {"customfield_1": ("SLO burn", {"type": "string"})}
        points = {"customfield_2": ("Story Points", {"type": "number"})}
        vendor.fields = {**double, **points, **vendor.fields}
    return vendor


def settings(kind: str, url: str, **given: Any) -> SourceConfig:
    if kind == "azure_devops":
        values = {"url": f"{url}/{ORGANIZATION}", "project": "Modernization", **given}
        return AzureDevOpsSourceConfig.model_validate(values)
    return JiraSourceConfig.model_validate({"url": url, "deployment": kind, **given})


def sync(root: Path, config: SourceConfig, at: datetime) -> tuple[int, list[str]]:
    """One sync; how many requests it took and what it said."""
    said: list[str] = []
    context = Context(environment=ENVIRONMENT, patience=IMPATIENT, progress=said.append)
    name = "jira" if isinstance(config, JiraSourceConfig) else "azure_devops"
    with open_landing(root, root / "state", name, at) as landing:
        extractor = config.extractor(context)
        extractor.sync(landing)
        landing.journal("complete", "", extractor.requests, at)
    return extractor.requests, said


def records(root: Path) -> list[dict[str, Any]]:
    return [*landed(root, "jira/issues"), *landed(root, "azure_devops/work_items")]


def version(record: Mapping[str, Any]) -> datetime:
    fields = record["fields"]
    return datetime.fromisoformat(fields.get("updated") or fields["System.ChangedDate"])


def held(root: Path) -> dict[int, datetime]:
    """The newest version of every item that is not gone, by the rule that the models have."""
    newest: dict[int, datetime] = {}
    for record in records(root):
        one = int(record["id"])
        newest[one] = max(newest.get(one, version(record)), version(record))
    for name in ("jira", "azure_devops"):
        for sweep in landed(root, f"{name}/sweeps"):
            there = {int(item["id"]) for item in sweep["items"]}
            swept_at = datetime.fromisoformat(sweep["swept_at"])
            newest = {one: at for one, at in newest.items() if one in there or at >= swept_at}
    return newest


def expected(vendor: Site, root: Path) -> dict[int, datetime]:
    """All that exists and ever came into sight, as it is now."""
    seen = {int(record["id"]) for record in records(root)}
    things = vendor.things()
    for one, thing in things.items():
        parent = things.get(thing.parent)
        is_below = parent and parent.is_epic and any("paydown-" in one for one in parent.labels)
        if BOARD in thing.labels or is_below:
            seen.add(one)
    return {one: thing.updated for one, thing in things.items() if one in seen}


def later(vendor: Site, by: timedelta) -> datetime:
    vendor.clock += by
    return vendor.clock


def filled(kind: str, seed: int = 0, count: int = 25) -> Site:
    vendor = board(kind, seed)
    vendor.clock -= timedelta(days=5)
    for _ in range(count):
        later(vendor, timedelta(minutes=vendor.random.randrange(200)))
        vendor.stir()
    vendor.clock = max(vendor.clock, NOW) + timedelta(minutes=5)
    return vendor


@pytest.mark.parametrize("kind", REMOTE)
@pytest.mark.parametrize("seed", range(12))
def test_it_holds_what_the_tracker_holds(tmp_path: Path, kind: str, seed: int) -> None:
    """People work while it reads; after the sweep of a quiet moment nothing is amiss."""
    vendor = filled(kind, seed, count=seed * 4)

    def happens(_: Request) -> None:
        vendor.clock += timedelta(seconds=vendor.random.choice([0, 0, 1, 40]))
        for _n in range(vendor.random.choice([0, 0, 1, 2])):
            vendor.stir()

    with serving(vendor) as url:
        config = settings(kind, url)
        for hours in (0, 1, 1, 30, 1):
            vendor.before = happens
            sync(tmp_path, config, later(vendor, timedelta(hours=hours)))
        vendor.before = lambda _: None
        sync(tmp_path, config, later(vendor, DAY))
    assert held(tmp_path) == expected(vendor, tmp_path)
    assert vendor.complaints == []


@pytest.mark.parametrize("kind", REMOTE)
def test_changes_come_without_a_sweep_though_the_search_lags(tmp_path: Path, kind: str) -> None:
    vendor = board(kind)
    epic = vendor.epic("checkout")
    later(vendor, timedelta(minutes=10))
    with serving(vendor) as url:
        config = settings(kind, url)
        sync(tmp_path, config, vendor.clock)
        # Not yet in the index when the next sync asks.
        vendor.alter(epic, state="done")
        theirs = vendor.story(epic)
        later(vendor, timedelta(seconds=20))
        sync(tmp_path, config, vendor.clock)
        assert theirs not in held(tmp_path)
        sync(tmp_path, config, later(vendor, timedelta(hours=1)))
    assert held(tmp_path) == expected(vendor, tmp_path)
    assert set(held(tmp_path)) == {epic, theirs}


@pytest.mark.parametrize("kind", REMOTE)
def test_moved_hidden_and_deleted_are_distinguished(tmp_path: Path, kind: str) -> None:
    vendor = board(kind)
    epic = vendor.epic("checkout")
    moved, deleted = vendor.story(epic), vendor.story(epic, "retry")
    secret = vendor.epic("ledger", project="SEC")
    later(vendor, timedelta(minutes=10))
    with serving(vendor) as url:
        config = settings(kind, url)
        sync(tmp_path, config, vendor.clock)
        vendor.alter(moved, parent=None)
        vendor.remove(deleted)
        vendor.hidden.add("SEC")
        _, said = sync(tmp_path, config, later(vendor, DAY))
    (sweep,) = [*landed(tmp_path, "jira/sweeps"), *landed(tmp_path, "azure_devops/sweeps")]
    assert sweep["items"] == [
        {"id": str(epic), "is_hidden": False},
        {"id": str(moved), "is_hidden": False},
        {"id": str(secret), "is_hidden": True},
    ]
    assert deleted not in held(tmp_path)
    last = [record for record in records(tmp_path) if int(record["id"]) == moved][-1]
    fields = last["fields"]
    parents = [fields.get("parent"), fields.get("System.Parent"), last["named"].get("epic_link")]
    assert parents == [None, None, None]
    assert any("1 items are hidden from us" in line for line in said)


@pytest.mark.parametrize("kind", REMOTE)
def test_an_epic_deleted_between_sweeps_stops_nothing(tmp_path: Path, kind: str) -> None:
    vendor = board(kind)
    gone, stays = vendor.epic("checkout"), vendor.epic("ledger")
    later(vendor, timedelta(minutes=10))
    with serving(vendor) as url:
        config = settings(kind, url)
        sync(tmp_path, config, vendor.clock)
        vendor.remove(gone)
        story = vendor.story(stays)
        sync(tmp_path, config, later(vendor, timedelta(hours=1)))
    assert story in held(tmp_path)


@pytest.mark.parametrize("kind", REMOTE)
def test_a_quiet_hour_costs_three_requests_and_lands_nothing(tmp_path: Path, kind: str) -> None:
    vendor = board(kind)
    for number in range(40):
        vendor.story(vendor.epic(f"svc-{number}"), "retry")
    later(vendor, timedelta(hours=1))
    with serving(vendor) as url:
        config = settings(kind, url)
        sync(tmp_path, config, vendor.clock)
        landed_before = len(records(tmp_path))
        requests, _ = sync(tmp_path, config, later(vendor, timedelta(hours=1)))
    # Fields; what has the label; what is below (a chunk of epics).
    assert requests == 3
    assert len(records(tmp_path)) == landed_before == 80


@pytest.mark.parametrize("kind", REMOTE)
def test_figures_stand_under_what_they_mean(tmp_path: Path, kind: str) -> None:
    vendor = board(kind)
    vendor.epic("checkout")
    later(vendor, timedelta(minutes=10))
    with serving(vendor) as url:
        sync(tmp_path, settings(kind, url), vendor.clock)
    (record,) = records(tmp_path)
    assert record["named"]["slo_burn"] == 14.4
    # A field without a value, or that there isn't, is empty.
    assert record["named"]["story_points"] is None


@pytest.mark.parametrize("kind", REMOTE)
def test_a_field_that_somebody_named_must_exist(tmp_path: Path, kind: str) -> None:
    words = r"names fields that don't exist \(score: Dept Score\); correct `.*\.fields`"
    with serving(board(kind)) as url, pytest.raises(SourceError, match=words):
        sync(tmp_path, settings(kind, url, fields={"score": "Dept Score"}), NOW)


@pytest.mark.parametrize(
    ("config", "words"),
    [
        (JiraSourceConfig(), "jira: url is not set"),
        (AzureDevOpsSourceConfig(), "azure_devops: url and project are not set"),
    ],
)
def test_without_an_address_it_says_what_to_write(config: SourceConfig, words: str) -> None:
    with pytest.raises(SourceError, match=words):
        config.extractor(Context(environment=ENVIRONMENT))


def test_a_search_that_goes_round_in_circles_stops(tmp_path: Path) -> None:
    vendor = board("cloud")
    answer = vendor.answer
    page = Answer({"issues": [], "nextPageToken": "7", "isLast": False})
    vendor.answer = lambda request: page if "search" in request.path else answer(request)
    with serving(vendor) as url, pytest.raises(SourceError, match="again and again"):
        sync(tmp_path, settings("cloud", url), NOW)


@pytest.mark.skipif(not SPECS.exists(), reason="the vendors' descriptions are not at hand")
@pytest.mark.parametrize("kind", REMOTE)
def test_requests_are_as_the_vendors_describe_them(tmp_path: Path, kind: str) -> None:
    """Paths, parameters and bodies of two syncs, with a sweep that misses an item."""
    vendor = filled(kind, seed=1, count=20)
    with serving(vendor) as url:
        config = settings(kind, url)
        sync(tmp_path, config, vendor.clock)
        epics = [
            o for o, thing in vendor.things().items() if thing.is_epic and BOARD in thing.labels
        ]
        vendor.remove(epics[0])
        vendor.alter(vendor.story(vendor.epic("last")), parent=None)
        sync(tmp_path, config, later(vendor, DAY))
    assert undescribed(vendor) == set()
