"""Points of Prometheus land once and in full, whatever happens on the way."""

from __future__ import annotations

import base64
import random
from collections import Counter
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from orchestration.http import AccessError, SourceError
from orchestration.landing import open_landing
from orchestration.vendors.base import Context
from orchestration.vendors.prometheus import PrometheusConfig
from orchestration.vendors.prometheus_queries import Query, seconds, series_record

from .loopback import IMPATIENT, landed, serving
from .vendor_prometheus import FakePrometheus, Series

STEP = 300
NOW = 1_767_225_600  # 2026-01-01, on the grid
DAY = 86_400
SPEC = Path(__file__).parents[3] / "shared" / "specs" / "prometheus-openapi-3.1.yaml"
ERRORS = Query(name="errors", query="errors", kind="error_ratio", window="5m")
OBJECTIVES = Query(name="objectives", query="objectives", kind="objective")
TOKEN = "tok-83c1e5"  # noqa: S105


def config(url: str, **settings: Any) -> PrometheusConfig:
    defaults: dict[str, Any] = {"queries": (ERRORS, OBJECTIVES), "since": date(2025, 12, 30)}
    return PrometheusConfig(url=url, **(defaults | settings))


def sync(root: Path, source: PrometheusConfig, environment: dict[str, str] | None = None) -> int:
    """One sync; the number of its requests."""
    extractor = source.extractor(Context(environment=environment or {}, patience=IMPATIENT))
    with open_landing(root, root / "state", "prometheus") as landing:
        extractor.sync(landing)
    return extractor.requests


def points(root: Path) -> Counter[tuple[str, int, str]]:
    """How often each point landed, by the service that its series was told to be of."""
    services = {series["series_id"]: series["service"] for series in landed(root, SERIES)}
    return Counter(
        (services[sample["series_id"]], sample["sampled_at"], sample["value"])
        for sample in landed(root, "prometheus/samples")
    )


SERIES = "prometheus/series"


def held(vendor: FakePrometheus, since: int, until: int) -> Counter[tuple[str, int, str]]:
    return Counter(
        (series.metric["service"], at, value)
        for series in vendor.held["errors"]
        for at, value in series.points.items()
        if since <= at <= until and at % STEP == 0
    )


def grid(service: str, since: int, until: int, value: str = "0.25") -> Series:
    return Series({"service": service}, dict.fromkeys(range(since, until + 1, STEP), value))


def vendor_of(days: int = 2, services: int = 2) -> FakePrometheus:
    vendor = FakePrometheus(NOW)
    vendor.held["errors"] = [
        grid(f"s{number}", NOW - days * DAY, NOW) for number in range(services)
    ]
    vendor.held["objectives"] = [Series({"service": "s0"}, {NOW: "0.999"})]
    return vendor


@pytest.mark.parametrize("seed", range(25))
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
        source = config(url, chunk_hours=chance.choice([1, 5, 24]), delay_seconds=STEP)
        for _ in range(2):
            sync(tmp_path, source)
            vendor.at += 3600
        vendor.before = lambda _: None
        sync(tmp_path, source)
    assert points(tmp_path) == held(vendor, NOW - 2 * DAY, vendor.at - STEP)


def test_requests_are_few(tmp_path: Path) -> None:
    vendor = vendor_of(days=30, services=3)
    with serving(vendor) as url:
        source = config(url, since=date(2025, 12, 2), queries=(ERRORS,))
        assert sync(tmp_path, source) == 3  # the clock, how many series, all of 30 days
        vendor.at += 3600
        assert sync(tmp_path, source) == 2
        vendor.at += 10
        assert sync(tmp_path, source) == 1  # no new point: the clock alone
    ranges = [request for request in vendor.requests if request.path.endswith("_range")]
    assert [int(request.one("end")) - int(request.one("start")) for request in ranges] == [
        30 * DAY - STEP, 3600 - STEP,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("settings", "limits", "requests"),
    [
        # 40 days are 11,520 points, more than the cap.
        ({}, {}, 2 + 2),
        ({"chunk_hours": 240}, {}, 2 + 4),
        # Refused as too much three times (11,000, 5,500 and 2,750), then 1,375 a time.
        ({}, {"max_samples": 1_375}, 2 + 3 + 9),
        # Older than what is kept: empty, and no reason to ask in small pieces.
        ({}, {"retention_seconds": 10 * DAY}, 2 + 2),
    ],
)
def test_chunks_stay_below_what_the_server_takes(
    tmp_path: Path, settings: dict[str, Any], limits: dict[str, int], requests: int
) -> None:
    vendor = vendor_of(days=40, services=1)
    for name, limit in limits.items():
        setattr(vendor, name, limit)
    with serving(vendor) as url:
        source = config(url, since=date(2025, 11, 22), queries=(ERRORS,), **settings)
        assert sync(tmp_path, source) == requests
    kept = NOW - min(vendor.retention_seconds, 40 * DAY)
    expected = held(vendor, kept, NOW - STEP)
    expected -= held(vendor, kept, kept) if "retention_seconds" in limits else Counter()
    assert points(tmp_path) == expected


def test_many_series_are_asked_for_in_chunks_that_fit_in_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("orchestration.vendors.prometheus.MAX_SAMPLES", 1_000)
    vendor = vendor_of(days=2, services=20)
    with serving(vendor) as url:
        sync(tmp_path, config(url, queries=(ERRORS,)))
    assert points(tmp_path) == held(vendor, NOW - 2 * DAY, NOW - STEP)
    ranges = [request for request in vendor.requests if request.path.endswith("_range")]
    assert len(ranges) == 12  # 576 points by 50


def test_an_answer_in_part_is_not_taken_for_the_whole(tmp_path: Path) -> None:
    vendor = vendor_of()
    vendor.warnings = ["PromQL info: metric might not be a counter", "store 10.0.0.7 is down"]
    with serving(vendor) as url:
        with pytest.raises(SourceError, match=r"in part \(store 10.* down\).*accept_partial"):
            sync(tmp_path, config(url))
        vendor.warnings, vendor.is_partial = vendor.warnings[:1], True
        with pytest.raises(SourceError, match=r"in part \(isPartial"):
            sync(tmp_path, config(url))
        assert points(tmp_path) == Counter()
        vendor.is_partial = False
        sync(tmp_path, config(url))
        assert points(tmp_path) == held(vendor, NOW - 2 * DAY, NOW - STEP)
        vendor.warnings, vendor.at = ["store 10.0.0.7 is down"], NOW + 3600
        sync(tmp_path, config(url, accept_partial=True))


def test_an_error_is_told_and_a_number_alone_is_no_series(tmp_path: Path) -> None:
    vendor = vendor_of()
    with serving(vendor) as url:
        wrong = Query(name="clock", query="time()", kind="objective")
        with pytest.raises(SourceError, match="query clock gives a scalar; write one that"):
            sync(tmp_path, config(url, queries=(wrong,)))
        with pytest.raises(SourceError, match="answered 404"):
            sync(tmp_path, config(f"{url}/elsewhere"))


def test_another_mapping_of_labels_is_a_newer_version_of_the_series(tmp_path: Path) -> None:
    vendor = vendor_of(services=1)
    vendor.held["errors"][0].metric = {"job": "j", "service": "s0", "team": "t"}
    with serving(vendor) as url:
        sync(tmp_path, config(url, queries=(ERRORS,)))
        vendor.at += 3600
        vendor.held["errors"][0].points[NOW + STEP] = "1"
        renamed = ERRORS.model_copy(
            update={"labels": ERRORS.labels.model_copy(update={"service": ("team",)})}
        )
        sync(tmp_path, config(url, queries=(renamed,)))
        sync(tmp_path, config(url, queries=(renamed,)))
        vendor.at += 3600
        vendor.held["errors"][0].points[NOW + 3600 + STEP] = "1"
        sync(tmp_path, config(url, queries=(ERRORS,)))
    first, second, third = landed(tmp_path, SERIES)
    assert first["series_id"] == second["series_id"] == third["series_id"]
    assert [one["service"] for one in (first, second, third)] == ["s0", "t", "s0"]
    assert first["metric"] == {"job": "j", "service": "s0", "team": "t"}


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
        ({"instance": "a"}, (None, "errors", 300)),
    ],
)  # fmt: skip
def test_labels_tell_service_objective_and_window(
    metric: dict[str, str], expected: tuple[str | None, str, int]
) -> None:
    record = series_record(ERRORS, metric)
    assert (record["service"], record["slo"], record["window_seconds"]) == expected


def test_settings_are_checked() -> None:
    assert seconds("1h30m") == 5400
    assert seconds("5 m") is None
    read = PrometheusConfig.model_validate(
        {"queries": [{"name": "a", "query": "b", "kind": "burn_rate",
                      "labels": {"service": "team", "slo": ["x", "y"]}}]}
    )  # fmt: skip
    assert read.queries[0].labels.service == ("team",)


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, None),
        ({"PROMETHEUS_TOKEN": TOKEN, "PROMETHEUS_USER": "ana"}, f"Bearer {TOKEN}"),
        (
            {"PROMETHEUS_USER": "ana", "PROMETHEUS_PASSWORD": TOKEN},
            "Basic " + base64.b64encode(f"ana:{TOKEN}".encode()).decode(),
        ),
    ],
)
def test_credentials_are_sent_and_written_nowhere(
    tmp_path: Path, environment: dict[str, str], expected: str | None
) -> None:
    vendor = vendor_of()
    with serving(vendor) as url:
        sync(tmp_path, config(url), environment)
        vendor.is_expired = True
        with pytest.raises(AccessError, match="PROMETHEUS_TOKEN") as told:
            sync(tmp_path, config(url), environment)
    assert {request.headers.get("authorization") for request in vendor.requests} == {expected}
    written = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    for secret in (TOKEN, (expected or TOKEN).split()[-1]):
        assert secret not in str(told.value)
        assert secret.encode() not in written


def test_check_says_what_there_is() -> None:
    with serving(vendor_of()) as url:
        extractor = config(url).extractor(Context(environment={}, patience=IMPATIENT))
        assert extractor.check() == "series now: 2 of errors, 1 of objectives"
    with serving(FakePrometheus(NOW)) as url:
        extractor = config(url).extractor(Context(environment={}, patience=IMPATIENT))
        assert extractor.check().endswith("; none is recorded: name what is, in queries")
