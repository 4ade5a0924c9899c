"""The Opsgenie extractor against an account that changes while it is read."""

from __future__ import annotations

import random
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from orchestration.http import SourceError
from orchestration.vendors.opsgenie import api, feed
from orchestration.vendors.opsgenie.extractor import HOSTS, OpsgenieConfig

from .extraction import Source
from .loopback import landed, serving
from .vendor_opsgenie import KEY, OpsgenieVendor, ms

SINCE = date(2026, 5, 1)
KINDS = ("alerts", "incidents")


def sync(root: Path, url: str, vendor: OpsgenieVendor, **settings: Any) -> None:
    values = {"url": url, "since": SINCE, "reference_hours": 0, "sweep_hours": 0} | settings
    source = Source("opsgenie", {"OPSGENIE_API_KEY": KEY}, vendor)
    source.sync(root, OpsgenieConfig.model_validate(values))


def newest(root: Path, kind: str) -> dict[str, dict[str, Any]]:
    """What staging makes of the landed versions: the newest of each record."""
    versions = sorted(landed(root, f"opsgenie/{kind}"), key=lambda record: record["updatedAt"])
    return {record["id"]: record for record in versions}


def record_ids(root: Path, kind: str) -> list[dict[str, Any]]:
    return [row for row in landed(root, "opsgenie/record_ids") if row["kind"] == kind[:-1]]


def deleted(root: Path, kind: str) -> set[str]:
    """What `int_incidents__opsgenie` makes of the sweeps."""
    there = {row["id"]: ms(row["createdAt"]) for row in record_ids(root, kind)}
    spans = [
        (ms(row["since"]), ms(row["until"]))
        for row in landed(root, "opsgenie/sweeps")
        if row["kind"] == kind[:-1]
    ]
    return {
        name
        for name, record in newest(root, kind).items()
        if name not in there
        and any(begin <= ms(record["createdAt"]) <= end for begin, end in spans)
        and ms(record["createdAt"]) >= min(there.values())
    }


def records(vendor: OpsgenieVendor, kind: str) -> dict[str, dict[str, Any]]:
    return vendor.alerts if kind == "alerts" else vendor.incidents


def asked(vendor: OpsgenieVendor) -> Counter[str]:
    """How many requests of which sort came; forgets them."""
    sorts: Counter[str] = Counter()
    for request in vendor.requests:
        part = request.path.split("/")
        what = "count" if request.path.endswith("count") else part[2]
        sorts[what if len(part) == 3 or what == "count" else f"{what}/{part[-1][:4]}"] += 1
    sorts["alert"] = sum(n for name, n in sorts.items() if name.startswith("alerts/a"))
    vendor.requests.clear()
    return +sorts


@pytest.fixture
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages of 7 and batches of 9: borders everywhere."""
    monkeypatch.setattr(api, "PAGE", 7)
    monkeypatch.setattr(feed, "BATCH", 9)


@pytest.mark.usefixtures("small_pages")
@pytest.mark.parametrize("seed", range(16))
def test_what_happens_while_paging_is_there_after_two_syncs(tmp_path: Path, seed: int) -> None:
    dice = random.Random(seed)
    vendor = OpsgenieVendor(30, 20)
    vendor.updated_search = ("works", "works", "ignored", "finds nothing")[seed % 4]  # type: ignore[assignment]
    vendor.page_cap = dice.choice((7, 7, 5))
    # What is older than all that is left aged out, and was not deleted.
    vendor.kept = {sorted(vendor.alerts)[0], sorted(vendor.incidents)[0]}
    vendor.before = lambda _: vendor.stir(dice) if dice.random() < 0.3 else None
    with serving(vendor) as url:
        for _ in range(dice.choice((1, 2, 3))):
            sync(tmp_path, url, vendor, sweep_hours=1)
            vendor.tick(hours=dice.choice((0.01, 1, 30)))
            for _ in range(dice.randrange(12)):
                vendor.stir(dice)
        vendor.before = lambda _: None
        vendor.tick(hours=2)
        sync(tmp_path, url, vendor, sweep_hours=1)
    for kind in KINDS:
        left = newest(tmp_path, kind)
        gone = deleted(tmp_path, kind)
        assert {name: r for name, r in left.items() if name not in gone} == records(vendor, kind)
    timelines = {
        row["incidentId"]: row["entries"] for row in landed(tmp_path, "opsgenie/incident_timelines")
    }
    assert {name: timelines[name] for name in vendor.incidents} == {
        name: vendor.timelines[name] for name in vendor.incidents
    }


def test_requests_are_near_the_minimum(tmp_path: Path) -> None:
    vendor = OpsgenieVendor(430, 230)
    with serving(vendor) as url:
        sync(tmp_path, url, vendor, alert_logs="none")
        # A page begins with the last record of the page before.
        sorts = asked(vendor)
        assert (sorts["count"], sorts["alerts"], sorts["incidents"]) == (1, 5, 3)
        assert (sorts["alert"], sorts["incident-timelines/entr"]) == (430, 230)
        vendor.tick(hours=1)
        sync(tmp_path, url, vendor)
        assert asked(vendor) == {"count": 1, "alerts": 1, "incidents": 1}
        for name in sorted(vendor.alerts)[:150]:
            vendor.tick(seconds=1)
            vendor.change("alerts", name, "closed")
        for name in sorted(vendor.incidents)[:3]:
            vendor.change("incidents", name, "closed")
        sync(tmp_path, url, vendor, alert_logs="none")
        sorts = asked(vendor)
        assert (sorts["count"], sorts["alerts"], sorts["incidents"]) == (1, 2, 1)
        assert (sorts["alert"], sorts["incident-timelines/entr"]) == (150, 3)


def test_sweep_reads_only_months_whose_count_changed(tmp_path: Path) -> None:
    vendor = OpsgenieVendor(40, 20, days=130)
    with serving(vendor) as url:
        sync(tmp_path, url, vendor, sweep_hours=24)
        vendor.requests.clear()
        vendor.tick(hours=25)
        gone = sorted(vendor.alerts)[10]
        vendor.delete("alerts", gone)
        sync(tmp_path, url, vendor, sweep_hours=24)
        months = [row for row in landed(tmp_path, "opsgenie/sweeps") if row["kind"] == "alert"]
        assert len(months) == 5
        # Counts: the account, four closed months. Lists: changes, this month, the month with a gap.
        sorts = asked(vendor)
        assert (sorts["count"], sorts["alerts"]) == (5, 3)
        assert deleted(tmp_path, "alerts") == {gone}
        vendor.tick(hours=1)
        sync(tmp_path, url, vendor, sweep_hours=24)
        assert asked(vendor)["count"] == 1


def test_an_account_that_holds_nothing_marks_nothing_as_deleted(tmp_path: Path) -> None:
    vendor = OpsgenieVendor(10, 5)
    with serving(vendor) as url:
        sync(tmp_path, url, vendor, sweep_hours=1)
        vendor.tick(hours=2)
        vendor.alerts.clear()
        with pytest.raises(SourceError, match="reports no alerts at all, but had 10"):
            sync(tmp_path, url, vendor, sweep_hours=1)
        vendor.create("alerts")
        vendor.incidents.clear()
        with pytest.raises(SourceError, match="reports no incidents at all, but had 5"):
            sync(tmp_path, url, vendor, sweep_hours=1)
    assert len(record_ids(tmp_path, "incidents")) == 5


def test_beyond_the_cap_changes_are_found_by_creation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    vendor = OpsgenieVendor(90, 0)
    monkeypatch.setattr(api, "PAGE", 10)
    monkeypatch.setattr(api, "FURTHEST", 40)
    vendor.furthest = 40
    with serving(vendor) as url:
        sync(tmp_path, url, vendor)
        assert newest(tmp_path, "alerts") == vendor.alerts
        for name in vendor.alerts:
            vendor.tick(seconds=30)
            vendor.change("alerts", name, "closed")
        sync(tmp_path, url, vendor)
    assert newest(tmp_path, "alerts") == vendor.alerts
    assert len(list(landed(tmp_path, "opsgenie/alerts"))) == 180
    assert all(int(one.one("offset", "0")) + 10 <= 40 for one in vendor.requests)


def test_a_storm_within_one_millisecond(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api, "PAGE", 10)
    monkeypatch.setattr(api, "FURTHEST", 40)
    vendor = OpsgenieVendor(5, 0)
    vendor.furthest = 40
    storm = vendor.now() - timedelta(days=2)
    with serving(vendor) as url:
        for _ in range(33):
            vendor.create("alerts", storm)
        sync(tmp_path / "a", url, vendor)
        assert newest(tmp_path / "a", "alerts") == vendor.alerts
        for _ in range(20):
            vendor.create("alerts", storm)
        with pytest.raises(SourceError, match="created in one millisecond"):
            sync(tmp_path / "b", url, vendor)


def test_what_the_search_shows_late_is_found_once(tmp_path: Path) -> None:
    vendor = OpsgenieVendor(5, 5)
    with serving(vendor) as url:
        sync(tmp_path, url, vendor)
        late = [vendor.create("alerts"), vendor.create("incidents")]
        vendor.hidden.update(late)
        vendor.tick(minutes=4)
        for kind in KINDS:
            vendor.create(kind)
        sync(tmp_path, url, vendor)
        vendor.hidden.clear()
        sync(tmp_path, url, vendor)
        sync(tmp_path, url, vendor)
    for kind in KINDS:
        assert newest(tmp_path, kind) == records(vendor, kind)
        assert len(list(landed(tmp_path, f"opsgenie/{kind}"))) == 7


def test_a_clock_that_runs_ahead_hides_nothing(tmp_path: Path) -> None:
    vendor = OpsgenieVendor(5, 5)
    vendor.tick(days=400)  # The server's clock, far from ours.
    with serving(vendor) as url:
        sync(tmp_path, url, vendor)
        real, vendor.clock = vendor.clock, vendor.clock + timedelta(hours=5)
        for kind in KINDS:
            vendor.create(kind)
        vendor.clock = real
        sync(tmp_path, url, vendor)
        for kind in KINDS:
            vendor.tick(seconds=1)
            vendor.create(kind)
        sync(tmp_path, url, vendor)
    for kind in KINDS:
        assert newest(tmp_path, kind) == records(vendor, kind)


def test_an_earlier_since_reads_the_years_before(tmp_path: Path) -> None:
    vendor = OpsgenieVendor(40, 20, days=900)
    with serving(vendor) as url:
        sync(tmp_path, url, vendor, since=date(2028, 1, 1))
        assert 0 < len(newest(tmp_path, "alerts")) < 20
        sync(tmp_path, url, vendor, since=SINCE)
    for kind in KINDS:
        assert newest(tmp_path, kind) == records(vendor, kind)
        assert len(list(landed(tmp_path, f"opsgenie/{kind}"))) == len(records(vendor, kind))


def test_what_is_around_is_read_once_a_day(tmp_path: Path) -> None:
    vendor = OpsgenieVendor(1, 1)
    vendor.users = [{"id": f"u{n}", "username": f"{n:04d}"} for n in range(230)]
    vendor.lists["/v1/services"] = [{"id": "s1", "name": "ledger"}]
    with serving(vendor) as url:
        sync(tmp_path, url, vendor, reference_hours=24)
        first = asked(vendor)
        vendor.tick(hours=23)
        sync(tmp_path, url, vendor, reference_hours=24)
        second = asked(vendor)
    assert (first["teams"], first["users"], first["services"]) == (1, 3, 1)
    assert not {"teams", "users", "services"} & set(second)
    assert list(landed(tmp_path, "opsgenie/users")) == vendor.users
    assert list(landed(tmp_path, "opsgenie/services")) == [{"id": "s1", "name": "ledger"}]


def test_logs_come_with_alerts_of_incidents_in_full(tmp_path: Path) -> None:
    vendor = OpsgenieVendor(10, 1)
    name = sorted(vendor.alerts)[4]
    for _ in range(150):
        vendor.change("alerts", name, "noted")
    with serving(vendor) as url:
        sync(tmp_path, url, vendor)
        logs = {row["alertId"]: row["logs"] for row in landed(tmp_path, "opsgenie/alert_logs")}
        assert set(logs) == {one for one, record in vendor.alerts.items() if record["details"]}
        assert logs[name] == vendor.logs[name]
        sync(tmp_path / "all", url, vendor, alert_logs="all")
    assert len(list(landed(tmp_path / "all", "opsgenie/alert_logs"))) == 10


def test_the_region_is_the_address_and_years_begin_400_days_back() -> None:
    context = Source("opsgenie", {"OPSGENIE_API_KEY": KEY}).context()
    for region in ("us", "eu"):
        config = OpsgenieConfig.model_validate({"region": region})
        assert config.extractor(context).http.url == HOSTS[region]
    begins = OpsgenieConfig().begins_at(datetime(2026, 6, 26, tzinfo=UTC))
    assert begins == datetime(2025, 5, 22, tzinfo=UTC)
