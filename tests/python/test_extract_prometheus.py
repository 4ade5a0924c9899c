"""Points of Prometheus land once and in full, whatever happens on the way."""

from __future__ import annotations

import base64
import random
from collections import Counter
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from orchestration.http import SourceError
from orchestration.vendors.prometheus import PrometheusConfig
from orchestration.vendors.prometheus_queries import Query, series_record

from .extraction import Source
from .loopback import landed, serving
from .vendor_prometheus import FakePrometheus, Series

STEP = 300
NOW = 1_767_225_600  # 2026-01-01, on the grid
DAY = 86_400
ERRORS = Query(name="errors", query="errors", kind="error_ratio", window="5m")
OBJECTIVES = Query(name="objectives", query="objectives", kind="objective")
NOBODY: Mapping[str, str] = {}
TOKEN = "tok-83c1e5"  # noqa: S105


def sync(root: Path, url: str, environment: Mapping[str, str] = NOBODY, **settings: Any) -> int:
    """One sync; the number of its requests."""
    values = {"url": url, "queries": (ERRORS,), "since": date(2025, 12, 30), **settings}
    config = PrometheusConfig.model_validate(values)
    return Source("prometheus", environment).sync(root, config)[0]


def points(root: Path) -> Counter[tuple[str, int, str]]:
    """How often each point landed, by the service that its series was told to be of."""
    series = landed(root, "prometheus/series")
    services = {one["series_id"]: one["service"] for one in series}
    return Counter(
        (services[sample["series_id"]], sample["sampled_at"], sample["value"])
        for sample in landed(root, "prometheus/samples")
    )


def held(vendor: FakePrometheus, since: int, until: int) -> Counter[tuple[str, int, str]]:
    return Counter(
        (series.metric["service"], at, value)
        for series in vendor.held["errors"]
        for at, value in series.points.items()
        if since <= at <= until and at % STEP == 0
    )


def vendor_of(days: int = 2, services: int = 2) -> FakePrometheus:
    vendor = FakePrometheus(NOW)
    grid = range(NOW - days * DAY, NOW + 1, STEP)
    vendor.held["errors"] = [
        Series({"service": f"s{number}"}, dict.fromkeys(grid, "0.25")) for number in range(services)
    ]
    vendor.held["objectives"] = [Series({"service": "s0"}, {NOW: "0.999"})]
    return vendor


@pytest.mark.parametrize("seed", range(12))
def test_what_changes_while_it_is_read_lands_once_and_in_full(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    vendor = FakePrometheus(NOW)
    vendor.held["errors"] = [Series({"service": f"s{number}"}) for number in range(3)]

    def live(at: int) -> None:
        """Points of one moment: of most series, some of them not a number; now and then a new
        series and one that ends."""
        if chance.random() < 0.02:
            vendor.held["errors"].append(Series({"service": f"s{len(vendor.held['errors'])}"}))
        for series in vendor.held["errors"]:
            if chance.random() < 0.9:
                series.points[at] = chance.choice(["0", "0.001", "NaN", "1", "+Inf"])

    for at in range(NOW - 2 * DAY, NOW + 1, STEP):
        live(at)

    def passes(_: object) -> None:
        for _ in range(chance.randrange(4)):
            vendor.at += STEP
            live(vendor.at)

    vendor.before = passes
    with serving(vendor) as url:
        hours = chance.choice([1, 5, 24])
        for _ in range(2):
            sync(tmp_path, url, chunk_hours=hours)
            vendor.at += 3600
        vendor.before = lambda _: None
        sync(tmp_path, url, chunk_hours=hours)
    assert points(tmp_path) == held(vendor, NOW - 2 * DAY, vendor.at - STEP)


@pytest.mark.parametrize(
    ("settings", "limits", "requests"),
    [
        # The clock, and 40 days by one.
        ({}, {}, 1 + 40),
        # 40 days are 11,520 points, more than the cap.
        ({"chunk_hours": 8_000}, {}, 1 + 2),
        # Refused as too much three times (11,000, 5,500 and 2,750), then 1,375 a time.
        ({"chunk_hours": 8_000}, {"max_samples": 1_375}, 1 + 3 + 9),
        # Older than what is kept: empty, and no reason to ask in small pieces.
        ({"chunk_hours": 8_000}, {"retention_seconds": 10 * DAY}, 1 + 2),
    ],
)
def test_chunks_stay_below_what_the_server_takes(
    tmp_path: Path, settings: dict[str, Any], limits: dict[str, int], requests: int
) -> None:
    vendor = vendor_of(days=40, services=1)
    for name, limit in limits.items():
        setattr(vendor, name, limit)
    settings["since"] = date(2025, 11, 22)
    kept = NOW - min(vendor.retention_seconds, 40 * DAY)
    with serving(vendor) as url:
        assert sync(tmp_path, url, **settings) == requests
        # What is as old as what is kept is gone already.
        oldest = kept + 1 if "retention_seconds" in limits else kept
        assert points(tmp_path) == held(vendor, oldest, NOW - STEP)
        # An hour later one chunk; where no point is new, the clock alone.
        for passed, few in [(3600, 2), (10, 1)]:
            vendor.at += passed
            assert sync(tmp_path, url, **settings) == few


def test_a_partial_answer_is_asked_for_again_and_not_taken_as_complete(tmp_path: Path) -> None:
    vendor = vendor_of()
    vendor.warnings = ["PromQL info: metric might not be a counter", "store 10.0.0.7 is down"]
    with serving(vendor) as url:
        with pytest.raises(SourceError, match=r"in part \(store 10.* down\).*accept_partial"):
            sync(tmp_path, url)
        vendor.warnings, vendor.is_partial = vendor.warnings[:1], True
        with pytest.raises(SourceError, match=r"in part \(isPartial"):
            sync(tmp_path, url)
        assert points(tmp_path) == Counter()
        vendor.is_partial = False
        sync(tmp_path, url)
        assert points(tmp_path) == held(vendor, NOW - 2 * DAY, NOW - STEP)
        vendor.warnings, vendor.at = ["store 10.0.0.7 is down"], NOW + 3600
        sync(tmp_path, url, accept_partial=True)


def test_an_error_is_reported_and_a_number_alone_is_no_series(tmp_path: Path) -> None:
    with serving(vendor_of()) as url:
        wrong = Query(name="clock", query="time()", kind="objective")
        with pytest.raises(SourceError, match="query clock gives a scalar; write one that"):
            sync(tmp_path, url, queries=(wrong,))
        with pytest.raises(SourceError, match="answered 404"):
            sync(tmp_path, f"{url}/elsewhere")
    with serving(FakePrometheus(NOW)) as url:
        context = Source("prometheus", {}).context()
        assert (
            PrometheusConfig(url=url)
            .extractor(context)
            .check()
            .endswith("name those that are, in queries")
        )


def test_another_mapping_of_labels_is_a_newer_version_of_the_series(tmp_path: Path) -> None:
    vendor = vendor_of(services=1)
    metric = {"job": "j", "service": "s0", "team": "t"}
    vendor.held["errors"][0].metric = metric
    by_team = ERRORS.model_copy(
        update={"labels": ERRORS.labels.model_copy(update={"service": ("team",)})}
    )
    with serving(vendor) as url:
        for query in (ERRORS, by_team, by_team, ERRORS):
            sync(tmp_path, url, queries=(query,))
            vendor.held["errors"][0].points[vendor.at] = "1"
            vendor.at += 3600
    versions = list(landed(tmp_path, "prometheus/series"))
    assert len({one["series_id"] for one in versions}) == 1
    assert [(one["service"], one["metric"]) for one in versions] == [
        ("s0", metric), ("t", metric), ("s0", metric),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("metric", "expected"),
    [
        (
            {"__name__": "slo:sli_error:ratio_rate1h", "sloth_service": "pay", "sloth_slo": "up",
             "sloth_window": "1h", "service": "other"},
            ("pay", "up", 3600),
        ),
        (
            {"__name__": "job:slo_errors_per_request:ratio_rate30m",
             "label_app_kubernetes_io_name": "pay", "job": "j"},
            ("pay", "errors", 1800),
        ),
        ({"app_kubernetes_io_name": " ", "service_owner": "pay"}, ("pay", "errors", 300)),
        ({"window": "1h30m"}, (None, "errors", 5400)),
        ({"instance": "a", "window": "5 m"}, (None, "errors", None)),
    ],
)  # fmt: skip
def test_labels_name_service_objective_and_window(
    metric: dict[str, str], expected: tuple[str | None, str, int | None]
) -> None:
    record = series_record(ERRORS, metric)
    assert (record["service"], record["slo"], record["window_seconds"]) == expected


PAIR = base64.b64encode(f"ana:{TOKEN}".encode()).decode()


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, None),
        ({"PROMETHEUS_TOKEN": TOKEN, "PROMETHEUS_USER": "ana"}, f"Bearer {TOKEN}"),
        ({"PROMETHEUS_USER": "ana", "PROMETHEUS_PASSWORD": TOKEN}, f"Basic {PAIR}"),
    ],
)
def test_credentials_are_sent_and_written_nowhere(
    tmp_path: Path, environment: dict[str, str], expected: str | None
) -> None:
    vendor = vendor_of()
    with serving(vendor) as url:
        sync(tmp_path, url, environment, queries=(ERRORS, OBJECTIVES))
        vendor.is_expired = True
        with pytest.raises(SourceError, match="PROMETHEUS_TOKEN") as caught:
            sync(tmp_path, url, environment)
    assert {request.headers.get("authorization") for request in vendor.requests} == {expected}
    written = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    for secret in (TOKEN, PAIR):
        assert secret not in str(caught.value)
        assert secret.encode() not in written
